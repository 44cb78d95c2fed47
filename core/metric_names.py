"""The metrics that the harness can score, by name: direction, what a prediction is, and how texts call them.

The recogniser (core.task) reads the phrases; the scorer (core.judging) implements one function per name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.score import Direction

Predicts = Literal["probability", "label", "real"]


@dataclass(frozen=True, slots=True)
class MetricName:
    """One scorer.

    predicts: probability (ranks or class probabilities), label (one of the training labels) or real.
    phrases: regular expressions over normalised lower-case text; in METRICS specific names stand before general ones.
    """

    name: str
    direction: Direction
    predicts: Predicts
    phrases: tuple[str, ...]


_F1 = r"f[ -]?1(?:[ -](?:score|measure))?"
_LOGS = r"(?:the )?(?:natural )?(?:log(?:arithm)?s?|ln)(?:\(| (?:of|price|transformed|scaled)|1p\b)"
_RMSE = r"root[ -]?mean[ -]squared?[ -](?:error|deviation)"

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
    MetricName("rmse", "minimize", "real", (rf"{_RMSE}(?: \((?:mc)?rmse\))?", r"\b(?:mc)?rmse\b")),
    MetricName("mae", "minimize", "real", (r"mean[ -]absolute[ -](?:error|deviation)(?: \(mae\))?", r"\bmae\b")),
    MetricName(
        "log_loss",
        "minimize",
        "probability",
        (r"(?:multi[ -]?class |binary )?log(?:arithmic|istic)?[ -]?loss", r"cross[ -]entropy(?: loss)?"),
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
    ),
)

# What texts name and no scorer here computes. A neighbour of the same words must not be taken for it.
UNSCORED: tuple[str, ...] = (
    r"mean[ -]average[ -]precision",
    r"\bmap ?@ ?\{?\w+",
    r"(?:mean |average )*precision (?:score )?(?:at|@) ?\{?\w+",
    r"\brecall (?:at|@) ?\w+",
    r"label[ -]ranking average precision|\bl?w?lrap\b",
    r"\b[nd]?dcg\b|discounted cumulative gain",
    r"mean reciprocal rank|\bmrr\b",
    r"(?:weighted|balanced|top[ -]?\d+|per[ -]class|class[ -]averaged|mean class|exact match) (?:\w+ )?accuracy",
    r"(?:top[ -]?\d+|word|character|equal|token|phoneme|hierarchical) error(?: rate)?",
    r"(?:weighted|partial|subgroup|balanced|bias) (?:\w+[ -]){0,3}au(?:ro)?cs?\b",
    r"(?:weighted|balanced|focal|normali[sz]ed|modified) (?:[\w-]+ ){0,3}"
    r"(?:log(?:arithmic)?[ -]?loss|cross[ -]entropy)",
    r"(?:weighted|sample[sd]?|instance|example)[ -](?:averaged? |based |mean )?" + _F1,
    r"\bf[ -]?(?:2|0\.5|beta|β)[ -]?(?:score|measure)?\b",
    r"log(?:arithm)? of (?:the )?mean absolute error",
    r"mean absolute (?:percentage|percent|scaled) error|\bs?mape\b|\bmase\b",
    r"median absolute (?:error|deviation)",
    r"(?:weighted|normali[sz]ed|scaled|relative) (?:mean absolute error|" + _RMSE + r"|mae\b|rmse\b)",
    r"root[ -]?mean[ -]squared?[ -](?:percentage|scaled|relative)[ -]error|\brms(?:pe|se)\b|\bw(?:mae|rmse|rmsse)\b",
    r"(?<!root )(?<!root-)mean[ -]squared?[ -](?:log(?:arithmic)?[ -])?error|(?<!\w)ms(?:l)?e\b",
    r"\br[ -]?(?:2|\^2|squared|²)(?: score)?\b|coefficient of determination|explained variance",
    r"(?:linear(?:ly)?[ -])?(?:weighted )?(?:cohen'?s |fleiss'? )?kappa",
    r"matthews?'?s? correlation|\bmcc\b|phi coefficient",
    r"pearson|spearman|kendall|correlation coefficient|rank correlation|concordance|\bc-index\b",
    r"\bdice\b|\bjaccard\b|intersection[ -]over[ -]union|\bm?iou\b|hausdorff|panoptic",
    r"levenshtein|edit distance|\bbleu\b|\brouge\b|\bmeteor\b|perplexity",
    r"kullback|\bkl[ -]divergence|jensen[ -]shannon|wasserstein|earth mover",
    r"log[ -]?likelihood|pinball|quantile loss|\bcrps\b|ranked probability|brier|hinge loss|huber",
    r"haversine|euclidean distance|distance errors?|cosine (?:similarity|distance)|hamming",
    r"\bgini\b|\bssim\b|\bpsnr\b|kolmogorov|sharpe ratio|\bpass@",
    r"youden|g-?mean\b|geometric mean|generali[sz]ed mean|sub-?metrics?",
)

BY_NAME: dict[str, MetricName] = {metric.name: metric for metric in METRICS}
