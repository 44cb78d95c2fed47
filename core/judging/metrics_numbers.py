"""Metrics of real values and of probabilities. Runs in a worker process.

Truth and predictions are floats [rows, columns]; a metric of several columns is the mean over them
unless it says else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.judging.ranks import ranked
from core.judging.statistic import Array, Statistic, averaged, divided, rooted

CLIP = 1e-15
LEAST_ERROR = 1e-9


def multiclass_log_loss(truth: Array, pred: Array) -> Statistic:
    """Mean over rows as Kaggle defines it: clipped, rescaled to sum 1, minus the log of the true
    class.
    """
    clipped = np.clip(pred, CLIP, 1 - CLIP)
    shares = clipped / clipped.sum(axis=1, keepdims=True)
    return averaged(-(truth * np.log(shares)).sum(axis=1, keepdims=True))


def log_loss(truth: Array, pred: Array) -> Statistic:
    clipped = np.clip(pred, CLIP, 1 - CLIP)
    return averaged(-(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped)))


def kl_divergence(truth: Array, pred: Array) -> Statistic:
    """Mean over rows of sum t ln(t / p); truth that counts votes is divided by its row sum, t = 0
    adds nothing.
    """
    totals = truth.sum(axis=1, keepdims=True)
    known = np.divide(truth, totals, out=np.zeros(truth.shape), where=totals > 0)
    logs = np.log(np.where(known > 0, known, 1.0)) - np.log(np.clip(pred, CLIP, 1 - CLIP))
    return averaged((known * logs).sum(axis=1, keepdims=True))


def probabilistic_f1(truth: Array, pred: Array) -> Statistic:
    """F1 of probabilities (Yacouby and Axman 2020): each counts as a positive in part."""
    said, size = np.clip(pred, 0.0, 1.0), truth.shape[1]

    def finish(means: Array) -> Array:
        hit, every = means[..., :size], means[..., size:]
        return np.asarray(divided(2 * hit, every, 0.0).mean(axis=-1))

    return Statistic(np.hstack([truth * said, truth + said]), finish)


def lrap(truth: Array, pred: Array) -> Statistic:
    """Label ranking average precision: mean over rows; a row where no or every label is true counts
    1.
    """
    return averaged(_ranking_precision(truth, pred)[:, None])


def lwlrap(truth: Array, pred: Array) -> Statistic:
    """The same, each true label with equal weight: rows count by their number of labels."""
    labels = (truth > 0).sum(axis=1).astype(float)
    rows = np.stack([_ranking_precision(truth, pred) * labels, labels], axis=1)
    return Statistic(rows, lambda means: divided(means[..., 0], means[..., 1], 0.0))


def _ranking_precision(truth: Array, pred: Array) -> Array:
    """Per row the mean over true labels of (true labels ranked as high) / (labels ranked as high)."""
    known = truth > 0
    among_all = ranked(-pred, "max", axis=1)
    below = np.where(known, -pred, np.inf)
    among_true = np.minimum(ranked(below, "max", axis=1), known.sum(axis=1, keepdims=True))
    counts = known.sum(axis=1)
    means = np.divide(
        (known * among_true / among_all).sum(axis=1),
        counts,
        out=np.ones(len(truth)),
        where=counts > 0,
    )
    return np.where(counts == truth.shape[1], 1.0, means)


def mae(truth: Array, pred: Array) -> Statistic:
    return averaged(np.abs(truth - pred))


def log_mae(truth: Array, pred: Array) -> Statistic:
    """Mean over columns of the log of the column's mean absolute error, which is 1e-9 at least (a
    perfect one).
    """
    return Statistic(
        np.abs(truth - pred), lambda means: np.log(np.maximum(means, LEAST_ERROR)).mean(axis=-1)
    )


def mape(truth: Array, pred: Array) -> Statistic:
    """As a share, not in percent; a truth of 0 counts as the smallest float step, as in
    scikit-learn.
    """
    return averaged(np.abs(truth - pred) / np.maximum(np.abs(truth), np.finfo(np.float64).eps))


def smape(truth: Array, pred: Array) -> Statistic:
    """Mean of 2 |t - p| / (|t| + |p|), from 0 to 2 (not in percent); 0 where both are 0."""
    whole = np.abs(truth) + np.abs(pred)
    return averaged(divided(2 * np.abs(truth - pred), whole, 0.0))


def rmspe(truth: Array, pred: Array) -> Statistic:
    """Mean over columns of the root of the mean of ((t - p) / t)^2, as a share; cells whose truth
    is 0 do not count.
    """
    size, known = truth.shape[1], truth != 0
    errors = np.divide(truth - pred, truth, out=np.zeros(truth.shape), where=known)

    def finish(means: Array) -> Array:
        squares = _over(means[..., :size], means[..., size:])
        return np.asarray(np.sqrt(squares).mean(axis=-1))

    return Statistic(np.hstack([errors**2, known]), finish)


def mase(scale: Array, truth: Array, pred: Array) -> Statistic:
    """Mean absolute error over what the naive forecast errs in train (Hyndman and Koehler 2006),
    one scale per column.
    """
    return averaged(np.abs(truth - pred) / scale)


def pinball(quantile: Array, truth: Array, pred: Array) -> Statistic:
    """Mean of q (t - p) where the truth is above, (1 - q) (p - t) where it is below; one quantile
    per column.
    """
    above = truth - pred
    return averaged(np.maximum(quantile * above, (quantile - 1) * above))


def log_cosh(truth: Array, pred: Array) -> Statistic:
    """Mean of ln cosh(t - p), written so that large errors do not overflow."""
    error = np.abs(truth - pred)
    return averaged(error + np.log1p(np.exp(-2 * error)) - np.log(2))


def brier_of_classes(truth: Array, pred: Array) -> Statistic:
    """Mean over rows of the squared errors of all classes together, from 0 to 2 (Brier 1950)."""
    return averaged(((truth - pred) ** 2).sum(axis=1, keepdims=True))


def mse(truth: Array, pred: Array) -> Statistic:
    return averaged((truth - pred) ** 2)


def rmse(truth: Array, pred: Array) -> Statistic:
    return rooted((truth - pred) ** 2)


def rmsle(truth: Array, pred: Array) -> Statistic:
    """Raises ValueError below zero, where the metric is not defined."""
    if (truth < 0).any() or (pred < 0).any():
        raise ValueError("rmsle is not defined for negative values")
    return rooted((np.log1p(truth) - np.log1p(pred)) ** 2)


def r2(truth: Array, pred: Array) -> Statistic:
    """1 - squared errors / squared distances from the mean truth."""
    size, centred = truth.shape[1], truth - truth.mean(axis=0)

    def finish(means: Array) -> Array:
        errors, first, second = (means[..., i * size : (i + 1) * size] for i in range(3))
        return np.asarray((1 - _over(errors, second - first**2)).mean(axis=-1))

    return Statistic(np.hstack([(truth - pred) ** 2, centred, centred**2]), finish)


def pearson(truth: Array, pred: Array) -> Statistic:
    """NaN where truth or prediction does not vary."""
    size = truth.shape[1]
    a, b = (values - values.mean(axis=0) for values in (truth, pred))

    def finish(means: Array) -> Array:
        ab, aa, bb, first, second = (means[..., i * size : (i + 1) * size] for i in range(5))
        spread = np.maximum(aa - first**2, 0) * np.maximum(bb - second**2, 0)
        return np.asarray(_over(ab - first * second, np.sqrt(spread)).mean(axis=-1))

    return Statistic(np.hstack([a * b, a * a, b * b, a, b]), finish)


def spearman(truth: Array, pred: Array) -> Statistic:
    """Pearson's correlation of the ranks, ties averaged. Resampling keeps the ranks of the whole."""
    return pearson(ranked(truth), ranked(pred))


