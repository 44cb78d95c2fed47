"""Metrics of class labels. Runs in a worker process.

Truth and predictions are numbers or texts [rows, columns]; several columns of 0 and 1 are several
labels of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from core.judging.statistic import Array, Statistic, averaged, divided


def accuracy(truth: Array, pred: Array) -> Statistic:
    return averaged((truth == pred).astype(float))


def error_rate(truth: Array, pred: Array) -> Statistic:
    return averaged((truth != pred).astype(float))


def f1_micro(truth: Array, pred: Array) -> Statistic:
    """Over several 0/1 columns the F1 of all cells together; over one label column it equals
    accuracy.
    """
    if truth.shape[1] == 1:
        return accuracy(truth, pred)
    hits = np.stack(
        [(truth * pred).sum(axis=1), pred.sum(axis=1) + truth.sum(axis=1)], axis=1
    ).astype(float)
    return Statistic(hits, lambda means: divided(2 * means[..., 0], means[..., 1], 0.0))


def f1_macro(truth: Array, pred: Array) -> Statistic:
    """Mean F1 over the classes that occur; over several 0/1 columns the mean F1 of the columns'
    positive class.
    """
    return macro_f1_of(*_indicators(truth, pred))


def macro_f1_of(hit: Any, said: Any, true: Any) -> Statistic:
    """Mean F1 over the columns that occur. hit, said, true: 0/1 [rows, classes], dense or sparse."""
    size = hit.shape[1]

    def finish(means: Array) -> Array:
        values, _ = _by_class(means, size)
        occurs = means[..., size : 2 * size] + means[..., 2 * size :] > 0
        return np.asarray(values.sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))

    return Statistic(_beside(hit, said, true), finish)


def f1_weighted(truth: Array, pred: Array) -> Statistic:
    """Mean F1 over classes, each weighted by its true rows."""
    hit, said, true = _indicators(truth, pred)
    size = hit.shape[1]

    def finish(means: Array) -> Array:
        values, known = _by_class(means, size)
        return divided((values * known).sum(axis=-1), known.sum(axis=-1), 0.0)

    return Statistic(_beside(hit, said, true), finish)


def balanced_accuracy(truth: Array, pred: Array) -> Statistic:
    """Mean recall over the classes that are true somewhere; mean over columns."""
    if truth.shape[1] > 1:
        return _mean_of_columns(balanced_accuracy, truth, pred)
    hit, _, true = _indicators(truth, pred)
    size = hit.shape[1]

    def finish(means: Array) -> Array:
        known = means[..., size:]
        return divided(
            divided(means[..., :size], known, 0.0).sum(axis=-1), (known > 0).sum(axis=-1), 0.0
        )

    return Statistic(_beside(hit, true), finish)


def mcc(truth: Array, pred: Array) -> Statistic:
    """Matthews' correlation for any number of classes (Gorodkin 2004); 0 where one side is
    constant.
    """
    if truth.shape[1] > 1:
        return _mean_of_columns(mcc, truth, pred)
    hit, said, true = _indicators(truth, pred)
    size = hit.shape[1]

    def finish(means: Array) -> Array:
        right, guessed, known = (
            means[..., :size].sum(axis=-1),
            means[..., size : 2 * size],
            means[..., 2 * size :],
        )
        spread = (1 - (guessed**2).sum(axis=-1)) * (1 - (known**2).sum(axis=-1))
        # A constant side leaves rounding errors only.
        spread = np.where(spread > 1e-14, spread, 0.0)
        return divided(right - (guessed * known).sum(axis=-1), np.sqrt(spread), 0.0)

    return Statistic(_beside(hit, said, true), finish)


def quadratic_weighted_kappa(truth: Array, pred: Array) -> Statistic:
    """Cohen's kappa with weights (i - j)^2 on the values themselves; mean over columns.

    The weighted disagreement and the one expected by chance are both functions of the moments of
    (truth, pred): E(t - p)^2 against E t^2 + E p^2 - 2 Et Ep.
    """
    known, guessed = truth.astype(float), pred.astype(float)
    size = truth.shape[1]
    rows = np.hstack([(known - guessed) ** 2, known**2 + guessed**2, known, guessed])

    def finish(means: Array) -> Array:
        apart, squares, first, second = (means[..., i * size : (i + 1) * size] for i in range(4))
        return np.asarray(_kappa(apart, squares - 2 * first * second).mean(axis=-1))

    return Statistic(rows, finish)


def linear_weighted_kappa(truth: Array, pred: Array) -> Statistic:
    """Cohen's kappa with weights |i - j| on the values themselves; mean over columns.

    By chance two values lie on different sides of each gap between neighbouring values: the
    expected distance is the sum of the gaps, each times that probability.
    """
    if truth.shape[1] > 1:
        return _mean_of_columns(linear_weighted_kappa, truth, pred)
    values, known, guessed = _coded(truth.astype(float), pred.astype(float))
    size, gaps = len(values), np.diff(values)

    def finish(means: Array) -> Array:
        below = np.cumsum(means[..., 1 : size + 1], axis=-1)[..., :-1]
        said = np.cumsum(means[..., size + 1 :], axis=-1)[..., :-1]
        chance = (gaps * (below * (1 - said) + said * (1 - below))).sum(axis=-1)
        return _kappa(means[..., 0], chance)

    distances = np.abs(values[known] - values[guessed])[:, None]
    return Statistic(
        _beside(sparse.csr_matrix(distances), _indicator(known, size), _indicator(guessed, size)),
        finish,
    )


def cohen_kappa(truth: Array, pred: Array) -> Statistic:
    """Cohen's kappa (1960) of class names: agreement beyond chance; mean over columns."""
    if truth.shape[1] > 1:
        return _mean_of_columns(cohen_kappa, truth, pred)
    hit, said, true = _indicators(truth, pred)
    size = hit.shape[1]

    def finish(means: Array) -> Array:
        agreed = means[..., :size].sum(axis=-1)
        chance = (means[..., size : 2 * size] * means[..., 2 * size :]).sum(axis=-1)
        return _kappa(1 - agreed, 1 - chance)

    return Statistic(_beside(hit, said, true), finish)


