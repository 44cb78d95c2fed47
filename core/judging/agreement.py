"""How much two predictions of the same rows agree. Runs in a worker process."""

from __future__ import annotations

import numpy as np

from core.judging.ranks import ranked
from core.judging.statistic import Array

# More rows tell no more about a rank correlation: at .995 its error is .00005 here.
MOST_ROWS = 50_000


def labels_agree(a: Array, b: Array) -> tuple[float, float]:
    """Share of equal labels, and the largest difference of a class's share. Arrays [rows, columns]."""
    names, codes = np.unique(np.stack([a, b]), return_inverse=True)
    codes = codes.reshape((2, *a.shape))
    counts = np.stack([np.bincount(part.ravel(), minlength=len(names)) for part in codes])
    shares = counts / max(a.size, 1)
    return float((codes[0] == codes[1]).mean()), float(np.abs(shares[0] - shares[1]).max())


def numbers_agree(a: Array, b: Array) -> tuple[float, float]:
    """Mean rank correlation over columns, and the largest difference of mean and quartiles.

    The difference is in standard deviations of `a`'s column. Two constants agree, a constant and a
    column that varies have correlation 0.
    """
    correlations = list(map(_rank_correlation, a.T, b.T))
    spread = np.maximum(a.std(axis=0), 1e-12)
    apart = np.abs(_summary(a) - _summary(b)) / spread
    return float(np.mean(correlations)), float(apart.max())


def _summary(values: Array) -> Array:
    """Mean and quartiles of each column: [4, columns]."""
    return np.vstack([values.mean(axis=0), np.quantile(values, [0.25, 0.5, 0.75], axis=0)])


def _rank_correlation(a: Array, b: Array) -> float:
    every = -(-len(a) // MOST_ROWS)
    first, second = _centred_ranks(a[::every]), _centred_ranks(b[::every])
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    if scale == 0:
        return float(np.ptp(a) == np.ptp(b))
    return float((first * second).sum() / scale)


def _centred_ranks(values: Array) -> Array:
    return ranked(values) - (len(values) + 1) / 2
