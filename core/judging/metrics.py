"""The metrics by name: one number from truth and predictions, and the row statistics that it is made of.

Runs in a worker process. Truth and predictions are arrays [rows, columns] of the same shape and kind: float, or text
for labels that are no numbers. Higher or lower is better as core.metric_names says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from core.metric_names import BY_NAME
from core.records import CompetitionSpec

Array = np.ndarray[Any, Any]
CLIP = 1e-15
RANKED = frozenset({"roc_auc", "average_precision"})


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of BY_NAME as a competition uses it. one_hot: one column per class of a single label."""

    name: str
    maximize: bool
    one_hot: bool = False

    @classmethod
    def of(cls, spec: CompetitionSpec) -> Metric:
        return cls(spec.metric.name, spec.metric.direction == "maximize", spec.one_hot)

    @property
    def predicts(self) -> str:
        return BY_NAME[self.name].predicts


@dataclass(frozen=True, slots=True)
class Statistic:
    """A metric as a function of row means: score = finish(mean over rows of `rows`).

    rows: [rows, statistics], dense or sparse. finish: [..., statistics] -> [...]. slope: gradient of finish at the
    means, for the analytic standard error; None where the bootstrap serves.
    """

    rows: Any
    finish: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None = None

    def means(self) -> Array:
        return np.asarray(self.rows.mean(axis=0)).ravel()


def score(metric: Metric, truth: Array, pred: Array) -> float:
    """The metric's value; NaN where it is not defined on these rows (no rows, one class only)."""
    if not len(truth):
        return float("nan")
    if metric.name in RANKED:
        return _ranked(metric.name, truth, pred)
    statistic = row_statistic(metric, truth, pred)
    return float(statistic.finish(statistic.means()))


def row_statistic(metric: Metric, truth: Array, pred: Array) -> Statistic:
    """The statistic of any metric that is not in RANKED."""
    if metric.predicts == "label" and metric.one_hot:
        truth, pred = truth.argmax(axis=1)[:, None], pred.argmax(axis=1)[:, None]
    if metric.name == "log_loss" and metric.one_hot:
        return _averaged(multiclass_log_loss(truth, pred)[:, None])
    return _STATISTICS[metric.name](truth, pred)


def defined_columns(truth: Array) -> list[int]:
    """Columns that hold both classes; a rank metric has no value on the others."""
    return [column for column in range(truth.shape[1]) if 0 < (truth[:, column] > 0.5).sum() < len(truth)]


def _ranked(name: str, truth: Array, pred: Array) -> float:
    function = roc_auc_score if name == "roc_auc" else average_precision_score
    columns = defined_columns(truth)
    values = [function(truth[:, column] > 0.5, pred[:, column]) for column in columns]
    return float(np.mean(values)) if values else float("nan")


# ---------------------------------------------------------------- losses per row


def multiclass_log_loss(truth: Array, pred: Array) -> Array:
    """Loss of each row as Kaggle defines it: clipped, rescaled to sum 1, minus the log of the true class."""
    clipped = np.clip(pred, CLIP, 1 - CLIP)
    shares = clipped / clipped.sum(axis=1, keepdims=True)
    losses: Array = -(truth * np.log(shares)).sum(axis=1)
    return losses


def _log_loss(truth: Array, pred: Array) -> Statistic:
    clipped = np.clip(pred, CLIP, 1 - CLIP)
    return _averaged(-(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped)))


def _accuracy(truth: Array, pred: Array) -> Statistic:
    return _averaged((truth == pred).astype(float))


def _error_rate(truth: Array, pred: Array) -> Statistic:
    return _averaged((truth != pred).astype(float))


def _mae(truth: Array, pred: Array) -> Statistic:
    return _averaged(np.abs(truth - pred))


def _rmse(truth: Array, pred: Array) -> Statistic:
    return _rooted((truth - pred) ** 2)


def _rmsle(truth: Array, pred: Array) -> Statistic:
    """Raises ValueError below zero, where the metric is not defined."""
    if (truth < 0).any() or (pred < 0).any():
        raise ValueError("rmsle is not defined for negative values")
    return _rooted((np.log1p(truth) - np.log1p(pred)) ** 2)


