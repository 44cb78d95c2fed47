"""One column as a short line: kind, range or commonest values, and how test differs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.task.preview import ColumnFacts, ColumnKind
from utils.untrusted import one_line

# What pandas reads as missing, so that a program will.
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A", "NaT"]
)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOOKED_AT = 2000
_FEW = 12
_TOP = 3
_VALUE = 20
_TEXT_CHARS, _TEXT_WORDS = 40, 6
# A difference must be large and beyond chance: the factor stands for p = .001 of the
# Kolmogorov-Smirnov test.
_LARGE, _BEYOND_CHANCE = 0.15, 1.95
_UNSEEN_SHARE = 0.02
_COMPARED = 5000


Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """A column without its missing cells. values: numbers, NaN where a cell is none. rows: missing
    ones included.
    """

    filled: pd.Series
    values: Floats
    rows: int

    @classmethod
    def of(cls, column: pd.Series) -> _Cells:
        cells = [cell for cell in column.to_numpy(dtype=object) if cell not in MISSING]
        filled = pd.Series(cells, dtype=object)
        values = pd.to_numeric(filled, errors="coerce").to_numpy(dtype=float)
        return cls(filled, values, len(column))

    @property
    def finite(self) -> Floats:
        return self.values[np.isfinite(self.values)]

    @property
    def missing(self) -> float:
        return 1 - len(self.filled) / self.rows if self.rows else 0.0


def column_facts(
    name: str, train: pd.Series, test: pd.Series | None, text: bool = False
) -> ColumnFacts:
    """train, test: cells as text. text: known to be free text."""
    cells = _Cells.of(train)
    distinct = len(set(cells.filled))
    kind = _kind(cells, distinct, text)
    drift = "" if test is None else _drift(kind, cells, _Cells.of(test))
    return ColumnFacts(
        one_line(name, 40),
        kind,
        _summary(kind, cells, distinct),
        cells.missing,
        distinct,
        drift=drift,
    )


def _kind(cells: _Cells, distinct: int, text: bool) -> ColumnKind:
    filled = cells.filled
    if distinct <= 1:
        return "constant" if distinct else "empty"
    if text:
        return "text"
    known = cells.values[~np.isnan(cells.values)]
    if len(known) > 0.995 * len(filled):
        return "integer" if bool((known == np.round(known)).all()) else "number"
    looked = filled.head(_LOOKED_AT)
    if all(map(_DATE.match, looked.head(50))):
        return "date"
    if looked.str.len().mean() >= _TEXT_CHARS and looked.str.count(" ").mean() >= _TEXT_WORDS - 1:
        return "text"
    if distinct > 0.95 * len(filled) and len(filled) > _FEW:
        return "identifier"
    return "category"


def _summary(kind: ColumnKind, cells: _Cells, distinct: int) -> str:
    filled = cells.filled
    if kind == "empty":
        return ""
    if kind in ("number", "integer"):
        return _range(cells, distinct)
    if kind == "text":
        return lengths(filled)
    if kind == "date":
        return f"{one_line(min(filled), _VALUE)} .. {one_line(max(filled), _VALUE)} as text"
    if kind == "category":
        return f"{distinct} values: {shares(filled, _TOP)}"
    return f"e.g. {one_line(filled.iloc[0], _VALUE)}"


def _range(cells: _Cells, distinct: int) -> str:
    values = cells.finite
    if not len(values):
        return "no finite number"
    if distinct <= 2:
        return " or ".join(
            f"{value:g} ({_percent(float((values == value).mean()))})"
            for value in np.unique(values)
        )
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    line = f"{low:.4g} .. {high:.4g}, median {middle:.4g}"
    if distinct <= _FEW:
        line += f", {distinct} values"
    foreign = cells.filled[~np.isfinite(cells.values)]
    if len(foreign):
        line += f", not all numbers (e.g. {one_line(foreign.iloc[0], _VALUE)})"
    return line


def lengths(filled: pd.Series) -> str:
    """Characters of the cells of a text column."""
    middle, high = np.quantile(filled.str.len(), [0.5, 0.95])
    return f"{middle:.0f} characters in the median, {high:.0f} at 95 %"


def shares(filled: pd.Series, count: int) -> str:
    """The commonest values with their shares; of equal ones the first by text."""
    counts = filled.value_counts().rename_axis("value").reset_index(name="rows")
    common = counts.sort_values(["rows", "value"], ascending=[False, True]).head(count)
    pairs = zip(common["value"], common["rows"], strict=True)
    return ", ".join(
        f"{one_line(value, _VALUE)} {_percent(rows / len(filled))}" for value, rows in pairs
    )


def _percent(share: float) -> str:
    digits = ".2g" if share < 0.1 else ".0f"
    return f"{100 * share:{digits}} %"


# ---------------------------------------------------------------- drift


def _drift(kind: ColumnKind, train: _Cells, test: _Cells) -> str:
    """What is different in test beyond chance, in words; "" when nothing large is."""
    found = [_gap(train, test)]
    if len(train.filled) and len(test.filled):
        if kind in ("number", "integer"):
            found.append(_shift(_thin(train.finite), _thin(test.finite)))
        elif kind == "category":
            found.append(_unseen(train.filled, test.filled))
        elif kind == "date":
            found.append(_later(train.filled, test.filled))
    return "; ".join(filter(None, found))


def _gap(train: _Cells, test: _Cells) -> str:
    large = abs(train.missing - test.missing) > max(0.05, _chance(train.rows, test.rows))
    return f"{_percent(test.missing)} missing in test" if large else ""


def _shift(train: Floats, test: Floats) -> str:
    """By the largest distance of the distribution functions and the shift of the mean in standard
    deviations.
    """
    if not len(train) or not len(test):
        return ""
    grid = np.concatenate([train, test])
    distance = float(np.abs(_shares_below(train, grid) - _shares_below(test, grid)).max())
    if distance <= max(_LARGE, _chance(len(train), len(test))):
        return ""
    spread = float(np.std(grid)) or 1.0
    return f"test differs: KS {distance:.2f}, mean {(test.mean() - train.mean()) / spread:+.1f} sd"


def _shares_below(sorted_values: Floats, grid: Floats) -> Floats:
    """Of each number of the grid: which share of the values is no larger."""
    return np.searchsorted(sorted_values, grid, side="right") / len(sorted_values)


def _unseen(train: pd.Series, test: pd.Series) -> str:
    unseen = float((~test.isin(set(train))).mean())
    if unseen > _UNSEEN_SHARE:
        return f"{_percent(unseen)} of test rows hold values that train lacks"
    common = train.value_counts(normalize=True).head(_FEW)
    there = test.value_counts(normalize=True)
    distance = float((common - there.reindex(common.index).fillna(0.0)).abs().max())
    if distance <= max(_LARGE, _chance(len(train), len(test))):
        return ""
    return f"shares differ in test by up to {_percent(distance)}"


def _later(train: pd.Series, test: pd.Series) -> str:
    """Dates that sort as text: whether test lies behind train."""
    if not all(map(_ISO.match, (*train.head(50), *test.head(50)))):
        return ""
    behind = float((test > max(train)).mean())
    if behind <= 0.5:
        return ""
    return f"{_percent(behind)} of test rows are later than all of train"


def _chance(rows: int, others: int) -> float:
    return _BEYOND_CHANCE * float(np.sqrt((rows + others) / max(rows * others, 1)))


def _thin(values: Floats) -> Floats:
    """At most about _COMPARED of the numbers, at even distances, in order of size."""
    return np.sort(values[:: max(1, len(values) // _COMPARED)])
