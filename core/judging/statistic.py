"""What most metrics are made of: a value per row, and a function of the means. Runs in a worker
process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A metric as a function of row means: score = finish(mean over rows of `rows`).

    rows: [rows, statistics], dense or sparse. finish: [..., statistics] -> [...]. slope: gradient
    of finish at the means, for the analytic standard error; None where the bootstrap serves.
    """

    rows: Any
    finish: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None = None

    def means(self) -> Array:
        return np.asarray(self.rows.mean(axis=0)).ravel()


def averaged(rows: Array) -> Statistic:
    """The mean over rows and columns."""
    return Statistic(
        rows, lambda means: means.mean(axis=-1), lambda means: np.full(means.shape, 1 / len(means))
    )


def rooted(squares: Array) -> Statistic:
    """Mean over columns of the root of the column's mean."""

    def slope(means: Array) -> Array:
        return np.asarray(0.5 / np.sqrt(np.maximum(means, 1e-300)) / len(means))

    return Statistic(squares, lambda means: np.sqrt(means).mean(axis=-1), slope)


def share(parts: Array, wholes: Array, empty: float) -> Statistic:
    """Sum of all parts over sum of all wholes, `empty` where the wholes are nothing. Arrays [rows,
    columns].
    """
    rows = np.stack([parts.sum(axis=1), wholes.sum(axis=1)], axis=1).astype(float)
    return Statistic(rows, lambda means: divided(means[..., 0], means[..., 1], empty))


def divided(part: Array, whole: Array, empty: float) -> Array:
    """part / whole, and `empty` where whole is 0."""
    out = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), empty)
    return np.asarray(np.divide(part, whole, out=out, where=np.asarray(whole) > 0))
