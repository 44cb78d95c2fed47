"""The metrics that the harness can score, with all that is known about each: one entry per metric.

The recogniser (core.task) reads the wording; the scorer (core.judging) implements one function per
name; docs/metrics.md is written from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from core.records import CompetitionSpec, ValueKind
from core.score import Direction

# Values whose cells are texts of any length. Labels are tried for these kinds in this order.
WORDS: tuple[ValueKind, ...] = ("mask", "list", "text")
# Several predictions of these make one by vote: they have no mean.
VOTING: frozenset[ValueKind] = frozenset({"label", *WORDS})

# (worst, best) value; None where there is no such bound.
Bounds = tuple[float | None, float | None]
LOSS: Bounds = (None, 0.0)
SHARE: Bounds = (0.0, 1.0)
CORRELATION: Bounds = (-1.0, 1.0)

# What a list is: words in any order; the best ones first; an order of the row's own words; items
# one after another.
Lists = Literal["sets", "rankings", "orders", "sequences"]
# Several columns are shares of one whole: never; where the rows of the answers sum to 1; always,
# and the answers may count votes.
OfShares = Literal["never", "possibly", "always"]
# The number that scores best as the answer to every row, by its formula in
# core.task.recognise.baseline.
Constant = Literal["mean", "median", "log_mean", "relative_mean", "quantile"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How texts speak of a metric: regular expressions over normalised lower-case text."""

    # Its names. Of a family the last group of each is the number.
    names: tuple[str, ...]
    # Relatives of the same words that have no scorer and must not be taken for it.
    relatives: tuple[str, ...] = ()
    # The name is a common word, and yields to any other that stands in the same sentence.
    common: bool = False


@dataclass(frozen=True, slots=True)
class AnswerNeeds:
    """What answers and predictions must be."""

    of_shares: OfShares = "never"
    # Of what single columns hold it says nothing.
    several_columns: bool = False
    # Labels are numbers, because the distance between two of them counts.
    numeric_labels: bool = False
    # Of predictions that are the same in all rows of a column it has no value.
    varied: bool = False
    # Least number that may be predicted; it has no value below.
    least: float | None = None
    lists: Lists = "sets"


@dataclass(frozen=True, slots=True)
class MetricParameter:
    """A number for each target beside the metric's name."""

    meaning: Literal["quantile", "scale"]
    # Where nothing says another.
    usual: float


QUANTILE = MetricParameter("quantile", 0.5)
# Mean absolute step of the answers of train from row to row: what the naive forecast errs.
SCALE = MetricParameter("scale", 1.0)


@dataclass(frozen=True, slots=True)
class MetricName:
    """One scorer. A name that ends in @k stands for a family: map@5 is one of map@k."""

    # As in journals and documents.
    name: str
    # Which scores are better.
    direction: Direction
    # What a prediction is: probability (ranks or class probabilities), label (one of the training
    # labels), real, list (several words in a cell, separated by spaces), text (one free text) or
    # mask (run lengths: pairs of start and length, from 1).
    predicts: ValueKind
    # How texts speak of it.
    wording: Wording
    # Of its value.
    bounds: Bounds
    # Further kinds of values that it can score.
    also: tuple[ValueKind, ...] = ()
    # What it asks of answers.
    needs: AnswerNeeds = AnswerNeeds()
    # The best answer to every row.
    constant: Constant = "mean"
    # Blends average ranks, because only the order of the predictions counts.
    by_ranks: bool = False
    # Made of one value per row, so that rows can be weighed; words never are.
    by_rows: bool = True
    # An average over classes already: the mean over a column of class names says nothing more.
    over_classes: bool = False
    # What a family is told apart by.
    parameter: MetricParameter | None = None
    # Another metric whose advice to those who write programs (agents/skills) fits as well.
    advice: str = ""
    # The number of a family, None in METRICS.
    at: int | None = None

    @property
    def kinds(self) -> tuple[ValueKind, ...]:
        return (self.predicts, *self.also)

    @property
    def weighable(self) -> bool:
        """True where rows can be weighed and averages over the values of a column be taken."""
        return self.by_rows and self.predicts not in WORDS


