"""Rank metrics: their values, DeLong's influence of each row on the AUC, average precision under
resampling.

Runs in a worker process. Truth is 0/1 [rows, columns], predictions finite float [rows, columns].
scikit-learn defines the values; a blend is chosen by hundreds of them, and its checks of the
arguments alone take ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from core.judging.statistic import Array


def auc(truth: Array, pred: Array) -> float:
    """Mean column-wise area under the ROC curve, ties counted half; NaN when undefined."""
    columns = defined_columns(truth)
    if not columns:
        return float("nan")
    return float(np.mean([_column_auc(truth[:, c] > 0.5, pred[:, c]) for c in columns]))


def average_precision(truth: Array, pred: Array) -> float:
    """Mean column-wise average precision; NaN when undefined."""
    return float(weighted_average_precision(truth, pred, np.ones((1, len(truth))))[0])


def defined_columns(truth: Array) -> list[int]:
    """Columns that hold both classes; a rank metric has no value on the others."""
    positives = (truth > 0.5).sum(axis=0)
    return np.flatnonzero((positives > 0) & (positives < len(truth))).tolist()


def _column_auc(positive: Array, pred: Array) -> float:
    """The share of pairs in the right order, from whole numbers: equal areas are equal to the last
    bit.
    """
    # In order, searches of neighbours touch the same memory.
    up, down = np.sort(pred[positive]), np.sort(pred[~positive])
    halves = np.searchsorted(down, up, "left").sum() + np.searchsorted(down, up, "right").sum()
    return float(halves / (2 * len(up) * len(down)))


def auc_influence(truth: Array, pred: Array) -> tuple[float, Array]:
    """Mean column-wise AUC and each row's influence u on it; the variance of the AUC is the sum of
    u squared.

    For one column that is DeLong's variance S10/m + S01/n, and the sum of (u_a - u_b)^2 is that of
    a difference between two predictions on the same rows. Rows of a group are added up before
    squaring. NaN when undefined.
    """
    columns = defined_columns(truth)
    influence = np.zeros(len(truth))
    if not columns:
        return float("nan"), influence
    values = []
    for column in columns:
        value, part = _column_influence(truth[:, column] > 0.5, pred[:, column])
        values.append(value)
        influence += part / len(columns)
    return float(np.mean(values)), influence


def _column_influence(positive: Array, pred: Array) -> tuple[float, Array]:
    up, down = pred[positive], pred[~positive]
    beats = _share_below(down, up)
    loses = 1 - _share_below(up, down)
    value = float(beats.mean())
    influence = np.zeros(len(pred))
    influence[positive] = (beats - value) / np.sqrt(max(len(up) * (len(up) - 1), 1))
    influence[~positive] = (loses - value) / np.sqrt(max(len(down) * (len(down) - 1), 1))
    return value, influence


def _share_below(of: Array, values: Array) -> Array:
    """Share of `of` that lies below each value, ties counted half."""
    ordered = np.sort(of)
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(below / (2 * len(of)))


def weighted_average_precision(truth: Array, pred: Array, weights: Array) -> Array:
    """Mean column-wise average precision under each row weighting.

    weights: [draws, rows], counts. Returns [draws]; a draw without a positive in some column leaves
    that column out.
    """
    columns = defined_columns(truth)
    if not columns:
        return np.full(len(weights), np.nan)
    values = np.stack([_column_precision(truth[:, c] > 0.5, pred[:, c], weights) for c in columns])
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _column_precision(positive: Array, pred: Array, weights: Array) -> Array:
    """Sum over thresholds of (recall step) x precision, as scikit-learn defines it; NaN without
    positives.
    """
    order = np.argsort(-pred, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(pred[order])), len(pred) - 1)
    taken = weights[:, order]
    hits = np.cumsum(taken * positive[order], axis=1)[:, ends]
    said = np.cumsum(taken, axis=1)[:, ends]
    precision = hits / np.maximum(said, 1e-12)
    total = hits[:, -1]
    steps = np.diff(hits, axis=1, prepend=0.0)
    area = (steps * precision).sum(axis=1)
    return np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0)


Influence = Callable[[Array, Array], tuple[float, Array]]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A metric of ranks: no mean over rows. Either `influence` or `resampled` says how sure it is."""

    # Of truth and predictions.
    value: Callable[[Array, Array], float]
    # Value and influence of each row on it.
    influence: Influence | None = None
    # Values under row weights [draws, rows].
    resampled: Callable[[Array, Array, Array], Array] | None = None


RANKINGS: Mapping[str, Ranking] = {
    "roc_auc": Ranking(auc, influence=auc_influence),
    "average_precision": Ranking(average_precision, resampled=weighted_average_precision),
}
