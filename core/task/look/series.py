"""Rows that follow each other in time: ranges, step, gaps, what repeats, and how the answer moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.folder.cells import Floats, Integers, is_numeric, numbers
from core.task.folder.times import Times
from core.task.look.answer_values import AnswerValues, answer_values, row_of_numbers
from core.task.look.columns import MISSING, is_date, percent
from core.task.look.sample import SampledRows
from core.task.look.seasons import date_seasons, lag_season
from core.task.look.whole import whole_columns
from utils.rhythm import Grid, autocorrelation, grid_of, means_on, season_lags
from utils.text import exact
from utils.untrusted import one_line

_TENTHS = 10
_DAY_NS, _BESIDE = 86_400 * 10**9, 0.02
_MOST_KEYS, _MOST_LEVELS = 6, 10_000
# Of a series in the median, so that it is one.
_LEAST_ROWS = 10
# Rows that an index and a trend have at least.
_LEAST_INDEX, _LEAST_TREND = 20, 50
_UNITS = (("week", 7 * 86_400), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Ordered:
    """Rows of train with their moments. test: the moments of the test rows, None where they are not
    known. answer: None where no mean can be told. rows: train as text, with columns that may name
    series.
    """

    name: str
    train: Times
    test: Times | None
    answer: AnswerValues | None
    rows: pd.DataFrame


def series_lines(
    spec: CompetitionSpec,
    root: Path,
    train: SampledRows,
    test: SampledRows | None,
    name: str | None,
) -> tuple[str, ...]:
    """Lines about the column that orders the rows; () where none does."""
    if name is None:
        return ()
    keys = _key_candidates(spec, train.frame, name)
    labels = [label for label in spec.answers.labels if label in train.frame.columns]
    rows = whole_columns(root, spec.tables.train, train, [name, *labels[:1], *keys])
    if rows is None or spec.tables.train is None:
        return ()
    theirs = whole_columns(root, spec.tables.test, test, [name])
    asked = None if theirs is None else Times.of(_emptied(theirs[name]))
    ordered = _Ordered(
        name, Times.of(_emptied(rows[name])), asked, answer_values(spec, rows), rows[keys]
    )
    return tuple(_lines(ordered))


def time_column(
    spec: CompetitionSpec, train: pd.DataFrame, test: pd.DataFrame | None
) -> str | None:
    """The column that orders rows: the recognised one, a date, or an index that the test rows go
    on with.
    """
    if spec.features.time is not None and spec.features.time in train.columns:
        return spec.features.time
    names = [name for name in train.columns if name not in spec.answers.labels]
    for name in names:
        if is_date(train[name]):
            return str(name)
    if test is None:
        return None
    for name in spec.features.names:
        if name in train.columns and name in test.columns and _goes_on(train[name], test[name]):
            return name
    return None


def _goes_on(train: pd.Series, test: pd.Series) -> bool:
    """An index: a higher number in each row, and test has higher ones still."""
    # A look at a few cells spares the others of a wide table.
    if len(train) < _LEAST_INDEX or not _rises(train.head(_LEAST_INDEX)):
        return False
    if not _rises(train) or not is_numeric(test):
        return False
    return float(numbers(test).min()) > float(numbers(train).max())


def _rises(column: pd.Series) -> bool:
    values = numbers(column).to_numpy(dtype=float)
    return bool((np.diff(values) > 0).all())


def _key_candidates(spec: CompetitionSpec, train: pd.DataFrame, time: str) -> list[str]:
    """Columns that may say of which of several series a row is."""
    found = []
    for name in train.columns:
        if name in (time, *spec.answers.labels, *spec.ids.columns) or name in spec.features.texts:
            continue
        distinct = train[name].nunique()
        if 2 <= distinct <= min(_MOST_LEVELS, len(train) // 3) and not is_date(train[name]):
            found.append(str(name))
    named = [name for name in found if not is_numeric(train[name])]
    whole = [name for name in found if name not in named and _is_whole(train[name])]
    return [*named, *whole][:_MOST_KEYS]


def _is_whole(column: pd.Series) -> bool:
    values = numbers(column).dropna().to_numpy(dtype=float)
    return bool((values == np.round(values)).all())


def _emptied(column: pd.Series) -> pd.Series:
    return column.where(~column.isin(MISSING), "").reset_index(drop=True)


# ---------------------------------------------------------------- lines


def _lines(ordered: _Ordered) -> Iterator[str]:
    times = ordered.train
    yield _ranges(ordered)
    grid = None
    if times.dates or times.numbers:
        grid = grid_of(times.values, times.dates)
    if grid is not None:
        yield _step(ordered, grid)
        if grid.present < len(times.values) and (series := _several(ordered)):
            yield series
    else:
        yield _irregular(times)
    if ordered.answer is None:
        return
    lags: list[int] = []
    if grid is not None:
        series_means = means_on(grid, ordered.answer.values)
        correlation = autocorrelation(series_means)
        lags = [
            _in_calendar(lag, correlation, grid, times.dates) for lag in season_lags(correlation)
        ]
        if len(correlation):
            yield _repeats(correlation, lags, grid, times.dates, _horizon(ordered, grid))
    if times.dates:
        yield from date_seasons(
            times.values, ordered.answer, monthly=grid is not None and not grid.size
        )
    elif grid is not None and lags:
        yield from lag_season(grid, lags, ordered.answer)
    if len(times.values) >= _LEAST_TREND:
        yield _trend(times.values, ordered.answer)


def _ranges(ordered: _Ordered) -> str:
    line = one_line(ordered.name, 40)
    if ordered.train.dates:
        line += f", written as {one_line(ordered.train.first, 30)}"
    line += f": train {ordered.train.span()}"
    test = ordered.test
    if test is None or not np.isfinite(test.values).any():
        return line
    return f"{line}; test {test.span()}: {_place(ordered.train.values, test.values)}"


def _place(train: Floats, test: Floats) -> str:
    """Where the test rows lie."""
    ours, theirs = train[np.isfinite(train)], test[np.isfinite(test)]
    if not len(ours):
        return "no moment is known in train"
    later = float((theirs > ours.max()).mean())
    if later == 1:
        return "all of test is later"
    earlier = float((theirs < ours.min()).mean())
    shared = float(np.isin(theirs, ours).mean())
    parts = [f"{percent(shared)} of test at moments that train has too"]
    if later or earlier:
        parts.append(f"{percent(later)} later than all of train, {percent(earlier)} earlier")
    if later + earlier <= _BESIDE:
        parts.insert(0, "test lies within train's time")
    return ", ".join(parts)


def _step(ordered: _Ordered, grid: Grid) -> str:
    known = int(np.isfinite(ordered.train.values).sum())
    each = "one row" if known == grid.present else f"{known / grid.present:.3g} rows"
    line = f"{each} per step of {_size(grid.size, ordered.train.dates)}; {grid.count:,} steps"
    if grid.missing:
        line += f", {grid.missing:,} of them without a row"
    else:
        line += ", none missing"
    horizon = _horizon(ordered, grid)
    if horizon:
        line += f"; test ends {horizon:,} steps after train"
    return line


def _size(size: float, dates: bool) -> str:
    if not dates:
        return exact(size)
    if not size:
        return "1 month"
    seconds = size / 1e9
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{seconds:g} s"


def _horizon(ordered: _Ordered, grid: Grid) -> int:
    """Steps from the last row of train to the last of test; 0 where that is not later or not known."""
    if ordered.test is None:
        return 0
    ours, theirs = ordered.train.values, ordered.test.values
    ours, theirs = ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]
    if not len(ours) or not len(theirs):
        return 0
    return max(0, grid.steps_to(float(ours.max()), float(theirs.max())))


def _irregular(times: Times) -> str:
    moments = np.unique(times.values[np.isfinite(times.values)])
    rows = int(np.isfinite(times.values).sum())
    line = f"no regular step: {len(moments):,} moments in {rows:,} rows"
    if len(moments) < 2 or not (times.dates or times.numbers):
        return line
    middle = float(np.median(np.diff(moments)))
    shown = _duration(middle) if times.dates else exact(middle)
    return f"{line}, {shown} apart in the median"


def _duration(nanoseconds: float) -> str:
    seconds = nanoseconds / 1e9
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}s"
    return f"{seconds:.3g} s"


def _several(ordered: _Ordered) -> str:
    """By which columns the rows of one moment can be told apart; "" where none does it."""
    moments = pd.factorize(ordered.train.values)[0].astype(np.int64)
    codes: dict[str, Integers] = {}
    for name in ordered.rows.columns:
        codes[str(name)] = pd.factorize(ordered.rows[name])[0].astype(np.int64)
    for key in (*combinations(codes, 1), *combinations(codes, 2)):
        series = _joined([codes[name] for name in key])
        sizes = np.bincount(series)
        if np.median(sizes) < _LEAST_ROWS:
            continue
        if len(np.unique(_joined([series, moments]))) == len(moments):
            shown = " and ".join(f"`{one_line(name, 30)}`" for name in key)
            return (
                f"{len(sizes):,} series, one per {shown}, of {sizes.min():,} .. {sizes.max():,} rows;"
                " what follows is of their mean"
            )
    return ""


def _joined(codes: Sequence[Integers]) -> Integers:
    """One code for each combination that occurs, from 0."""
    together = codes[0]
    for each in codes[1:]:
        together = together * (each.max() + 1) + each
    return np.unique(together, return_inverse=True)[1].astype(np.int64)


def _in_calendar(lag: int, correlation: Floats, grid: Grid, dates: bool) -> int:
    """A day or a week where noise put the top of a hump a little beside it."""
    if not dates or not grid.size:
        return lag
    for length in (_DAY_NS, 7 * _DAY_NS):
        near = round(length / grid.size)
        close = abs(lag - near) <= max(1.0, _BESIDE * near) and 1 < near < len(correlation)
        if close and correlation[near] >= correlation[lag] - _BESIDE:
            return near
    return lag


def _repeats(
    correlation: Floats, lags: Sequence[int], grid: Grid, dates: bool, horizon: int
) -> str:
    line = f"autocorrelation of the answer (trend out): {correlation[1]:.2f} at 1 step"
    for lag in lags:
        known = f" ({_size(lag * grid.size, dates)})" if dates and grid.size else ""
        line += f", {correlation[lag]:.2f} at {lag}{known}"
    if 1 < horizon < len(correlation) and horizon not in lags:
        line += f", {correlation[horizon]:.2f} at test's last step {horizon}"
    return line if lags else f"{line}; no season beyond"


def _trend(values: Floats, answer: AnswerValues) -> str:
    """Means of ten parts with as many rows each, in the order of time."""
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(answer.values))
    in_order = known[np.argsort(values[known], kind="stable")]
    if not len(in_order):
        return f"{answer.what} by tenths of time: not known"
    parts = np.array_split(answer.values[in_order], min(_TENTHS, len(in_order)))
    means = np.array([part.mean() for part in parts])
    return f"{answer.what} by tenths of time: {row_of_numbers(means)}"
