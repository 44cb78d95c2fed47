"""The metrics that the harness can score, by name: direction, what a prediction is, and how texts
call them.

The recogniser (core.task) reads the phrases; the scorer (core.judging) implements one function per
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from core.score import Direction

Predicts = Literal["probability", "label", "real", "list", "text", "mask"]
# Several predictions of these make one by vote: they have no mean.
VOTING: frozenset[str] = frozenset({"label", "list", "text", "mask"})


@dataclass(frozen=True, slots=True)
class MetricName:
    """One scorer.

    predicts: probability (ranks or class probabilities), label (one of the training labels), real,
    list (several words in a cell, separated by spaces), text (one free text) or mask (run lengths:
    pairs of start and length, from 1). phrases: regular expressions over normalised lower-case
    text; in METRICS specific names stand before general ones. also: further kinds of values that it
    can score. A name that ends in @k stands for a family: map@5 is map@k, and the last group of
    each of its phrases is the number. at: that number, None in METRICS.
    """

    name: str
    direction: Direction
    predicts: Predicts
    phrases: tuple[str, ...]
    also: tuple[Predicts, ...] = ()
    at: int | None = None

    @property
    def kinds(self) -> tuple[Predicts, ...]:
        return (self.predicts, *self.also)


_F1 = r"f[ -]?1(?:[ -](?:score|measure))?"
_LOGS = r"(?:the )?(?:natural )?(?:log(?:arithm)?s?|ln)(?:\(| (?:of|price|transformed|scaled)|1p\b)"
_RMSE = r"root[ -]?mean[ -]squared?[ -](?:error|deviation)"
_COLUMNS = r"(?:mean )?column[ -]?wise "
_AT = r" ?(?:score )?(?:at|@) ?(?:the )?(?:top )?\{?(?:k ?= ?)?(\d+)"

METRICS: tuple[MetricName, ...] = (
    MetricName(
        "quadratic_weighted_kappa",
        "maximize",
        "label",
        (
            r"quadratic(?:ally)?[ -](?:weighted )?(?:cohen'?s )?kappa(?: \([^)]*kappa\))?",
            r"(?:cohen'?s )?kappa(?: \w+){0,4} (?:with )?quadratic(?:ally)?",
            r"\bqwk\b",
        ),
    ),
    MetricName(
        "map@k",
        "maximize",
        "list",
        (
            rf"(?:mean )?average[ -]precision{_AT}(?: \(map ?@ ?\d+\))?",
            r"\bm?ap ?@ ?\{?(?:k ?= ?)?(\d+)",
        ),
    ),
    MetricName(
        "iou_precision",
        "maximize",
        "mask",
        (
            r"mean average precision at (?:different|various|several|multiple) "
            r"(?:intersection[ -]over[ -]union|iou)(?: \(iou\))?(?: thresholds?)?",
        ),
    ),
    MetricName(
        "lwlrap",
        "maximize",
        "probability",
        (r"label[ -]weighted label[ -]ranking average precision", r"\blwlrap\b"),
    ),
    MetricName(
        "lrap", "maximize", "probability", (r"label[ -]ranking average precision", r"\blrap\b")
    ),
    MetricName(
        "average_precision",
        "maximize",
        "probability",
        (
            r"\baverage[ -]precision\b(?! (?:score )?at\b| (?:score )?@|@)",
            r"area under the precision[- ]recall[ -]curve",
            r"\bpr[ -]?auc\b",
            r"\bauc[ -]?pr\b",
            r"\bauprc\b",
        ),
    ),
    MetricName(
        "roc_auc",
        "maximize",
        "probability",
        (
            r"area under (?:the )?(?:receiver[ -]operating|roc)(?:[ -]characteristics?)?(?: \(?roc\)?)?(?: curve)?"
            r"(?: \(auc\))?",
            r"\b(?:roc|auc)[ -]?(?:auc|roc)s?(?: scores?)?\b",
            r"\bauroc\b",
            r"\baucs?\b",
            r"area under (?:the )?curve",
        ),
    ),
    MetricName(
        "rmsle",
        "minimize",
        "real",
        (
            r"root[ -]?mean[ -]squared?[ -]log(?:arithmic|arithm)?[ -](?:error|deviation)(?: \(rmsle\))?",
            r"\brmsle\b",
            rf"(?:{_RMSE}|\brmse\b)(?: \([^)]*\))? (?:between|of|on|computed on) {_LOGS}",
        ),
    ),
    MetricName(
        "mcrmse",
        "minimize",
        "real",
        (rf"{_COLUMNS}(?:{_RMSE}|rmse\b)(?: \(mcrmse\))?", r"\bmcrmse\b"),
    ),
    MetricName("rmse", "minimize", "real", (rf"{_RMSE}(?: \(rmse\))?", r"\brmse\b")),
    MetricName(
        "mse",
        "minimize",
        "real",
        (r"(?<!root )(?<!root-)mean[ -]squared?[ -]error(?: \(mse\))?", r"(?<!\w)mse\b"),
    ),
    MetricName(
        "mape",
        "minimize",
        "real",
        (r"mean[ -]absolute[ -]percent(?:age)?[ -]error(?: \(mape\))?", r"\bmape\b"),
    ),
    MetricName(
        "log_mae",
        "minimize",
        "real",
        (r"log(?:arithm)? of (?:the )?(?:mean absolute error|mae\b)(?: \(mae\))?",),
    ),
    MetricName(
        "mae",
        "minimize",
        "real",
        (r"mean[ -]absolute[ -](?:error|deviation)(?: \(mae\))?", r"\bmae\b"),
    ),
    MetricName(
        "r2",
        "maximize",
        "real",
        (
            r"\br[ -]?(?:2|\^ ?\{?2\}?|squared|²)(?: score)?(?!\w)",
            r"coefficient of determination(?:,? \(?r[ -]?(?:2|\^2|squared|²)\)?)?",
        ),
    ),
    MetricName(
        "pearson",
        "maximize",
        "real",
        (
            r"pearson'?s?(?: product[ -]moment)?(?: linear)?(?: correlation)?(?: coefficient)?(?:,? \(?r\)?)?(?!\w)",
        ),
    ),
    MetricName(
        "spearman",
        "maximize",
        "real",
        (
            rf"(?:{_COLUMNS})?spearman'?s?(?: rho)?(?: rank)?(?:[ -]order)?(?: correlation)?(?: coefficient)?",
        ),
    ),
    MetricName(
        "kl_divergence",
        "minimize",
        "probability",
        (
            r"kullback[ -]+(?:leibler|liebler)(?: \(?kl\)?)?(?:[ -]divergence)?(?: \(kl\))?",
            r"\bkl[ -]divergence",
        ),
    ),
    MetricName(
        "log_loss",
        "minimize",
        "probability",
        (
            r"(?:multi[ -]?class |binary )?log(?:arithmic|istic)?[ -]?loss",
            r"cross[ -]entropy(?: loss)?",
        ),
    ),
    MetricName(
        "probabilistic_f1",
        "maximize",
        "probability",
        (rf"probabilistic {_F1}(?: \(pf1\))?", r"\bpf1(?:[ -]score)?\b"),
    ),
    MetricName(
        "f1_macro",
        "maximize",
        "label",
        (
            rf"macro[ -]?(?:averaged?)?[ -]?{_F1}",
            rf"{_F1}[ -,(]*macro(?:[ -]averaged?)?",
            r"macro f[ -]?(?:score|measure)",
        ),
        also=("list",),
    ),
    MetricName(
        "f1_micro",
        "maximize",
        "label",
        (
            rf"micro[ -]?(?:averaged?)?[ -]?{_F1}",
            rf"{_F1}[ -,(]*micro(?:[ -]averaged?)?",
            r"micro f[ -]?(?:score|measure)",
            rf"mean {_F1}",
        ),
        also=("list",),
    ),
    MetricName(
        "f1_weighted",
        "maximize",
        "label",
        (
            rf"(?<!label[ -])weighted[ -](?:averaged? |mean )?{_F1}",
            rf"{_F1}[ -,(]*weighted(?:[ -]averaged?)?",
        ),
    ),
    MetricName(
        "mcc",
        "maximize",
        "label",
        (r"matthews?'?s?(?: correlation)?(?: coefficient)?(?: \(mcc\))?", r"\bmcc\b"),
    ),
    MetricName(
        "word_error_rate",
        "minimize",
        "text",
        (
            r"word error rate(?: \(wer\))?",
            r"\bwer\b",
            r"sum of (?:the )?levenshtein distances\b[^.]{0,200}\bdivided by the (?:total )?number of",
        ),
        also=("list",),
    ),
    MetricName("character_error_rate", "minimize", "text", (r"character error rate(?: \(cer\))?",)),
    MetricName(
        "levenshtein",
        "minimize",
        "text",
        (
            r"(?:(?:mean|average) )?levenshtein(?:'?s)?(?: edit)?(?: distances?)?",
            r"(?:(?:mean|average) )?edit distances?",
        ),
        also=("list",),
    ),
    MetricName(
        "jaccard",
        "maximize",
        "text",
        (
            r"(?:(?:mean|average|word[ -]level) )*jaccard(?:'?s)?(?: (?:similarity|index|coefficient))?(?: score)?",
        ),
        also=("list", "mask"),
    ),
    MetricName(
        "kendall",
        "maximize",
        "list",
        (r"kendall'?s?[ -]tau(?:[ -][abc]\b)?(?: rank)?(?: correlation)?(?: coefficient)?",),
    ),
    MetricName(
        "dice_global",
        "maximize",
        "mask",
        (r"global (?:sørensen[ -]+)?dice(?:[ -](?:coefficient|score|index))?",),
    ),
    MetricName(
        "dice",
        "maximize",
        "mask",
        (
            r"(?:mean|average) (?:sørensen[ -]+)?dice(?: similarity)?(?:[ -](?:coefficient|score|index))?",
        ),
    ),
    MetricName(
        "balanced_accuracy",
        "maximize",
        "label",
        (r"balanced (?:classification )?accuracy(?: score)?",),
    ),
    MetricName(
        "error_rate",
        "minimize",
        "label",
        (r"(?:mis)?classification error(?: rate)?", r"\berror rate\b", r"misclassification rate"),
    ),
    MetricName(
        "accuracy",
        "maximize",
        "label",
        (
            r"(?:classification|categori[sz]ation|prediction|multi[- ]?class) accuracy",
            r"\baccuracy\b",
            r"(?:percent(?:age)?|fraction|proportion|share) of [^.]{0,60}\bcorrect(?:ly)?\b",
        ),
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
    return name if numbered is None else numbered[1] + _FAMILY
