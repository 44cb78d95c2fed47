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


METRICS: tuple[MetricName, ...] = (
    MetricName(
        "quadratic_weighted_kappa",
        "maximize",
        "label",
        (r"quadratic(?:ally)?[ -]weighted (?:cohen'?s )?kappa", r"weighted kappa", r"\bqwk\b", r"cohen'?s kappa"),
    ),
    MetricName(
        "average_precision",
        "maximize",
        "probability",
        (
            r"\baverage precision (?:score )?(?!at\b|@)",
            r"area under the precision[- ]recall curve",
            r"\bpr[ -]?auc\b",
            r"\bauprc\b",
        ),
    ),
    MetricName(
        "roc_auc",
        "maximize",
        "probability",
        (
            r"area under (?:the )?(?:receiver operating characteristic|roc)",
            r"\broc[ -]?auc\b",
            r"\bauc[ -]?roc\b",
            r"\bauroc\b",
            r"\bauc\b",
            r"area under the curve",
        ),
    ),
    MetricName(
        "rmsle",
        "minimize",
        "real",
        (
            r"root[ -]mean[ -]squared?[ -]log(?:arithmic)?[ -]error",
            r"\brmsle\b",
            r"(?:root[ -]mean[ -]squared?[ -]error|\brmse\b)(?: \(?rmse\)?)? "
            r"between the (?:natural )?log(?:arithm)?s? of",
        ),
    ),
    MetricName("rmse", "minimize", "real", (r"root[ -]mean[ -]squared?[ -](?:error|deviation)", r"\brmse\b")),
    MetricName("mae", "minimize", "real", (r"mean[ -]absolute[ -]error", r"\bmae\b")),
    MetricName(
        "log_loss",
        "minimize",
        "probability",
        (r"(?:multi[ -]?class )?log(?:arithmic)?[ -]?loss", r"cross[ -]entropy", r"\blogloss\b"),
    ),
    MetricName(
        "f1_macro",
        "maximize",
        "label",
        (r"macro[ -]?(?:averaged)?[ -]?f[ -]?1", r"f[ -]?1[ -]?macro", r"macro f[ -]?score"),
    ),
    MetricName(
        "f1_micro",
        "maximize",
        "label",
        (
            r"micro[ -]?(?:averaged)?[ -]?f[ -]?1",
            r"f[ -]?1[ -]?micro",
            r"mean f[ -]?1",
            r"\bf[ -]?1[ -]?score\b",
            r"\bf1\b",
        ),
    ),
    MetricName(
        "error_rate",
        "minimize",
        "label",
        (r"(?:mis)?classification error", r"\berror rate\b", r"misclassification rate"),
    ),
    MetricName(
        "accuracy",
        "maximize",
        "label",
        (
            r"(?:classification|categori[sz]ation|multi[- ]?class) accuracy",
            r"\baccuracy\b",
            r"percentage of .{0,60} (?:correctly|you predict correctly)",
        ),
    ),
)

BY_NAME: dict[str, MetricName] = {metric.name: metric for metric in METRICS}
