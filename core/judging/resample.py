"""Which rows are drawn together, and how often each draw of the bootstrap takes them. Runs in a
worker process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from core.judging.statistic import Array

DRAWS = 200
MAX_UNITS = 2000


def clusters(groups: Array | None, rows: int) -> Array:
    """Number of each row's group or time block, from 0; rows without one ("") stand alone."""
    if groups is None or not (groups != "").any():
        return np.arange(rows)
    _, codes = np.unique(groups, return_inverse=True)
    codes = codes.ravel()
    alone = groups == ""
    codes[alone] = codes.max() + 1 + np.arange(alone.sum())
    return np.asarray(np.unique(codes, return_inverse=True)[1].ravel())


def pooled(cluster: Array, seed: int) -> Array:
    """At most MAX_UNITS units: whole clusters thrown together at random. It keeps the variance of a
    sum.
    """
    count = int(cluster.max()) + 1
    if count <= MAX_UNITS:
        return cluster
    unit = np.random.default_rng(seed).permutation(count) % MAX_UNITS
    return np.asarray(unit[cluster])


def unit_sums(rows: Any, unit: Array) -> Array:
    """Sum of the rows of each unit: [units, statistics]. rows: dense or sparse [rows, statistics]."""
    count = int(unit.max()) + 1
    member = sparse.csr_matrix(
        (np.ones(len(unit)), (unit, np.arange(len(unit)))), shape=(count, len(unit))
    )
    sums = member @ rows
    return np.asarray(sums.todense() if sparse.issparse(sums) else sums)


@lru_cache(maxsize=8)
def draws(units: int, seed: int) -> Array:
    """[DRAWS, units]: how often each draw with replacement takes each unit."""
    picks = np.random.default_rng(seed).integers(0, units, (DRAWS, units))
    picks += units * np.arange(DRAWS)[:, None]
    counts = np.bincount(picks.ravel(), minlength=DRAWS * units).reshape(DRAWS, units).astype(float)
    counts.setflags(write=False)
    return counts
