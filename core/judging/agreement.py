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
    shares = [np.bincount(part.ravel(), minlength=len(names)) / max(part.size, 1) for part in codes]
    return float((codes[0] == codes[1]).mean()), float(np.abs(shares[0] - shares[1]).max())


def numbers_agree(a: Array, b: Array) -> tuple[float, float]:
    """Mean rank correlation over columns, and the largest difference of mean and quartiles.

    The difference is in standard deviations of `a`'s column. Two constants agree, a constant and a
    column that varies have correlation 0.
    """
    correlations = [_rank_correlation(a[:, column], b[:, column]) for column in range(a.shape[1])]
    spread = np.maximum(a.std(axis=0), 1e-12)
    summaries = [
        np.vstack([part.mean(axis=0), np.quantile(part, [0.25, 0.5, 0.75], axis=0)])
        for part in (a, b)
    ]
    return float(np.mean(correlations)), float((np.abs(summaries[0] - summaries[1]) / spread).max())


def _rank_correlation(a: Array, b: Array) -> float:
    every = -(-len(a) // MOST_ROWS)
    first, second = (ranked(part) - (len(part) + 1) / 2 for part in (a[::every], b[::every]))
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    if scale == 0:
        return float(np.ptp(a) == np.ptp(b))
    return float((first * second).sum() / scale)
