"""The answer by hour, weekday and month, or by the place within the steps at which a series repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.folder.cells import Floats, Integers, is_numeric, numbers
from core.task.look.answer_values import AnswerValues, answer_values, row_of_numbers
from utils.rhythm import Grid
from utils.untrusted import one_line

_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_NAMES = "mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec"
_HOUR_NS, _DAY_NS = 3600 * 10**9, 86_400 * 10**9
_MOST_PLACES = 24
_LEAST_ROWS = 3
_CALENDAR = re.compile(
    r"(?:.*[_\W])?(?:hour|hr|weekday|dow|day_?of_?week|month|mnth)s?(?:[_\W].*)?", re.IGNORECASE
)
_MOST_LEVELS = 31


def date_seasons(values: Floats, answer: AnswerValues, monthly: bool) -> Iterator[str]:
    """values: nanoseconds since 1970, not finite where there is none. monthly: rows stand for whole
    months. By what varies only.
    """
    known = np.isfinite(values)
    moments, rest = pd.DatetimeIndex(values[known].astype("int64")), answer.of(known)
    if ((values[known] % _DAY_NS) // _HOUR_NS).any():
        hours = moments.hour.to_numpy(dtype=np.int64)
        yield f"{rest.what} by hour 0 .. 23: {row_of_numbers(_means(hours, 24, rest.values))}"
    days = moments.day_of_week.to_numpy(dtype=np.int64)
    if len(np.unique(days)) > 1 and not monthly:
        yield f"{rest.what} by weekday {_DAYS[0]} .. {_DAYS[-1]}: {row_of_numbers(_means(days, 7, rest.values))}"
    months = moments.month.to_numpy(dtype=np.int64) - 1
    if len(np.unique(months)) > 1:
        yield f"{rest.what} by month 1 .. 12: {row_of_numbers(_means(months, 12, rest.values))}"


def lag_season(grid: Grid, lags: Sequence[int], answer: AnswerValues) -> Iterator[str]:
    """For an index: by the place in the shortest distance at which the answer repeats, and by how
    many of those have passed in the longest.
    """
    known = grid.places >= 0
    places, rest = grid.places[known], answer.of(known)
    short, long = lags[0], lags[-1]
    parts = min(short, _MOST_PLACES)
    within = (places % short) * parts // short
    means = row_of_numbers(_means(within, parts, rest.values))
    yield f"{rest.what} by step modulo {short}, in {parts} equal parts: {means}"
    if long > short:
        parts = min(max(round(long / short), 2), _MOST_PLACES)
        within = (places % long) * parts // long
        means = row_of_numbers(_means(within, parts, rest.values))
        yield f"{rest.what} by step modulo {long}, in {parts} equal parts: {means}"


def calendar_lines(spec: CompetitionSpec, frame: pd.DataFrame) -> Iterator[str]:
    """By columns that are named for hours, weekdays or months and hold few whole numbers or words."""
    answer = answer_values(spec, frame)
    if answer is None:
        return
    for name in spec.features.names:
        if name not in frame.columns or not _CALENDAR.fullmatch(name):
            continue
        levels = frame[name][frame[name] != ""].unique()
        if not 2 < len(levels) <= _MOST_LEVELS:
            continue
        levels = _in_order(pd.Series(levels, dtype=object))
        codes = pd.Categorical(frame[name], categories=levels).codes.astype(np.int64)
        means = _means(codes[codes >= 0], len(levels), answer.values[codes >= 0])
        shown = f"{one_line(name, 30)} {one_line(levels[0], 10)} .. {one_line(levels[-1], 10)}"
        yield f"{answer.what} by {shown}: {row_of_numbers(means)}"


def _in_order(levels: pd.Series) -> list[str]:
    """Numbers by size, names of days and months as the year has them, others by text."""
    if is_numeric(levels):
        return levels.iloc[numbers(levels).argsort(kind="stable")].tolist()
    return sorted(levels, key=lambda level: (_NAMES.find(level[:3].lower()), level))


def _means(codes: Integers, count: int, values: Floats) -> Floats:
    """NaN for a code of less than _LEAST_ROWS rows."""
    there = np.isfinite(values)
    rows = np.bincount(codes[there], minlength=count)
    sums = np.bincount(codes[there], weights=values[there], minlength=count)
    means = np.full(count, np.nan)
    enough = rows >= _LEAST_ROWS
    means[enough] = sums[enough] / rows[enough]
    return means
