"""One column as a short line: kind, range or commonest values, and how test differs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.task.folder.times import Times, moment_text
from core.task.preview import ColumnFacts, ColumnKind
from utils.text import exact
from utils.untrusted import one_line

# What pandas reads as missing, so that a program will.
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A", "NaT"]
)
_DATE = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{8}(?:T\d{4,6}|\d{4,6})Z?$"
)
# Seconds or milliseconds since 1970, from 2001 to 2033, in a column that is named for time.
_EPOCH_NAME = re.compile(r"time|date|stamp|epoch|unix|(?:^|_)(?:ts|at)(?:_|$)", re.IGNORECASE)
_EPOCH_S = (1e9, 2e9)
_LOOKED_AT = 2000
_FEW = 12
# Whole numbers so few are listed with their shares.
_LISTED = 6
_VALUE, _VALUES = 28, 100
_TEXT_CHARS, _TEXT_WORDS = 40, 6
# A difference must be large and beyond chance: the factor stands for p = .001 of the
# Kolmogorov-Smirnov test.
_LARGE, _BEYOND_CHANCE = 0.15, 1.95
_UNSEEN_SHARE = 0.02
_COMPARED = 5000
# Rank correlation with the moments of the rows from which on a column is time in other words.
_FOLLOWS = 0.98


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


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The order of the rows in time. name: of the column that orders them. moments: of each row of
    train, not finite where there is none.
    """

    name: str
    moments: Floats


def column_facts(
    name: str,
    train: pd.Series,
    test: pd.Series | None,
    text: bool = False,
    course: Course | None = None,
    top: int = 3,
) -> ColumnFacts:
    """train, test: cells as text. text: known to be free text. course: None where rows have no
    order. top: how many of the commonest values are shown.
    """
    cells = _Cells.of(train)
    others = None if test is None else _Cells.of(test)
    distinct = len(set(cells.filled))
    kind = _kind(cells, distinct, text)
    summary, drift = _summary(kind, name, cells, distinct, top), ""
    if others is not None:
        drift = _drift(kind, cells, others)
        if kind == "date":
            summary += f"; test {_days(others.filled)}"
        elif drift and course is not None and _follows(cells, train, course):
            # Later rows have higher numbers of steps: that is time, and no drift.
            drift = ""
            summary += f", follows {one_line(course.name, 30)}; test {_bounds(others.finite)}"
    values = cells.finite
    some = kind in ("number", "integer", "constant") and len(values) > 0
    high = float(values.max()) if some else None
    return ColumnFacts(
        one_line(name, 40),
        kind,
        summary,
        cells.missing,
        distinct,
        drift=drift,
        low=float(values.min()) if some else None,
        high=high,
    )


def is_date(column: pd.Series) -> bool:
    """Cells (text) are dates, as far as a look at some of them tells."""
    cells = [cell for cell in column.head(_LOOKED_AT).to_list() if cell not in MISSING][:50]
    if len(set(cells)) < 2 or not all(map(_DATE.match, cells)):
        return False
    return Times.of(pd.Series(cells, dtype=object)).dates


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
    if is_date(looked):
        return "date"
    if looked.str.len().mean() >= _TEXT_CHARS and looked.str.count(" ").mean() >= _TEXT_WORDS - 1:
        return "text"
    if distinct > 0.95 * len(filled) and len(filled) > _FEW:
        return "identifier"
    return "category"


def _summary(kind: ColumnKind, name: str, cells: _Cells, distinct: int, top: int) -> str:
    filled = cells.filled
    if kind == "empty":
        return ""
    if kind in ("number", "integer"):
        return _range(name, cells, distinct)
    if kind == "text":
        return lengths(filled)
    if kind == "date":
        return f"written as {one_line(filled.iloc[0], _VALUE)}; {_days(filled)}"
    if kind == "category":
        return f"{distinct} values: {shares(filled, top)}"
    return f"e.g. {one_line(filled.iloc[0], _VALUE)}"


def _range(name: str, cells: _Cells, distinct: int) -> str:
    values = cells.finite
    if not len(values):
        return "no finite number"
    if distinct <= _LISTED and len(values) == len(cells.filled):
        levels, counts = np.unique(values, return_counts=True)
        pairs = zip(levels.tolist(), (counts / len(values)).tolist(), strict=True)
        return ", ".join(f"{exact(level)}: {percent(share)}" for level, share in pairs)
    line = f"{_bounds(values)}, median {exact(float(np.median(values)))}"
    if distinct <= _FEW:
        line += f", {distinct} values"
    if moments := _epoch(name, values):
        line += f" ({moments})"
    foreign = cells.filled[~np.isfinite(cells.values)]
    if len(foreign):
        line += f", not all numbers (e.g. {one_line(foreign.iloc[0], _VALUE)})"
    return line


