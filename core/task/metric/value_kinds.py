"""Which kind of values a metric can score in these labels, and whether it can at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from core.metric_names import MetricName, family
from core.records import ValueKind
from core.task.folder.cells import NO_PIXEL, numbers
from core.task.metric.answers import Answers

# Of several kinds that a metric can score, the first that the labels have.
_ORDER: tuple[ValueKind, ...] = ("mask", "list", "text", "label", "probability", "real")
_RUNS = re.compile(r"\d+ \d+(?: \d+ \d+)*")
_NUMBERS = re.compile(r"-?\d+(?: -?\d+)*")
_OF_SHARES = frozenset({"log_loss", "kl_divergence"})
_OF_RANKINGS = frozenset({"lrap", "lwlrap"})
_OPEN_VALUES = 200
_LOOKED_AT = 5000


def kind_of(metric: MetricName, answers: Answers) -> tuple[ValueKind, str]:
    """The kind of values that this metric would score here, and why it cannot score them ("" when
    it can).
    """
    tried = [(kind, _SUITS[kind](metric, answers)) for kind in _ORDER if kind in metric.kinds]
    return next(
        (pair for pair in tried if not pair[1]), (metric.predicts, dict(tried)[metric.predicts])
    )


def exclusive(metric: MetricName, answers: Answers) -> bool:
    """True when several label columns are shares of one whole, as a loss over classes sees them."""
    if (
        metric.name not in _OF_SHARES
        or answers.one_hot
        or len(answers.labels.columns) < 2
        or not answers.numeric
    ):
        return False
    filled = answers.labels[(answers.labels != "").all(axis=1)]
    cells = np.stack(
        [numbers(filled[name]).to_numpy(dtype=float) for name in filled.columns], axis=1
    )
    if not len(cells) or (cells < 0).any():
        return False
    return metric.name == "kl_divergence" or bool(np.abs(cells.sum(axis=1) - 1).max() < 1e-6)


# ---------------------------------------------------------------- one kind each


def _mask(metric: MetricName, answers: Answers) -> str:
    cells = [cell.strip() for cell in _cells(answers)]
    filled = [cell for cell in cells if cell not in NO_PIXEL]
    paired = sum(bool(_RUNS.fullmatch(cell)) for cell in filled)
    return "" if filled and paired == len(filled) else "the labels are no run lengths"


def _list(metric: MetricName, answers: Answers) -> str:
    name = family(metric.name)
    cells = [cell for cell in _cells(answers) if cell]
    if name == "map@k":
        return ""
    if name == "kendall":
        return (
            ""
            if sum(len(cell.split()) > 1 for cell in cells) > 0.5 * len(cells)
            else "the labels are no orders"
        )
    if name in ("levenshtein", "word_error_rate"):
        sequences = answers.lists and all(_NUMBERS.fullmatch(cell) for cell in cells)
        return "" if sequences else "the labels are no sequences of numbers"
    return "" if answers.lists or answers.some_lists else "the labels are no lists"


def _text(metric: MetricName, answers: Answers) -> str:
    if answers.numeric or answers.one_hot:
        return "the labels are not texts"
    return "the labels are classes" if metric.predicts == "label" and not _open(answers) else ""


def _label(metric: MetricName, answers: Answers) -> str:
    if answers.lists:
        return "the labels are lists of several values"
    if metric.name == "quadratic_weighted_kappa":
        return "" if answers.numeric and not answers.one_hot else "the labels are not numbers"
    return ""


def _real(metric: MetricName, answers: Answers) -> str:
    return "" if answers.numeric and not answers.one_hot else "the labels are not numbers"


def _probability(metric: MetricName, answers: Answers) -> str:
    if answers.lists:
        return "the labels are lists of several values"
    if metric.name in _OF_RANKINGS and not answers.one_hot and len(answers.labels.columns) < 2:
        return "there is one label column only"
    if metric.name == "kl_divergence":
        return (
            ""
            if answers.one_hot or exclusive(metric, answers)
            else "the labels are no shares of several columns"
        )
    if not answers.one_hot and not answers.binary:
        return "" if _shares(answers) else "the labels have more than two values"
    return ""


_SUITS: dict[ValueKind, Callable[[MetricName, Answers], str]] = {
    "mask": _mask,
    "list": _list,
    "text": _text,
    "label": _label,
    "probability": _probability,
    "real": _real,
}


def _cells(answers: Answers) -> list[str]:
    return [
        cell for name in answers.labels.columns for cell in answers.labels[name].head(_LOOKED_AT)
    ]


def _open(answers: Answers) -> bool:
    """Most answers were given once: new ones are to be expected."""
    counts = pd.concat([answers.labels[name] for name in answers.labels.columns]).value_counts()
    return len(counts) > _OPEN_VALUES and bool((counts == 1).mean() > 0.5)


def _shares(answers: Answers) -> bool:
    """Labels between 0 and 1: probabilities themselves."""
    if not answers.numeric:
        return False
    values = np.array([float(value) for value in answers.distinct])
    return bool(values.size and values.min() >= 0 and values.max() <= 1)
