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
from utils.rhythm import Grid, autocorrelation, grid_of, means_on, season_lags
from utils.untrusted import one_line

BANDS = 5
MOST_KINDS = 8
# A band has this share of the rows at least.
LEAST_SHARE = 0.05
NAME_LETTERS = 40
_LONG_TEXT = 30
_LOOKED_AT = 200
_DATE = r"\d[-/.]\d{1,2}[-/.]\d|\d:\d\d"
# A distance repeats where values that lie so far apart correlate by more than so many times what noise
# does: the highest of hundreds of distances.
_SURE_PEAK = 4.0
_DAYS = {"hour": 1, "weekday": 7, "month": 365}
_DAY_NS = 86_400 * 10**9
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
    low, high, *wanted = np.quantile(ordered, [0.05, 0.95, *(np.arange(1, most) / most)]).tolist()
    kept: list[float] = []
    below = 0
    for edge in map(_rounder(high - low), wanted):
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
    numbers, levels = pd.factorize(cells)
    known = dict(zip(levels.tolist(), np.bincount(numbers[numbers >= 0]).tolist(), strict=True))
    # Of equally common ones the first that was met, as value_counts has it.
    by_count = sorted(known, key=known.__getitem__, reverse=True)[:MOST_KINDS]
    common = [name for name in by_count if known[name] >= LEAST_ROWS]
    if named is not None:
        common = [name for name in named if known.get(name, 0) >= LEAST_ROWS]
    places = dict(zip(common, range(len(common)), strict=True))
    # The last stands for missing cells.
    codes = np.array([*(places.get(name, -1) for name in known), -1])[numbers]
    names = [one_line(str(name), NAME_LETTERS) for name in common]
    rest = (codes < 0) & cells.notna().to_numpy()
    if rest.sum() >= LEAST_ROWS:
        codes[rest] = len(names)
        names.append("all others")
    if len(names) < 2:
        return None
    return Grouping(title, tuple(names), codes)


def of_column(name: str, cells: pd.Series, text: bool, ordered: bool = False) -> Iterator[Grouping]:
    """Every way that fits the column. text: it holds free text. ordered: rows follow each other by it,
    so that a part of one day, week or year is no more than a stretch of time.
    """
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
            found = list(_of_times(title, times, ordered))
        elif _is_long(cells):
            found = [_lengths(title, cells)]
        else:
            found = [kinds(title, cells.where(cells != "", "(empty)").fillna("(empty)"))]
    for grouping in found:
        if grouping is not None:
            yield grouping


def _of_numbers(title: str, cells: pd.Series) -> Grouping | None:
    values = cells.to_numpy(dtype=float, na_value=np.nan)
    known = values[np.isfinite(values)]
    few = np.unique(known[:_LOOKED_AT])
    if len(few) <= MOST_KINDS:
        few = np.unique(known)
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


def _of_times(title: str, times: pd.Series, ordered: bool) -> Iterator[Grouping | None]:
    """By hour, weekday and month, where they vary; with `ordered` where two whole days, weeks or years
    are there.
    """
    hours, days, months = times.dt.hour, times.dt.day_of_week, times.dt.month
    span = (times.max() - times.min()) / pd.Timedelta(days=1)
    told = [name for name, length in _DAYS.items() if not ordered or span >= 1.95 * length]
    if hours.nunique() > 1 and "hour" in told:
        starts = (hours // 3 * 3).astype("Int64")
        spans = [f"{start:02d} to {start + 3:02d} h" for start in range(0, 24, 3)]
        cells = starts.map(dict(zip(range(0, 24, 3), spans, strict=True)))
        yield kinds(f"{title}, hour of day", cells, spans)
    if days.nunique() > 1 and "weekday" in told:
        cells = days.map(dict(enumerate(_WEEKDAYS)))
        yield kinds(f"{title}, weekday", cells, _WEEKDAYS)
    if months.nunique() > 1 and "month" in told:
        cells = months.map(dict(enumerate(_MONTHS, start=1)))
        yield kinds(f"{title}, month", cells, _MONTHS)


def cycles(name: str, cells: pd.Series, values: Sequence[Array]) -> Iterator[Grouping]:
    """By the place in each period at which some of the values repeat, where the column goes up in
    equal steps. values: [rows] each. Of dates, periods that are no day, week or year.
    """
    moments = _moments(cells)
    if moments is None:
        return
    dates = not pd.api.types.is_numeric_dtype(cells)
    grid = grid_of(moments, dates)
    if grid is None:
        return
    first = float(np.nanmin(moments))
    for period in _periods(grid, values):
        title = f"by {one_line(name, NAME_LETTERS)} modulo "
        places = np.where(grid.places >= 0, grid.places, np.nan)
        if dates and _is_calendar(period, grid.size):
            continue
        if dates:
            title += f"{period} steps"
            places = places % period
        else:
            title += f"{period * grid.size:g}"
            places = (places + round(first / grid.size)) % period * grid.size
        grouping = bands(title, places, most=min(period, MOST_KINDS))
        if grouping is not None:
            yield grouping


def _moments(cells: pd.Series) -> Array | None:
    """Numbers as they are, dates in nanoseconds, NaN for none; None where a column is neither."""
    if pd.api.types.is_bool_dtype(cells):
        return None
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(dtype=float, na_value=np.nan)
    else:
        times = _times(cells)
        if times is None:
            return None
        whole = times.to_numpy(dtype="datetime64[ns]").astype("int64")
        values = np.where(times.notna(), whole.astype(float), np.nan)
    return values if np.isfinite(values).any() else None


def _periods(grid: Grid, values: Sequence[Array]) -> list[int]:
    """Steps after which one of the values repeats, the shortest first; at least three such periods
    are there.
    """
    found: set[int] = set()
    for each in values:
        series = means_on(grid, each.astype(float))
        correlation = autocorrelation(series)
        if len(correlation):
            sure = _SURE_PEAK / np.sqrt(np.isfinite(series).sum())
            found |= {lag for lag in season_lags(correlation) if correlation[lag] > sure}
    return sorted(found)


def _is_calendar(period: int, step: float) -> bool:
    """A day, week or year, or whole ones of them: hours, weekdays and months are told as such."""
    if not step:
        return period % 12 == 0
    days = period * step / _DAY_NS
    whole = round(days)
    return abs(days - whole) < 0.02 and (whole in (1, 365, 366) or (whole > 0 and whole % 7 == 0))


def horizons(groups: Array, fold: Array) -> Grouping | None:
    """By the quarter of a fold, where groups are the time blocks of core.task.views.tables
    (`<view>:<number>`); None for any other groups.
    """
    codes, names = pd.factorize(groups)
    blocks = pd.Series(names, dtype=object).str.extract(r"^(?:search|final)\d+:(\d\d)$")[0]
    if blocks.isna().any():
        return None
    numbers = pd.Series(blocks.astype(int).to_numpy()[codes])
    last = numbers.groupby(fold).transform("max").clip(lower=1)
    quarter = (numbers / (last + 1) * 4).astype(int).to_numpy()
    quarters = ("first quarter", "second quarter", "third quarter", "last quarter")
    return Grouping("by how far ahead the row lies in its fold", quarters, quarter)


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