def _averaged(rows: Array) -> Statistic:
    return Statistic(rows, lambda means: means.mean(axis=-1), lambda means: np.full(means.shape, 1 / len(means)))


def _rooted(squares: Array) -> Statistic:
    """Mean over columns of the root of the column's mean."""

    def slope(means: Array) -> Array:
        return np.asarray(0.5 / np.sqrt(np.maximum(means, 1e-300)) / len(means))

    return Statistic(squares, lambda means: np.sqrt(means).mean(axis=-1), slope)


# ---------------------------------------------------------------- counts per class


def _f1_micro(truth: Array, pred: Array) -> Statistic:
    """Over several 0/1 columns the F1 of all cells together; over one label column it equals accuracy."""
    if truth.shape[1] == 1:
        return _accuracy(truth, pred)
    hits = np.stack([(truth * pred).sum(axis=1), pred.sum(axis=1), truth.sum(axis=1)], axis=1).astype(float)
    return Statistic(hits, lambda means: _f1(means[..., 0], means[..., 1], means[..., 2]))


def _f1_macro(truth: Array, pred: Array) -> Statistic:
    """Mean F1 over the classes that occur; over several 0/1 columns the mean F1 of the columns' positive class."""
    if truth.shape[1] > 1:
        size = truth.shape[1]
        rows: Any = np.hstack([truth * pred, pred, truth]).astype(float)
    else:
        known, guessed, size = _codes(truth[:, 0], pred[:, 0])
        rows = sparse.hstack(
            [_indicator(known, size, known == guessed), _indicator(guessed, size), _indicator(known, size)]
        ).tocsr()

    def finish(means: Array) -> Array:
        hit, said, true = means[..., :size], means[..., size : 2 * size], means[..., 2 * size :]
        occurs = (said + true) > 0
        return np.asarray(_f1(hit, said, true).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))

    return Statistic(rows, finish)


def _f1(hit: Array, said: Array, true: Array) -> Array:
    """2TP / (said + true), and 0 where nothing was said and nothing is true."""
    both = said + true
    return np.divide(2 * hit, both, out=np.zeros(np.shape(both)), where=both > 0)


def _quadratic_weighted_kappa(truth: Array, pred: Array) -> Statistic:
    """Cohen's kappa with weights (i - j)^2 on the values themselves; mean over columns.

    The weighted disagreement and the one expected by chance are both functions of the moments of (truth, pred):
    E(t - p)^2 against E t^2 + E p^2 - 2 Et Ep.
    """
    known, guessed = truth.astype(float), pred.astype(float)
    size = truth.shape[1]
    rows = np.hstack([(known - guessed) ** 2, known**2 + guessed**2, known, guessed])

    def finish(means: Array) -> Array:
        seen, squares, first, second = (means[..., i * size : (i + 1) * size] for i in range(4))
        chance = squares - 2 * first * second
        share = np.divide(seen, chance, out=np.zeros(np.shape(chance)), where=chance > 1e-12)
        return np.asarray((1 - share).mean(axis=-1))

    return Statistic(rows, finish)


def _codes(truth: Array, pred: Array) -> tuple[Array, Array, int]:
    """Both as class numbers 0..size-1 over the classes that occur in either."""
    names, codes = np.unique(np.concatenate([truth, pred]), return_inverse=True)
    codes = codes.ravel()
    return codes[: len(truth)], codes[len(truth) :], len(names)


def _indicator(codes: Array, size: int, where: Array | None = None) -> Any:
    values = np.ones(len(codes)) if where is None else where.astype(float)
    return sparse.csr_matrix((values, (np.arange(len(codes)), codes)), shape=(len(codes), size))


_STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "accuracy": _accuracy,
    "error_rate": _error_rate,
    "log_loss": _log_loss,
    "rmse": _rmse,
    "rmsle": _rmsle,
    "mae": _mae,
    "quadratic_weighted_kappa": _quadratic_weighted_kappa,
    "f1_macro": _f1_macro,
    "f1_micro": _f1_micro,
}
SCORED = frozenset(_STATISTICS) | RANKED
