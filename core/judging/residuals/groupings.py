"""Ways to group rows: bands of numbers, kinds of cells, lengths of texts, parts of times. Arithmetic on
arrays and columns only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.judging.residuals.guards import LEAST_ROWS
from core.judging.statistic import Array
from utils.untrusted import one_line

BANDS = 5
MOST_KINDS = 8
# A band has this share of the rows at least.
LEAST_SHARE = 0.05
NAME_LETTERS = 40
_LONG_TEXT = 30
_LOOKED_AT = 200
_DATE = r"\d[-/.]\d{1,2}[-/.]\d|\d:\d\d"
_PERIODS = (7, 12, 24, 48, 52, 96, 144, 168, 336)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """title: by what. names: of the groups. codes: [rows], the group of each row, -1 for none."""

    title: str
    names: tuple[str, ...]
    codes: Array

    @property
    def counts(self) -> Array:
        """Rows of each group."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def bands(title: str, values: Array, most: int = BANDS) -> Grouping | None:
    """Equally many rows each, as far as rounded limits and equal values allow; None where that is
    one band. values: [rows], NaN stands apart where there are enough.
    """
    known = np.isfinite(values)
    least = max(LEAST_ROWS, int(np.ceil(LEAST_SHARE * len(values))))
    if known.sum() < 2 * least:
        return None
    edges = _edges(values[known], most, least)
    if not len(edges):
        return None
    codes = np.searchsorted(edges, values, side="right")
    shown = [f"{edge:g}" for edge in edges]
    middle = list(map("{} to {}".format, shown[:-1], shown[1:]))
    names = (f"below {shown[0]}", *middle, f"{shown[-1]} and more")
    if (~known).sum() >= least:
        return Grouping(title, (*names, "missing"), np.where(known, codes, len(names)))
    return Grouping(title, names, np.where(known, codes, -1))


def _edges(values: Array, most: int, least: int) -> Array:
    """Rounded limits between bands of `least` rows or more."""
    ordered = np.sort(values)
    wanted = np.quantile(ordered, np.arange(1, most) / most)
    low, high = np.quantile(ordered, [0.05, 0.95])
    kept: list[float] = []
    below = 0
    for edge in map(_rounder(float(high - low)), wanted.tolist()):
        place = int(np.searchsorted(ordered, edge, side="left"))
        if place - below >= least and len(ordered) - place >= least:
            kept.append(edge)
            below = place
    return np.array(kept)


def _rounder(span: float) -> Callable[[float], float]:
    """Rounds to about a hundredth of the span."""
    if not span > 0:
        return lambda value: value
    unit = 10.0 ** np.floor(np.log10(span / 50))
    digits = max(0, -int(np.log10(unit)))
    return lambda value: round(float(np.round(value / unit) * unit), digits)


def kinds(title: str, cells: pd.Series, named: Sequence[str] | None = None) -> Grouping | None:
    """The commonest values with LEAST_ROWS rows each, all others together; None where that is one
    group. named: all values, in their own order.
    """
    counts = cells.value_counts()
    common = counts[counts >= LEAST_ROWS].head(MOST_KINDS).index.tolist()
    if named is not None:
        common = [name for name in named if counts.get(name, 0) >= LEAST_ROWS]
    places = dict(zip(common, range(len(common)), strict=True))
    codes = cells.map(places).fillna(-1).to_numpy(dtype=int)
    names = [one_line(str(name), NAME_LETTERS) for name in common]
    rest = (codes < 0) & cells.notna().to_numpy()
    if rest.sum() >= LEAST_ROWS:
        codes[rest] = len(names)
        names.append("all others")
    if len(names) < 2:
        return None
    return Grouping(title, tuple(names), codes)


def of_column(name: str, cells: pd.Series, text: bool) -> Iterator[Grouping]:
    """Every way that fits the column. text: it holds free text."""
    title = f"by {one_line(name, NAME_LETTERS)}"
    found: list[Grouping | None] = []
    if pd.api.types.is_bool_dtype(cells):
        found = [kinds(title, cells.astype(str))]
    elif pd.api.types.is_numeric_dtype(cells):
        found = [_of_numbers(title, cells)]
    elif text:
        found = [_lengths(title, cells)]
    else:
        times = _times(cells)
        if times is not None:
            found = list(_of_times(title, times))
        elif _is_long(cells):
            found = [_lengths(title, cells)]
        else:
            found = [kinds(title, cells.where(cells != "", "(empty)").fillna("(empty)"))]
    for grouping in found:
        if grouping is not None:
            yield grouping


def _of_numbers(title: str, cells: pd.Series) -> Grouping | None:
    values = cells.to_numpy(dtype=float, na_value=np.nan)
    few = np.unique(values[np.isfinite(values)])
    if len(few) <= MOST_KINDS:
        shown = pd.Series([f"{value:g}" for value in values.tolist()], dtype=object)
        named = list(map("{:g}".format, few.tolist()))
        return kinds(title, shown.where(np.isfinite(values), "missing"), [*named, "missing"])
    return bands(title, values)


