"""Which kind of values a metric can score in these labels, and whether it can at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from core.metric_names import WORDS, MetricName
from core.records import ValueKind
from core.task.folder.cells import NO_PIXEL, numbers
from core.task.metric.answers import Answers

# Of several kinds that a metric can score, the first that the labels have.
_ORDER: tuple[ValueKind, ...] = (*WORDS, "label", "probability", "real")
_RUNS = re.compile(r"\d+ \d+(?: \d+ \d+)*")
_NUMBERS = re.compile(r"-?\d+(?: -?\d+)*")
_OPEN_VALUES = 200
_LOOKED_AT = 5000


def kind_of(metric: MetricName, answers: Answers) -> tuple[ValueKind, str]:
    """The kind of values that this metric would score here, and why it cannot score them ("" when
    it can).
    """
    for kind in _ORDER:
        if kind in metric.kinds and not _SUITS[kind](metric, answers):
            return kind, ""
    return metric.predicts, _SUITS[metric.predicts](metric, answers)


def exclusive(metric: MetricName, answers: Answers) -> bool:
    """True when several label columns are shares of one whole, as a loss over classes sees them."""
    several = len(answers.labels.columns) > 1 and not answers.one_hot
    if metric.needs.of_shares == "never" or not several or not answers.numeric:
        return False
    filled = answers.labels[(answers.labels != "").all(axis=1)]
    cells = filled.apply(numbers).to_numpy(dtype=float)
    if not len(cells) or (cells < 0).any():
        return False
    if metric.needs.of_shares == "always":
        return True
    return bool(np.abs(cells.sum(axis=1) - 1).max() < 1e-6)


# ---------------------------------------------------------------- one kind each


def _mask(metric: MetricName, answers: Answers) -> str:
    filled = set(map(str.strip, _cells(answers))) - set(NO_PIXEL)
    paired = bool(filled) and all(map(_RUNS.fullmatch, filled))
    return _unless(paired, "the labels are no run lengths")


def _list(metric: MetricName, answers: Answers) -> str:
    lists = metric.needs.lists
    if lists == "rankings":
        return ""
    cells = list(filter(None, _cells(answers)))
    if lists == "orders":
        several = sum(len(cell.split()) > 1 for cell in cells)
        return _unless(several > 0.5 * len(cells), "the labels are no orders")
    if lists == "sequences":
        sequences = answers.lists and all(map(_NUMBERS.fullmatch, cells))
        return _unless(sequences, "the labels are no sequences of numbers")
    return _unless(answers.lists or answers.some_lists, "the labels are no lists")


def _text(metric: MetricName, answers: Answers) -> str:
    if answers.numeric or answers.one_hot:
        return "the labels are not texts"
    return _unless(metric.predicts != "label" or _open(answers), "the labels are classes")


def _label(metric: MetricName, answers: Answers) -> str:
    if answers.lists:
        return "the labels are lists of several values"
    if metric.needs.numeric_labels:
        return _real(metric, answers)
    return ""


def _real(metric: MetricName, answers: Answers) -> str:
    return _unless(answers.numeric and not answers.one_hot, "the labels are not numbers")


def _probability(metric: MetricName, answers: Answers) -> str:
    if answers.lists:
        return "the labels are lists of several values"
    if answers.one_hot:
        return ""
    if metric.needs.several_columns and len(answers.labels.columns) < 2:
        return "there is one label column only"
    if metric.needs.of_shares == "always":
        return _unless(exclusive(metric, answers), "the labels are no shares of several columns")
    return _unless(answers.binary or _shares(answers), "the labels have more than two values")


def _unless(fits: bool, why: str) -> str:
    """The reason, "" where there is none."""
    if fits:
        return ""
    return why


_SUITS: dict[ValueKind, Callable[[MetricName, Answers], str]] = {
    "mask": _mask,
    "list": _list,
    "text": _text,
    "label": _label,
    "probability": _probability,
    "real": _real,
}


def _cells(answers: Answers) -> list[str]:
    return list(answers.labels.head(_LOOKED_AT).to_numpy(dtype=object).ravel(order="F"))


def _open(answers: Answers) -> bool:
    """Most answers were given once: new ones are to be expected."""
    counts = pd.concat([answers.labels[name] for name in answers.labels.columns]).value_counts()
    return len(counts) > _OPEN_VALUES and bool((counts == 1).mean() > 0.5)


def _shares(answers: Answers) -> bool:
    """Labels between 0 and 1: probabilities themselves."""
    if not answers.numeric:
        return False
    values = np.array(answers.distinct, dtype=float)
    return bool(values.size and values.min() >= 0 and values.max() <= 1)
