"""The step of a series, what is missing of it, and at which distances it repeats. Pure arithmetic. Runs
in a worker process: it imports pandas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_STEPS = 200_000
_LONGEST_LAG = 10_000
# Of the distances between neighbours: how many are the step itself, and how many a multiple of it.
_REGULAR, _MULTIPLE = 0.6, 0.98
_COVERED = 0.5
_MONTH_DAYS = (28, 31)
_DAY_NS = 86_400 * 10**9
# A season must rise so far above the valley before it, and above the season before.
_RISE, _BETTER, _MOST_LAGS = 0.1, 0.04, 3
_PERIODS, _FEWEST_PAIRS = 3, 20


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """places: the step of each moment asked for, from 0 (minus one where it is none). count: steps
    from the first to the last. present: how many of them have a row. size: of a step, nanoseconds or
    the column's unit; 0 for months.
    """

    places: Integers
    count: int
    present: int
    size: float

    def steps_to(self, first: float, last: float) -> int:
        """Steps from one moment to another."""
        if self.size:
            return round((last - first) / self.size)
        before, after = pd.Timestamp(int(first)), pd.Timestamp(int(last))
        return 12 * (after.year - before.year) + after.month - before.month

    @property
    def missing(self) -> int:
        return self.count - self.present


def grid_of(values: Floats, dates: bool) -> Grid | None:
    """values: moments, several rows may share one; not finite where there is none. None where they
    follow no regular step.
    """
    known = np.isfinite(values)
    moments = np.unique(values[known])
    if len(moments) < 3:
        return None
    if dates and _monthly(moments):
        stamps = pd.DatetimeIndex(np.where(known, values, moments[0]).astype("int64"))
        months = (stamps.year * 12 + stamps.month).to_numpy(dtype=np.int64)
        return _grid(months - months[known].min(), known, 0.0)
    distances = np.diff(moments)
    sizes, counts = np.unique(np.round(distances, 9), return_counts=True)
    step = float(sizes[counts.argmax()])
    multiples = distances / step
    whole = np.abs(multiples - np.round(multiples)) < 1e-3
    if counts.max() < _REGULAR * len(distances) or whole.mean() < _MULTIPLE:
        return None
    offsets = np.where(known, values - moments[0], 0.0)
    return _grid(np.round(offsets / step).astype(np.int64), known, step)


def _monthly(moments: Floats) -> bool:
    """One day of the month only, and neighbours a month apart."""
    days = pd.DatetimeIndex(moments.astype("int64"))
    low, high = (bound * _DAY_NS for bound in _MONTH_DAYS)
    near = np.diff(moments)
    return len(set(days.day)) == 1 and bool(((near >= low) & (near <= high)).mean() >= _REGULAR)


def _grid(places: Integers, known: np.ndarray, size: float) -> Grid | None:
    count = int(places[known].max()) + 1
    if count * _COVERED > known.sum():
        return None
    present = int((np.bincount(places[known], minlength=count) > 0).sum())
    if present < _COVERED * count:
        return None
    return Grid(np.where(known, places, -1), count, present, size)


def means_on(grid: Grid, values: Floats) -> Floats:
    """The mean of the values of each step, NaN for a step without one; the last _MOST_STEPS of them."""
    there = np.isfinite(values) & (grid.places >= 0)
    places = grid.places[there]
    sums = np.bincount(places, weights=values[there], minlength=grid.count)
    counts = np.bincount(places, minlength=grid.count)
    means = np.full(grid.count, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means[-_MOST_STEPS:]


def autocorrelation(series: Floats) -> Floats:
    """By distance in steps from 0, up to a third of the series (NaN where a step has no value), its
    straight trend taken out; over the pairs that are there, 0 where they are too few. Empty for a
    constant series.
    """
    count, there = len(series), np.isfinite(series)
    most = min(count // _PERIODS, _LONGEST_LAG)
    if most < 3 or there.sum() < _FEWEST_PAIRS:
        return np.zeros(0)
    steps = np.arange(count)
    slope, level = np.polyfit(steps[there], series[there], 1)
    rest = np.where(there, series - (slope * steps + level), 0.0)
    if float(rest.std()) <= 1e-9 * max(1.0, float(np.abs(series[there]).max())):
        return np.zeros(0)
    pairs = _products(there.astype(float), most)
    products = _products(rest, most)
    enough = pairs > _FEWEST_PAIRS - 0.5
    means = np.zeros(most + 1)
    np.divide(products, pairs, out=means, where=enough)
    return means / means[0]


def _products(values: Floats, most: int) -> Floats:
    """Sums of the products of values that lie 0 .. most steps apart."""
    size = 1 << (2 * len(values) - 1).bit_length()
    power = np.abs(np.fft.rfft(values, size)) ** 2
    return np.fft.irfft(power, size)[: most + 1]


def season_lags(correlation: Floats) -> list[int]:
    """Distances at which the series repeats, each better than the shorter ones; [] for none."""
    inner = correlation[1:-1]
    tops = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:]))
    valleys = np.minimum.accumulate(correlation)
    found: list[int] = []
    best = _RISE
    for lag in tops.tolist():
        height = float(correlation[lag])
        near = bool(found) and lag < 1.5 * found[-1]
        if lag < 2 or height - valleys[lag] < _RISE:
            continue
        # The same hump once more, a step further up, is no further season.
        if near and height > correlation[found[-1]]:
            found[-1] = lag
        elif not near and height >= best:
            found.append(lag)
        best = max(best, height + _BETTER)
    return found[-_MOST_LAGS:]