def _is_long(cells: pd.Series) -> bool:
    some = cells.dropna().head(_LOOKED_AT)
    return len(some) > 0 and bool(some.astype(str).str.len().mean() > _LONG_TEXT)


def _lengths(title: str, cells: pd.Series) -> Grouping | None:
    words = cells.fillna("").astype(str).str.count(r"\S+").to_numpy(dtype=float)
    return bands(f"{title}, number of words", words)


# ---------------------------------------------------------------- times


def _times(cells: pd.Series) -> pd.Series | None:
    """The column as times where its cells are dates."""
    some = cells.dropna().astype(str)
    some = some[some != ""]
    if not len(some) or not some.head(_LOOKED_AT).str.contains(_DATE, regex=True).all():
        return None
    looked = pd.to_datetime(some.head(_LOOKED_AT), errors="coerce", format="mixed", utc=True)
    if looked.isna().mean() > 0.05:
        return None
    return pd.to_datetime(cells.astype(str), errors="coerce", format="mixed", utc=True)


def _of_times(title: str, times: pd.Series) -> Iterator[Grouping | None]:
    """By hour, weekday and month, where they vary."""
    hours, days, months = times.dt.hour, times.dt.day_of_week, times.dt.month
    if hours.nunique() > 1:
        starts = (hours // 3 * 3).astype("Int64")
        spans = [f"{start:02d} to {start + 3:02d} h" for start in range(0, 24, 3)]
        cells = starts.map(dict(zip(range(0, 24, 3), spans, strict=True)))
        yield kinds(f"{title}, hour of day", cells, spans)
    if days.nunique() > 1:
        cells = days.map(dict(enumerate(_WEEKDAYS)))
        yield kinds(f"{title}, weekday", cells, _WEEKDAYS)
    if months.nunique() > 1:
        cells = months.map(dict(enumerate(_MONTHS, start=1)))
        yield kinds(f"{title}, month", cells, _MONTHS)


def cycles(name: str, cells: pd.Series) -> Iterator[Grouping]:
    """By the position in cycles of a numeric column whose values follow each other in equal steps."""
    if not pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_bool_dtype(cells):
        return
    values = cells.to_numpy(dtype=float, na_value=np.nan)
    gaps = np.diff(np.unique(values[np.isfinite(values)]))
    if len(gaps) < 10 * LEAST_ROWS:
        return
    # Held-out rows that are not told of leave gaps of several steps.
    step = float(gaps.min())
    if step <= 0 or (np.abs(gaps / step - np.round(gaps / step)) > 0.01).mean() > 0.01:
        return
    if (gaps < 1.5 * step).mean() < 0.5:
        return
    for period in _PERIODS:
        if len(gaps) > 3 * period:
            title = f"by {one_line(name, NAME_LETTERS)} modulo {period * step:g}"
            places = np.round(values / step) % period * step
            grouping = bands(title, places, most=min(period, MOST_KINDS))
            if grouping is not None:
                yield grouping


def horizons(groups: Array, fold: Array) -> Grouping | None:
    """By the quarter of a fold, where groups are the time blocks of core.task.views.tables
    (`<view>:<number>`); None for any other groups.
    """
    text = pd.Series(groups, dtype=object)
    numbers = pd.to_numeric(text.str.extract(r"^(?:search|final)\d+:(\d\d)$")[0], errors="coerce")
    if numbers.isna().any():
        return None
    last = numbers.groupby(fold).transform("max").clip(lower=1)
    quarter = (numbers / (last + 1) * 4).astype(int).to_numpy()
    names = ("first quarter", "second quarter", "third quarter", "last quarter")
    return Grouping("by how far ahead the row lies in its fold", names, quarter)


def costliest(title: str, groups: pd.Series, costs: Array, most: int = 4) -> Grouping | None:
    """The few groups whose rows cost most, named by rank: who they are stays untold. None where
    fewer than two groups are large enough.
    """
    codes, _ = pd.factorize(groups)
    counts = np.bincount(codes[codes >= 0])
    means = np.bincount(codes[codes >= 0], weights=costs[codes >= 0]) / np.maximum(counts, 1)
    large = np.flatnonzero(counts >= LEAST_ROWS)
    if len(large) < 2:
        return None
    order = large[np.argsort(-means[large], kind="stable")][: min(most, len(large) - 1)]
    place = np.full(len(counts) + 1, len(order))
    place[order] = np.arange(len(order))
    names = [f"costliest group no. {rank + 1}" for rank in range(len(order))]
    shown = np.where(codes >= 0, place[codes], -1)
    return Grouping(title, (*names, f"the other {len(counts) - len(order)} groups"), shown)