def _bounds(values: Floats) -> str:
    if not len(values):
        return "without a number"
    return f"{exact(float(values.min()))} .. {exact(float(values.max()))}"


def _days(filled: pd.Series) -> str:
    return Times.of(filled).span()


def _epoch(name: str, values: Floats) -> str:
    """What numbers mean that count seconds since 1970; "" for others."""
    for unit, scale in (("seconds", 1.0), ("milliseconds", 1e3)):
        low, high = values.min() / scale, values.max() / scale
        if _EPOCH_NAME.search(name) and _EPOCH_S[0] <= low < high <= _EPOCH_S[1]:
            first, last = moment_text(low * 1e9, "D"), moment_text(high * 1e9, "D")
            return f"{unit} since 1970: {first} .. {last}"
    return ""


def lengths(filled: pd.Series) -> str:
    """Characters of the cells of a text column."""
    middle, high = np.quantile(filled.str.len(), [0.5, 0.95])
    return f"{middle:.0f} characters in the median, {high:.0f} at 95 %"


def shares(filled: pd.Series, count: int) -> str:
    """The commonest values with their shares, at most `count` and as many as a line has room for; of
    equal ones the first by text.
    """
    counts = filled.value_counts().rename_axis("value").reset_index(name="rows")
    common = counts.sort_values(["rows", "value"], ascending=[False, True]).head(count)
    shown, room = list[str](), _VALUES
    for value, rows in zip(common["value"], common["rows"], strict=True):
        part = f"{one_line(value, _VALUE)} {percent(rows / len(filled))}"
        room -= len(part) + 2
        if shown and room < 0:
            break
        shown.append(part)
    return ", ".join(shown) + (", ..." if len(shown) < len(counts) else "")


def percent(share: float) -> str:
    """A share in percent; what is not all is never 100 %, and what is not none never 0 %."""
    if 0.995 <= share < 1:
        digits = max(1, math.ceil(-math.log10(100 * (1 - share))))
        return f"{100 * share:.{digits}f} %"
    return f"{100 * share:{'.2g' if share < 0.1 else '.0f'}} %"


# ---------------------------------------------------------------- drift


def _drift(kind: ColumnKind, train: _Cells, test: _Cells) -> str:
    """What is different in test beyond chance, in words; "" when nothing large is."""
    found = [_gap(train, test)]
    if len(train.filled) and len(test.filled):
        if kind in ("number", "integer"):
            found.append(_shift(_thin(train.finite), _thin(test.finite)))
        elif kind == "category":
            found.append(_unseen(train.filled, test.filled))
    return "; ".join(filter(None, found))


def _follows(cells: _Cells, train: pd.Series, course: Course) -> bool:
    """The column is the time of the rows in other words: an index, a year, what only grows."""
    if len(course.moments) != len(train) or len(cells.finite) < _FEW:
        return False
    values = pd.to_numeric(train, errors="coerce").to_numpy(dtype=float)
    # A column of words has no numbers here.
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(course.moments))
    known = known[:: max(1, len(known) // _COMPARED)]
    pair = pd.DataFrame({"value": values[known], "moment": course.moments[known]}).rank()
    return bool(abs(pair["value"].corr(pair["moment"])) >= _FOLLOWS)


def _gap(train: _Cells, test: _Cells) -> str:
    large = abs(train.missing - test.missing) > max(0.05, _chance(train.rows, test.rows))
    return f"{percent(test.missing)} missing in test" if large else ""


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
        return f"{percent(unseen)} of test rows hold values that train lacks"
    common = train.value_counts(normalize=True).head(_FEW)
    there = test.value_counts(normalize=True)
    distance = float((common - there.reindex(common.index).fillna(0.0)).abs().max())
    if distance <= max(_LARGE, _chance(len(train), len(test))):
        return ""
    return f"shares differ in test by up to {percent(distance)}"


def _chance(rows: int, others: int) -> float:
    return _BEYOND_CHANCE * float(np.sqrt((rows + others) / max(rows * others, 1)))


def _thin(values: Floats) -> Floats:
    """At most about _COMPARED of the numbers, at even distances, in order of size."""
    return np.sort(values[:: max(1, len(values) // _COMPARED)])