def normalized_gini(truth: Array, pred: Array) -> Statistic:
    """Gini of the truth in the order of the predictions, over that in its own order.

    Of 0 and 1 it is 2 AUC - 1. Equal predictions share a rank, where Kaggle's code takes them in
    the order of rows. NaN where the truth does not vary.
    """
    size, spread = truth.shape[1], np.ptp(truth, axis=0) > 0
    centred = np.where(spread, truth - truth.mean(axis=0), 0.0)
    rows = np.hstack([_rank_covariance(centred, pred), _rank_covariance(centred, truth)])
    # The mean of the rows is twice the covariance, because that is a function of pairs of rows.
    whole = rows.mean(axis=0) / 2

    def finish(means: Array) -> Array:
        now = means - whole
        return np.asarray(_over(now[..., :size], now[..., size:]).mean(axis=-1))

    def slope(means: Array) -> Array:
        now = means - whole
        ours, best = now[:size], np.maximum(now[size:], 1e-300)
        return np.concatenate([1 / best, -ours / best**2]) / size

    return Statistic(rows, finish, slope)


def _rank_covariance(values: Array, order: Array) -> Array:
    """What each row adds to the covariance of centred values and ranks (from 0 to 1): by its own
    value, and as one of the rows that the others stand above. [rows, columns]
    """
    count = len(values)
    ranks = (ranked(order) - 0.5) / count
    above = np.empty(values.shape)
    for column in range(values.shape[1]):
        levels = np.unique(order[:, column], return_inverse=True)[1].ravel()
        sums = np.bincount(levels, weights=values[:, column])
        above[:, column] = (sums.sum() - np.cumsum(sums) + sums / 2)[levels]
    return np.asarray(values * (ranks - 0.5) + above / count)


def _over(part: Array, whole: Array) -> Array:
    """part / whole, NaN where whole is nothing but rounding."""
    return np.asarray(
        np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 1e-300)
    )


STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "log_loss": log_loss,
    "kl_divergence": kl_divergence,
    "probabilistic_f1": probabilistic_f1,
    "lrap": lrap,
    "lwlrap": lwlrap,
    "mae": mae,
    "log_mae": log_mae,
    "mape": mape,
    "mse": mse,
    "rmse": rmse,
    "mcrmse": rmse,
    "rmsle": rmsle,
    "r2": r2,
    "pearson": pearson,
    "spearman": spearman,
    "normalized_gini": normalized_gini,
    "smape": smape,
    "rmspe": rmspe,
    "log_cosh": log_cosh,
    "brier": mse,
}
# By the metric's parameter [columns], or [1] for all columns.
PARAMETRIC: dict[str, Callable[[Array, Array, Array], Statistic]] = {
    "mase": mase,
    "pinball": pinball,
}
# Where the columns are shares of one whole.
OF_WHOLES: dict[str, Callable[[Array, Array], Statistic]] = {
    "log_loss": multiclass_log_loss,
    "brier": brier_of_classes,
}