def _kappa(apart: Array, chance: Array) -> Array:
    """1 - disagreement / disagreement by chance; 1 where chance cannot disagree."""
    parts = np.divide(apart, chance, out=np.zeros(np.shape(chance)), where=chance > 1e-12)
    return np.asarray(1 - parts)


# ---------------------------------------------------------------- counts per class


def _indicators(truth: Array, pred: Array) -> tuple[Any, Any, Any]:
    """(hit, said, true), 0/1 [rows, classes]: over one column of labels the classes that occur in
    either.
    """
    if truth.shape[1] > 1:
        return truth * pred, pred, truth
    names, known, guessed = _coded(truth, pred)
    return (
        _indicator(known, len(names), known == guessed),
        _indicator(guessed, len(names)),
        _indicator(known, len(names)),
    )


def _coded(truth: Array, pred: Array) -> tuple[Array, Array, Array]:
    """The labels of one column that occur, in order; the place of each truth and prediction."""
    names, codes = np.unique(np.concatenate([truth[:, 0], pred[:, 0]]), return_inverse=True)
    return names, codes.ravel()[: len(truth)], codes.ravel()[len(truth) :]


def _indicator(codes: Array, size: int, where: Array | None = None) -> Any:
    values = np.ones(len(codes))
    if where is not None:
        values = where.astype(float)
    return sparse.csr_matrix((values, (np.arange(len(codes)), codes)), shape=(len(codes), size))


def _beside(*parts: Any) -> Any:
    if any(map(sparse.issparse, parts)):
        return sparse.hstack(parts).tocsr()
    return np.hstack(parts).astype(float)


def _by_class(means: Array, size: int) -> tuple[Array, Array]:
    """F1 per class, 0 where nothing was said and nothing is true; share of true rows per class."""
    hit, said, true = means[..., :size], means[..., size : 2 * size], means[..., 2 * size :]
    return divided(2 * hit, said + true, 0.0), true


def _mean_of_columns(
    metric: Callable[[Array, Array], Statistic], truth: Array, pred: Array
) -> Statistic:
    parts = [metric(truth[:, [column]], pred[:, [column]]) for column in range(truth.shape[1])]
    ends = np.cumsum([part.rows.shape[1] for part in parts])

    def finish(means: Array) -> Array:
        blocks = np.split(means, ends[:-1], axis=-1)
        values = [part.finish(block) for part, block in zip(parts, blocks, strict=True)]
        return np.asarray(np.mean(values, axis=0))

    return Statistic(_beside(*(part.rows for part in parts)), finish)


STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "accuracy": accuracy,
    "error_rate": error_rate,
    "f1_micro": f1_micro,
    "f1_macro": f1_macro,
    "f1_weighted": f1_weighted,
    "balanced_accuracy": balanced_accuracy,
    "mcc": mcc,
    "quadratic_weighted_kappa": quadratic_weighted_kappa,
    "linear_weighted_kappa": linear_weighted_kappa,
    "cohen_kappa": cohen_kappa,
}
