"""Reads labels and free text: what is predicted, its classes, and which metric fits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.metric_names import BY_NAME, MetricName
from core.records import ValueKind
from core.task.folder.cells import is_numeric, numbers

_FEW_VALUES = 30
_LIST = re.compile(r"^\S+(?:[ ,;|]+\S+)+$")
_LIST_SHARE = 0.2
_SOME_LISTS = 0.005
_FIRST_CELLS = 20
_NUMBER = re.compile(r"\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*")
# Also "$1,234.5", "12 %" and "2021-01-31 10:00".
_AMOUNT = r"(?:[$€£]\s*+)?[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*+[%€£])?"
_NO_WORD = re.compile(rf"\s*+(?:{_AMOUNT}|\d{{4}}-\d\d-\d\d.*)\s*")
_TEXT_WORDS = 5.0
_TEXT_CHARS = 30.0
_TEXT_DISTINCT = 0.2
_OWN_CELLS, _OWN_SHARE = 10, 0.1
_RANKED_WORDS = 5000


@dataclass(frozen=True, slots=True)
class Answers:
    """The labels and what the sample shows of the targets; both with cells as text.

    one_hot: the labels are one column of class names, the targets one column per class.
    """

    labels: pd.DataFrame
    sample: pd.DataFrame | None
    one_hot: bool

    @property
    def targets(self) -> list[str]:
        """Names of the columns that are asked for."""
        if self.sample is None:
            return list(map(str, self.labels.columns))
        return list(map(str, self.sample.columns))

    @property
    def numeric(self) -> bool:
        return all(is_numeric(self.labels[name]) for name in self.labels.columns)

    @property
    def distinct(self) -> list[str]:
        """Labels that occur, in numeric order where they are numbers, else in text order."""
        found = set[str]()
        for name in self.labels.columns:
            found.update(self.labels[name].unique())
        return in_order(found - {""})

    @property
    def binary(self) -> bool:
        """Every label column holds at most two values."""
        return all(
            self.labels[name][self.labels[name] != ""].nunique() <= 2
            for name in self.labels.columns
        )

    @property
    def lists(self) -> bool:
        """The labels are lists: several words per cell, which other cells hold as well in other
        company.

        Class names of several words are not: a few cells that return, each with words of its own.
        """
        return self._several(_LIST_SHARE)

    @property
    def some_lists(self) -> bool:
        """The same where most rows have a single word: a metric over sets of words says what the
        others are.
        """
        return self._several(_SOME_LISTS)

    def _several(self, least: float) -> bool:
        if self.one_hot or self.numeric:
            return False
        cells = self.labels.iloc[:, 0]
        cells = cells[cells != ""].head(2000)
        several = list(filter(_LIST.match, cells))
        if len(several) <= least * len(cells):
            return False
        holders = Counter[str]()
        for cell in set(cells):
            holders.update(set(cell.split()))
        distinct = set(several)
        mixed = sum(min(map(holders.__getitem__, cell.split())) > 1 for cell in distinct)
        return mixed > 0.5 * len(distinct)

    @property
    def sample_is_whole(self) -> bool:
        """Every target cell of the sample is a whole number or no number at all."""
        if self.sample is None:
            return False
        cells = self.sample.to_numpy(dtype=object).ravel()
        parsed = numbers(pd.Series(cells, dtype=object)).dropna().to_numpy(dtype=float)
        return bool(np.all(parsed == np.round(parsed)))


def has_own_answers(kind: ValueKind, sample: pd.DataFrame) -> bool:
    """True where the targets of a sample submission say something of their own about each row, as
    where they repeat its input: many different texts.
    """
    if kind not in ("text", "list"):
        return False
    distinct = max((sample[name].nunique() for name in sample.columns), default=0)
    return distinct >= _OWN_CELLS and distinct > _OWN_SHARE * len(sample)


def in_order(values: set[str]) -> list[str]:
    """By value where all are numbers, else by text."""
    column = pd.Series(sorted(values), dtype=object)
    if not is_numeric(column):
        return list(column)
    return list(column.iloc[np.argsort(numbers(column), kind="stable")])


def fallback(answers: Answers) -> MetricName:
    """The metric that fits what is predicted: log loss, AUC, RMSE or accuracy."""
    if answers.one_hot:
        return BY_NAME["log_loss"]
    if answers.lists:
        return BY_NAME["accuracy"]
    if answers.binary and (not answers.sample_is_whole or len(answers.labels.columns) > 1):
        return BY_NAME["roc_auc"]
    if answers.numeric and not _few_classes(answers):
        return BY_NAME["rmse"]
    return BY_NAME["accuracy"]


def classes_of(kind: ValueKind, answers: Answers) -> tuple[str, ...]:
    """The distinct labels; of rankings only where each row has one true word of at most
    _RANKED_WORDS.
    """
    if kind in ("label", "probability") or (kind == "list" and _single_words(answers)):
        return tuple(answers.distinct)
    return ()


def _single_words(answers: Answers) -> bool:
    cells = answers.labels.to_numpy(dtype=object).ravel()
    cells = pd.Series(cells[cells != ""])
    return cells.nunique() <= _RANKED_WORDS and not bool(
        cells.astype(str).str.contains(r"[\s,;|]").any()
    )


def text_columns(frame: pd.DataFrame, names: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Columns of free text among `names`, and whether text is what the rows are about."""
    # One look at the first cells of all columns: a look at each as a column is slow where there are
    # thousands.
    first = frame[list(names)].head(_FIRST_CELLS).to_numpy(dtype=object)
    found = tuple(
        name
        for name, cells in zip(names, first.T, strict=True)
        if not _are(_NUMBER, cells) and _is_text(frame[name])
    )
    long = any(frame[name].str.len().mean() >= 1.5 * _TEXT_CHARS for name in found)
    return found, bool(found) and (long or 2 * len(found) >= len(names))


def holds_words(frame: pd.DataFrame, names: Sequence[str]) -> bool:
    """Some column among `names` may hold words: its first cells are empty, or neither numbers nor
    dates.
    """
    first = frame[list(names)].head(_FIRST_CELLS).to_numpy(dtype=object)
    return not all(_are(_NO_WORD, cells) for cells in first.T)


def _are(pattern: re.Pattern[str], cells: Iterable[str]) -> bool:
    """Some cell is filled, and all that are have this form."""
    filled = list(filter(None, cells))
    return bool(filled) and all(map(pattern.fullmatch, filled))


def _is_text(column: pd.Series) -> bool:
    cells = column[column != ""]
    if len(cells) == 0 or is_numeric(cells):
        return False
    lengths, words = cells.str.len(), cells.str.split().map(len)
    long = lengths.mean() >= _TEXT_CHARS and words.mean() >= _TEXT_WORDS
    letters = cells.str.count(r"[^\W\d_]").sum() > 0.5 * lengths.sum()
    return bool(long and letters and cells.nunique() > _TEXT_DISTINCT * len(cells))


def _few_classes(answers: Answers) -> bool:
    """Whole numbers, few of them, each several times, and the sample shows whole numbers too."""
    if any(answers.labels[name].nunique() > _FEW_VALUES for name in answers.labels.columns):
        return False
    values = np.array(answers.distinct, dtype=float)
    whole = bool(np.all(values == np.round(values)))
    few = len(values) <= max(2, len(answers.labels) // 4)
    return whole and few and (answers.sample is None or answers.sample_is_whole)
