"""Which groupings of rows say something that noise does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.judging.compare import SEED
from core.judging.residuals.groupings import Grouping
from core.judging.residuals.guards import LEAST_ROWS
from core.judging.statistic import Array

# A shift in either half of the rows, in standard errors.
LEAST_SHIFT = 2.0
# That noise alone makes any of all groups look shifted.
CHANCE = 0.05
# Share of the variance between groups below which nothing is said.
LEAST_STRENGTH = 0.002
# Of groupings that are so nearly as strong as the strongest the first is told: short cycles come
# before their multiples.
AS_STRONG = 0.9
# Groupings that are looked at again once the strongest is told.
FOLLOWED = 12
_FEWEST_UNITS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Rows in two halves that know nothing of each other: whole groups and time blocks stay together
    where there are enough of them. side: [rows] 0 or 1; unit: [rows], None where rows stand alone.
    """

    side: Array
    unit: Array | None

    @classmethod
    def of(cls, cluster: Array) -> Halves:
        """cluster: [rows] numbers of groups or blocks, from 0."""
        units = int(cluster.max()) + 1
        rng = np.random.default_rng(SEED)
        if units < _FEWEST_UNITS or units == len(cluster):
            return cls(rng.permutation(len(cluster)) % 2, None)
        return cls((rng.permutation(units) % 2)[cluster], cluster)


def telling(
    groupings: Iterable[Grouping], values: Sequence[Array], halves: Halves, most: int
) -> list[Grouping]:
    """The strongest groupings, each by what the ones before it leave unsaid. values: of rows,
    [rows] each; a grouping is as strong as for the value that it says most about.
    """
    left = list(groupings)
    looked = sum(len(grouping.names) for grouping in left)
    values = list(values)
    chosen: list[Grouping] = []
    while left and len(chosen) < most:
        strengths = [strength(grouping, values, halves, looked) for grouping in left]
        strongest = max(strengths)
        if strongest < LEAST_STRENGTH:
            break
        first = next(i for i, value in enumerate(strengths) if value >= AS_STRONG * strongest)
        chosen.append(left[first])
        values = [_without(left[first], each) for each in values]
        least = sorted(strengths, reverse=True)[:FOLLOWED][-1]
        strengths[first] = 0.0
        left = [left[i] for i, value in enumerate(strengths) if value >= max(least, 1e-12)]
    return chosen


def strength(grouping: Grouping, values: Sequence[Array], halves: Halves, looked: int) -> float:
    """Share of the variance that lies between the groups, estimated without what noise adds to it;
    0 where no group is shifted for sure. looked: groups that are looked at in all.
    """
    least = NormalDist().inv_cdf(1 - 0.5 * CHANCE / max(1, looked * len(values)))
    return max(_strength(grouping, each, halves, least) for each in values)


def _strength(grouping: Grouping, values: Array, halves: Halves, least: float) -> float:
    """least: standard errors of a shift that counts, over all rows."""
    rows = grouping.codes >= 0
    variance = float(values[rows].var())
    if not variance > 0:
        return 0.0
    values = values - values[rows].mean()
    count, shift, square = _shifts(grouping, values, halves)
    sure = (count >= LEAST_ROWS // 2).all(axis=0)
    apart = np.abs(shift) > LEAST_SHIFT * np.sqrt(square)
    whole = count.sum(axis=0)
    both = np.divide((count * shift).sum(axis=0), whole, out=np.zeros(len(whole)), where=whole > 0)
    noise = np.sqrt((count**2 * square).sum(axis=0)) / np.maximum(whole, 1)
    far = np.abs(both) > least * noise
    if not (sure & apart.all(axis=0) & (shift[0] * shift[1] > 0) & far).any():
        return 0.0
    between = (whole * shift[0] * shift[1])[sure].sum() / whole[sure].sum()
    return max(0.0, float(between / variance))


def _shifts(grouping: Grouping, values: Array, halves: Halves) -> tuple[Array, Array, Array]:
    """[2, groups] each: rows, mean and squared standard error of the mean in either half."""
    size = len(grouping.names)
    known = grouping.codes >= 0
    place = halves.side * size + grouping.codes
    count = np.bincount(place[known], minlength=2 * size).astype(float)
    sums = np.bincount(place[known], weights=values[known], minlength=2 * size)
    mean = sums / np.maximum(count, 1)
    if halves.unit is None:
        squares = np.bincount(place[known], weights=values[known] ** 2, minlength=2 * size)
        squares = np.maximum(squares - count * mean**2, 0.0)
    else:
        off = np.where(known, values - mean[place], 0.0)
        units = int(halves.unit.max()) + 1
        cells = np.bincount(
            halves.unit[known] * 2 * size + place[known],
            weights=off[known],
            minlength=units * 2 * size,
        )
        squares = (cells.reshape(units, 2 * size) ** 2).sum(axis=0)
    square = squares / np.maximum(count, 1) ** 2
    return count.reshape(2, size), mean.reshape(2, size), square.reshape(2, size)


def _without(grouping: Grouping, values: Array) -> Array:
    """The values less the mean of each group."""
    known = grouping.codes >= 0
    codes = grouping.codes[known]
    sums = np.bincount(codes, weights=values[known], minlength=len(grouping.names))
    means = sums / np.maximum(grouping.counts, 1)
    left = values.copy()
    left[known] -= means[codes]
    return left
