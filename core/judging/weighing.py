"""How rows count in a score: by weights, or as a mean over the values of a column. Runs in a worker
process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from core.judging.statistic import Array, Statistic


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """weights: [rows], not negative, as scikit-learn's sample_weight. levels: [rows] text; the
    score is the mean over the distinct values of the scores of their rows. None: rows count alike,
    the score is that of all rows.
    """

    weights: Array | None = None
    levels: Array | None = None

    def take(self, rows: Array) -> Weighing:
        """Of these rows."""
        weights, levels = self.weights, self.levels
        if weights is not None:
            weights = weights[rows]
        if levels is not None:
            levels = levels[rows]
        return Weighing(weights, levels)

    def of(self, plain: Statistic) -> Statistic:
        """The statistic of the weighed metric, from that of the plain one on the same rows."""
        if self.weights is None and self.levels is None:
            return plain
        codes, count = self._codes(plain.rows.shape[0])
        weights = np.ones(len(codes))
        if self.weights is not None:
            weights = self.weights.astype(float)
        inside = sparse.csr_matrix(
            (weights, (np.arange(len(codes)), codes)), shape=(len(codes), count)
        )
        rows = sparse.csr_matrix(plain.rows)
        width = rows.shape[1]
        products = [inside.multiply(rows[:, [column]]) for column in range(width)]

        def finish(means: Array) -> Array:
            blocks = means.reshape(*means.shape[:-1], width + 1, count)
            total = blocks[..., -1, :]
            with np.errstate(invalid="ignore", divide="ignore"):
                values = plain.finish(
                    np.moveaxis(blocks[..., :-1, :] / total[..., None, :], -2, -1)
                )
            return _mean_where(values, total > 0)

        return Statistic(sparse.hstack([*products, inside], format="csr"), finish)

    def _codes(self, count: int) -> tuple[Array, int]:
        if self.levels is None:
            return np.zeros(count, dtype=int), 1
        names, codes = np.unique(self.levels, return_inverse=True)
        return codes.ravel(), len(names)


def _mean_where(values: Array, known: Array) -> Array:
    """Mean over the last axis of what is known there, NaN where nothing is."""
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(
        np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    )