_F1 = r"f[ -]?1(?:[ -](?:score|measure))?"
_LOGS = r"(?:the )?(?:natural )?(?:log(?:arithm)?s?|ln)(?:\(| (?:of|price|transformed|scaled)|1p\b)"
_RMSE = r"root[ -]?mean[ -]squared?[ -](?:error|deviation)"
_COLUMNS = r"(?:mean )?column[ -]?wise "
_AT = r" ?(?:score )?(?:at|@) ?(?:the )?(?:top )?\{?(?:k ?= ?)?(\d+)"
_MAPE = r"mean[ -]absolute[ -]percent(?:age)?[ -]error"
_MRR = r"mean reciprocal ranks?"
_NDCG = r"normali[sz]ed discounted cumulative gains?"
_WEIGHED = r"(?:weighted|normali[sz]ed|scaled|relative|median|modified|adjusted|smoothed|huber)"

METRICS: tuple[MetricName, ...] = (
    MetricName(
        "quadratic_weighted_kappa",
        "maximize",
        "label",
        Wording(
            names=(
                r"quadratic(?:ally)?[ -](?:weighted )?(?:cohen'?s )?kappa(?: \([^)]*kappa\))?",
                r"(?:cohen'?s )?kappa(?: \w+){0,4} (?:with )?quadratic(?:ally)?",
                r"\bqwk\b",
            ),
        ),
        CORRELATION,
        needs=AnswerNeeds(numeric_labels=True),
    ),
    MetricName(
        "linear_weighted_kappa",
        "maximize",
        "label",
        Wording(
            names=(
                r"linear(?:ly)?[ -](?:weighted )?(?:cohen'?s )?kappa(?: \([^)]*kappa\))?",
                r"(?:cohen'?s )?kappa(?: \w+){0,4} (?:with )?linear(?:ly)?",
            ),
        ),
        CORRELATION,
        needs=AnswerNeeds(numeric_labels=True),
        advice="quadratic_weighted_kappa",
    ),
    MetricName(
        "cohen_kappa",
        "maximize",
        "label",
        Wording(
            names=(
                r"(?:unweighted )?cohen'?s kappa(?: (?:score|coefficient|statistic|index))?",
                r"\bkappa (?:score|coefficient|statistic|index)",
            ),
            relatives=(
                r"\bkappa\b",
                r"fleiss'?s? kappa(?: (?:score|coefficient|statistic|index))?",
                rf"(?:adjusted|{_WEIGHED}) (?:[\w-]+ )?(?:cohen'?s )?kappa"
                r"(?: (?:score|coefficient|statistic|index))?",
                # Weights that are said behind the name.
                r"(?:cohen'?s )?kappa(?: \w+)? ?[,(][^.]{0,60}?(?:quadratic|linear|weight)\w*",
            ),
        ),
        CORRELATION,
        advice="accuracy",
    ),
    MetricName(
        "map@k",
        "maximize",
        "list",
        Wording(
            names=(
                rf"(?:mean )?average[ -]precision{_AT}(?: \(map ?@ ?\d+\))?",
                r"\bm?ap ?@ ?\{?(?:k ?= ?)?(\d+)",
            ),
            relatives=(
                r"mean[ -]average[ -]precision",
                r"\bmap\b ?(?:@ ?\{?(?!\d)\w*)?",
                r"(?:mean |average )*precision (?:score )?(?:at|@) ?\{?(?!\d)\w+",
                r"(?<!average )(?<!average-)precision (?:score )?(?:at|@) ?\{?\d+|\bp@\d+",
                r"\brecall (?:at|@) ?\w+",
            ),
        ),
        SHARE,
        needs=AnswerNeeds(lists="rankings"),
    ),
    MetricName(
        "ndcg@k",
        "maximize",
        "list",
        Wording(
            names=(
                rf"{_NDCG}(?: \(ndcg\))?{_AT}(?: \(ndcg ?@ ?\d+\))?",
                rf"{_NDCG} \(ndcg ?@ ?\{{?(?:k ?= ?)?(\d+)\}}?\)?",
                rf"\bndcg(?: \({_NDCG}\))?{_AT}",
                rf"\bndcg(?: \({_NDCG}\))? ?@ ?k,? where k ?= ?(\d+)",
            ),
            relatives=(
                r"\b[nd]?dcg\b|discounted cumulative gain",
                rf"(?:truncated|exponential) ndcg{_AT}",
            ),
        ),
        SHARE,
        needs=AnswerNeeds(lists="rankings"),
        advice="map@k",
    ),
    MetricName(
        "mrr@k",
        "maximize",
        "list",
        Wording(
            names=(
                rf"{_MRR}(?: \(mrr\))?{_AT}(?: \(mrr ?@ ?\d+\))?",
                rf"{_MRR} \(mrr ?@ ?\{{?(?:k ?= ?)?(\d+)\}}?\)?",
                rf"\bmrr{_AT}",
            ),
            relatives=(rf"(?:{_MRR}|\bmrr\b) ?(?:@|at rank|at k\b) ?\{{?(?!\d)\w*",),
        ),
        SHARE,
        needs=AnswerNeeds(lists="rankings"),
        advice="map@k",
    ),
    MetricName(
        "mrr",
        "maximize",
        "list",
        Wording(names=(rf"{_MRR}(?: \(mrr\))?", r"\bmrr\b")),
        SHARE,
        needs=AnswerNeeds(lists="rankings"),
        advice="map@k",
    ),
    MetricName(
        "iou_precision",
        "maximize",
        "mask",
        Wording(
            names=(
                r"mean average precision at (?:different|various|several|multiple) "
                r"(?:intersection[ -]over[ -]union|iou)(?: \(iou\))?(?: thresholds?)?",
            ),
            relatives=(r"intersection[ -]over[ -]union|\bm?iou\b|hausdorff|panoptic|bounding box",),
        ),
        SHARE,
    ),
    MetricName(
        "lwlrap",
        "maximize",
        "probability",
        Wording(
            names=(r"label[ -]weighted label[ -]ranking average precision", r"\blwlrap\b"),
        ),
        SHARE,
        needs=AnswerNeeds(several_columns=True),
        over_classes=True,
    ),
    MetricName(
        "lrap",
        "maximize",
        "probability",
        Wording(names=(r"label[ -]ranking average precision", r"\blrap\b")),
        SHARE,
        needs=AnswerNeeds(several_columns=True),
        over_classes=True,
    ),
    MetricName(
        "average_precision",
        "maximize",
        "probability",
        Wording(
            names=(
                r"\baverage[ -]precision\b(?! (?:score )?at\b| (?:score )?@|@)",
                r"area under the precision[- ]recall[ -]curve",
                r"\bpr[ -]?auc\b",
                r"\bauc[ -]?pr\b",
                r"\bauprc\b",
            ),
        ),
        SHARE,
        by_ranks=True,
        by_rows=False,
    ),
    MetricName(
        "roc_auc",
        "maximize",
        "probability",
        Wording(
            names=(
                r"area under (?:the )?(?:receiver[ -]operating|roc)(?:[ -]characteristics?)?"
                r"(?: \(?roc\)?)?(?: curve)?(?: \(auc\))?",
                r"\b(?:roc|auc)[ -]?(?:auc|roc)s?(?: scores?)?\b",
                r"\bauroc\b",
                r"\baucs?\b",
                r"area under (?:the )?curve",
            ),
            relatives=(
                r"(?:weighted|partial|subgroup|balanced|bias) (?:\w+[ -]){0,3}au(?:ro)?cs?\b"
                r"|partial area under[\w -]*|\bpauc\b",
            ),
        ),
        SHARE,
        by_ranks=True,
        by_rows=False,
    ),
    MetricName(
        "normalized_gini",
        "maximize",
        "real",
        Wording(
            names=(r"normali[sz]ed gini(?:'?s)?(?: (?:coefficient|index|score))?(?: \(gini\))?",),
            relatives=(r"\bgini\b", r"normali[sz]ed weighted gini|weighted normali[sz]ed gini"),
        ),
        CORRELATION,
        also=("probability",),
        by_ranks=True,
        by_rows=False,
        advice="roc_auc",
    ),
    MetricName(
        "rmsle",
        "minimize",
        "real",
        Wording(
            names=(
                r"root[ -]?mean[ -]squared?[ -]log(?:arithmic|arithm)?[ -](?:error|deviation)"
                r"(?: \(rmsle\))?",
                r"\brmsle\b",
                rf"(?:{_RMSE}|\brmse\b)(?: \([^)]*\))? (?:between|of|on|computed on) {_LOGS}",
            ),
            relatives=(
                r"(?<!root )(?<!root-)mean[ -]squared?[ -]log(?:arithmic)?[ -]error|(?<!\w)msle\b",
            ),
        ),
        LOSS,
        needs=AnswerNeeds(least=0.0),
        constant="log_mean",
    ),
    MetricName(
        "mcrmse",
        "minimize",
        "real",
        Wording(names=(rf"{_COLUMNS}(?:{_RMSE}|rmse\b)(?: \(mcrmse\))?", r"\bmcrmse\b")),
        LOSS,
    ),
    MetricName(
        "rmse",
        "minimize",
        "real",
        Wording(
            names=(rf"{_RMSE}(?: \(rmse\))?", r"\brmse\b"),
            relatives=(
                rf"{_WEIGHED} (?:{_RMSE}|rmse\b)",
                r"root[ -]?mean[ -]squared?[ -](?:scaled|relative)[ -]error",
                r"\brmsse\b|\bw(?:rmse|rmsse)\b",
            ),
        ),
        LOSS,
    ),
    MetricName(
        "rmspe",
        "minimize",
        "real",
        Wording(
            names=(
                r"root[ -]?mean[ -]squared?[ -]percent(?:age)?[ -]error(?: \(rmspe\))?",
                r"\brmspe\b",
            ),
            relatives=(
                rf"{_WEIGHED} (?:root[ -]?mean[ -]squared?[ -]percent(?:age)?[ -]error|rmspe\b)",
            ),
        ),
        LOSS,
        constant="relative_mean",
        advice="rmsle",
    ),
    MetricName(
        "mse",
        "minimize",
        "real",
        Wording(
            names=(
                r"(?<!root )(?<!root-)mean[ -]squared?[ -]error(?: \(mse\))?",
                r"(?<!\w)mse\b",
            ),
        ),
        LOSS,
    ),
    MetricName(
        "mape",
        "minimize",
        "real",
        Wording(
            names=(
                rf"{_MAPE}(?: \(mape\))?",
                r"\bmape\b",
            ),
        ),
        LOSS,
    ),
    MetricName(
        "smape",
        "minimize",
        "real",
        Wording(
            names=(
                rf"symmetric(?:al)?[ -](?:{_MAPE}|mape\b)(?: \(smape\))?",
                r"\bsmape\b",
            ),
            relatives=(rf"{_WEIGHED} (?:symmetric(?:al)?[ -](?:{_MAPE}|mape\b)|smape\b)",),
        ),
        LOSS,
        constant="median",
        advice="mae",
    ),
    MetricName(
        "log_mae",
        "minimize",
        "real",
        Wording(
            names=(r"log(?:arithm)? of (?:the )?(?:mean absolute error|mae\b)(?: \(mae\))?",),
        ),
        LOSS,
        constant="median",
    ),
    MetricName(
        "mae",
        "minimize",
        "real",
        Wording(
            names=(r"mean[ -]absolute[ -](?:error|deviation)(?: \(mae\))?", r"\bmae\b"),
            relatives=(
                rf"{_WEIGHED} (?:mean absolute (?:percentage )?error|mae\b)|\bwmae\b",
                r"median (?:absolute|squared) (?:error|deviation)",
                r"(?:errors?|mae|rmse|loss(?:es)?)\b[^.]{0,40}\b(?:is|are|be) "
                r"(?:clipped|capped|truncated)"
                r"|(?:clipped|capped|truncated) (?:[\w-]+ ){0,3}(?:error|mae|rmse|loss)",
            ),
        ),
        LOSS,
        constant="median",
    ),
    MetricName(
        "mase",
        "minimize",
        "real",
        Wording(
            names=(r"mean[ -]absolute[ -]scaled[ -]error(?: \(mase\))?", r"\bmase\b"),
            relatives=(rf"{_WEIGHED} (?:mean[ -]absolute[ -]scaled[ -]error|mase\b)|\bwmase\b",),
        ),
        LOSS,
        constant="median",
        parameter=SCALE,
        advice="mae",
    ),
    MetricName(
        "log_cosh",
        "minimize",
        "real",
        Wording(
            names=(
                r"log[ -]?cosh(?:[ -](?:loss|error))?",
                r"log(?:arithm)? of (?:the )?hyperbolic cosine(?: of (?:the )?[\w ]*errors?)?",
            ),
        ),
        LOSS,
        advice="mae",
    ),
    MetricName(
        "pinball",
        "minimize",
        "real",
        Wording(
            names=(r"(?:pinball|quantile)[ -]loss(?:es)?(?: function)?",),
            relatives=(
                r"\bpinball\b",
                rf"{_WEIGHED} (?:[\w-]+ )?(?:pinball|quantile)[ -]loss(?:es)?(?: function)?",
            ),
        ),
        LOSS,
        constant="quantile",
        parameter=QUANTILE,
        advice="mae",
    ),
    MetricName(
        "r2",
        "maximize",
        "real",
        Wording(
            names=(
                r"\br[ -]?(?:2|\^ ?\{?2\}?|squared|²)(?: score)?(?!\w)",
                r"coefficient of determination(?:,? \(?r[ -]?(?:2|\^2|squared|²)\)?)?",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|adjusted) (?:[\w-]+ )?"
                r"(?:r[ -]?(?:2|squared)|coefficient of determination)",
                r"explained variance|pseudo[ -]?r[ -]?(?:2|squared)",
            ),
        ),
        (None, 1.0),
    ),
    MetricName(
        "pearson",
        "maximize",
        "real",
        Wording(
            names=(
                r"pearson'?s?(?: product[ -]moment)?(?: linear)?(?: correlation)?"
                r"(?: coefficient)?(?:,? \(?r\)?)?(?!\w)",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?(?:pearson|spearman)"
                r"(?:'?s)?(?: \w+){0,2}",
                r"correlation coefficient|rank correlation|concordance|\bc-index\b|goodman",
            ),
        ),
        CORRELATION,
        needs=AnswerNeeds(varied=True),
    ),
    MetricName(
        "spearman",
        "maximize",
        "real",
        Wording(
            names=(
                rf"(?:{_COLUMNS})?spearman'?s?(?: rho)?(?: rank)?(?:[ -]order)?"
                r"(?: correlation)?(?: coefficient)?",
            ),
        ),
        CORRELATION,
        needs=AnswerNeeds(varied=True),
        by_rows=False,
    ),
    MetricName(
        "kl_divergence",
        "minimize",
        "probability",
        Wording(
            names=(
                r"kullback[ -]+(?:leibler|liebler)(?: \(?kl\)?)?(?:[ -]divergence)?(?: \(kl\))?",
                r"\bkl[ -]divergence",
            ),
            relatives=(r"jensen[ -]shannon|wasserstein|earth mover",),
        ),
        LOSS,
        needs=AnswerNeeds(of_shares="always"),
    ),
    MetricName(
        "log_loss",
        "minimize",
        "probability",
        Wording(
            names=(
                r"(?:multi[ -]?class |binary )?log(?:arithmic|istic)?[ -]?loss",
                r"cross[ -]entropy(?: loss)?",
            ),
            relatives=(
                r"(?:weighted|balanced|focal|normali[sz]ed|modified) (?:[\w-]+ ){0,3}"
                r"(?:log(?:arithmic)?[ -]?loss|cross[ -]entropy)",
                r"log[ -]?likelihood",
            ),
        ),
        LOSS,
        needs=AnswerNeeds(of_shares="possibly"),
    ),
    MetricName(
        "brier",
        "minimize",
        "probability",
        Wording(
            names=(r"(?:multi[ -]?class |binary )?brier(?:'?s)?(?: (?:score|loss))*",),
            relatives=(
                r"(?:weighted|balanced|stratified|integrated|scaled|adjusted|continuous|censored|ipcw"
                r"|half|time[ -]dependent)[ -]brier(?:'?s)?(?: (?:score|loss))*",
                r"brier skill(?: score)?",
            ),
        ),
        (2.0, 0.0),
        needs=AnswerNeeds(of_shares="possibly"),
        advice="log_loss",
    ),
    MetricName(
        "probabilistic_f1",
        "maximize",
        "probability",
        Wording(names=(rf"probabilistic {_F1}(?: \(pf1\))?", r"\bpf1(?:[ -]score)?\b")),
        SHARE,
        over_classes=True,
    ),
    MetricName(
        "f1_macro",
        "maximize",
        "label",
        Wording(
            names=(
                rf"macro[ -]?(?:averaged?)?[ -]?{_F1}",
                rf"{_F1}[ -,(]*macro(?:[ -]averaged?)?",
                r"macro f[ -]?(?:score|measure)",
            ),
            relatives=(
                r"(?:sample[sd]?|instance|example)[ -](?:weighted|averaged? |based |mean )" + _F1,
                r"\bf[ -]?(?:[2-9]|0\.5|beta|\u03b2)[ -]?(?:score|measure)?\b",
            ),
        ),
        SHARE,
        also=("list",),
        over_classes=True,
    ),
    MetricName(
        "f1_micro",
        "maximize",
        "label",
        Wording(
            names=(
                rf"micro[ -]?(?:averaged?)?[ -]?{_F1}",
                rf"{_F1}[ -,(]*micro(?:[ -]averaged?)?",
                r"micro f[ -]?(?:score|measure)",
                rf"mean {_F1}",
            ),
        ),
        SHARE,
        also=("list",),
        over_classes=True,
    ),
    MetricName(
        "f1_weighted",
        "maximize",
        "label",
        Wording(
            names=(
                rf"(?<!label[ -])weighted[ -](?:averaged? |mean )?{_F1}",
                rf"{_F1}[ -,(]*weighted(?:[ -]averaged?)?",
            ),
        ),
        SHARE,
        over_classes=True,
    ),
    MetricName(
        "mcc",
        "maximize",
        "label",
        Wording(
            names=(
                r"matthews?'?s?(?: correlation)?(?: coefficient)?(?: \(mcc\))?",
                r"\bmcc\b",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|adjusted) (?:[\w-]+ )?mcc\b",
                r"phi coefficient",
            ),
        ),
        CORRELATION,
    ),
    MetricName(
        "word_error_rate",
        "minimize",
        "text",
        Wording(
            names=(
                r"word error rate(?: \(wer\))?",
                r"\bwer\b",
                r"sum of (?:the )?levenshtein distances\b[^.]{0,200}\b"
                r"divided by the (?:total )?number of",
            ),
        ),
        LOSS,
        also=("list",),
        needs=AnswerNeeds(lists="sequences"),
    ),
    MetricName(
        "character_error_rate",
        "minimize",
        "text",
        Wording(names=(r"character error rate(?: \(cer\))?",)),
        LOSS,
    ),
    MetricName(
        "levenshtein",
        "minimize",
        "text",
        Wording(
            names=(
                r"(?:(?:mean|average) )?levenshtein(?:'?s)?(?: edit)?(?: distances?)?",
                r"(?:(?:mean|average) )?edit distances?",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?(?:levenshtein|edit)"
                r"(?:'?s)?(?: \w+){0,2}",
                r"damerau[ -]levenshtein(?: distance)?",
            ),
        ),
        LOSS,
        also=("list",),
        needs=AnswerNeeds(lists="sequences"),
    ),
    MetricName(
        "jaccard",
        "maximize",
        "text",
        Wording(
            names=(
                r"(?:(?:mean|average|word[ -]level) )*jaccard(?:'?s)?"
                r"(?: (?:similarity|index|coefficient))?(?: score)?",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?jaccard"
                r"(?:'?s)?(?: \w+){0,2}",
            ),
        ),
        SHARE,
        also=("list", "mask"),
    ),
    MetricName(
        "kendall",
        "maximize",
        "list",
        Wording(
            names=(
                r"kendall'?s?[ -]tau(?:[ -][abc]\b)?(?: rank)?(?: correlation)?(?: coefficient)?",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?kendall"
                r"(?:'?s)?(?: \w+){0,2}",
            ),
        ),
        CORRELATION,
        needs=AnswerNeeds(lists="orders"),
    ),
    MetricName(
        "dice_global",
        "maximize",
        "mask",
        Wording(names=(r"global (?:sørensen[ -]+)?dice(?:[ -](?:coefficient|score|index))?",)),
        SHARE,
    ),
    MetricName(
        "dice",
        "maximize",
        "mask",
        Wording(
            names=(
                r"(?:mean|average) (?:sørensen[ -]+)?dice(?: similarity)?"
                r"(?:[ -](?:coefficient|score|index))?",
            ),
            relatives=(
                r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?dice"
                r"(?:'?s)?(?: \w+){0,2}",
            ),
        ),
        SHARE,
    ),
    MetricName(
        "balanced_accuracy",
        "maximize",
        "label",
        Wording(names=(r"balanced (?:classification )?accuracy(?: score)?",)),
        SHARE,
        over_classes=True,
    ),
    MetricName(
        "error_rate",
        "minimize",
        "label",
        Wording(
            names=(
                r"(?:mis)?classification error(?: rate)?",
                r"\berror rate\b",
                r"misclassification rate",
            ),
            relatives=(
                r"(?:top[ -]?[2-9]\d*|equal|phoneme|hierarchical) (?:\w+ )?error(?: rate)?",
            ),
            common=True,
        ),
        (1.0, 0.0),
    ),
    MetricName(
        "accuracy",
        "maximize",
        "label",
        Wording(
            names=(
                r"(?:classification|categori[sz]ation|prediction|multi[- ]?class) accuracy",
                r"\baccuracy\b",
                r"(?:percent(?:age)?|fraction|proportion|share) of [^.]{0,60}\bcorrect(?:ly)?\b",
            ),
            relatives=(
                r"(?:weighted|top[ -]?\d+|per[ -]class|class[ -]averaged|mean class|exact match) "
                r"(?:\w+ )?accuracy",
            ),
            common=True,
        ),
        SHARE,
        also=("text",),
    ),
)

_FAMILY = "@k"
_NUMBERED = re.compile(r"(.+)@([1-9]\d{0,4})")


class _Registry(Mapping[str, MetricName]):
    """METRICS by name; any number may stand for the k of a family."""

    def __init__(self, metrics: tuple[MetricName, ...]) -> None:
        self._known = {metric.name: metric for metric in metrics}

    def __getitem__(self, name: str) -> MetricName:
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None:
            return self._known[name]
        return replace(self._known[numbered[1] + _FAMILY], name=name, at=int(numbered[2]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


BY_NAME: Mapping[str, MetricName] = _Registry(METRICS)


def family(name: str) -> str:
    """The name as METRICS has it: map@k for map@5, any other name itself."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return name
    return numbered[1] + _FAMILY


def predicts(spec: CompetitionSpec) -> ValueKind:
    """What the sample holds, where the metric can score it or is not in BY_NAME; else what the
    metric wants.
    """
    known = BY_NAME.get(spec.metric.name)
    if known is None or spec.value_kind in known.kinds:
        return spec.value_kind
    return known.predicts
