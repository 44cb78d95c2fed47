"""How sure a score is, and which of two candidates is better on the same held-out rows. Runs in a
worker process.

Arithmetic on arrays only. Rows of one group or time block count as one observation. Everything is a
function of its arguments: the seed is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.judging.metrics import ALIKE, Metric, row_statistic, score
from core.judging.ranking import RANKINGS, Influence, defined_columns
from core.judging.resample import clusters, draws, pooled, unit_sums
from core.judging.statistic import Array
from core.judging.weighing import Weighing

CAP_ROWS = 5000
SEED = 20


@dataclass(frozen=True, slots=True)
class HeldTruth:
    """Held-out rows of one view: truth [rows, columns]; groups [rows] text, "" or None without
    groups.
    """

    truth: Array
    groups: Array | None = None
    weighing: Weighing = ALIKE

    def take(self, rows: Array) -> HeldTruth:
        """These rows only."""
        groups = self.groups
        if groups is not None:
            groups = groups[rows]
        return HeldTruth(self.truth[rows], groups, self.weighing.take(rows))


@dataclass(frozen=True, slots=True)
class Pair:
    """Predictions of two candidates, [rows, columns] each, on the same held-out rows."""

    held: HeldTruth
    challenger: Array
    incumbent: Array


def standard_error(metric: Metric, held: HeldTruth, pred: Array) -> float | None:
    """Standard error of the score on these rows; None where it is not defined.

    Analytic where the metric is a mean or root of row losses, DeLong for the AUC, else bootstrap.
    """
    if len(pred) < 2 or not _defined(metric, held.truth):
        return None
    influence = _influence(metric, held, pred)
    if influence is not None:
        return _root(_clustered(influence, clusters(held.groups, len(pred))))
    values = _bootstrap(metric, held, [pred], SEED)[0]
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    return float(values.std(ddof=1))


def p_better(metric: Metric, pairs: Sequence[Pair]) -> float | None:
    """P(challenger beats incumbent): mean over views of the difference on common rows, resampled
    within each view.

    Identical predictions give 0.5. None when no pair has rows on which the metric is defined.
    """
    usable = [pair for pair in pairs if _defined(metric, pair.held.truth)]
    if not usable:
        return None
    influence = _delong(metric)
    if influence is None:
        gain = _p_bootstrap(metric, usable)
    else:
        gain = _p_delong(influence, usable)
    if metric.maximize:
        return gain
    return 1.0 - gain


def _defined(metric: Metric, truth: Array) -> bool:
    if metric.name in RANKINGS:
        return bool(defined_columns(truth))
    return len(truth) > 0


def _delong(metric: Metric) -> Influence | None:
    """What gives each row's influence on a metric of ranks, None where nothing does."""
    ranking = RANKINGS.get(metric.name)
    if ranking is None:
        return None
    return ranking.influence


def _p_delong(influence: Influence, pairs: Sequence[Pair]) -> float:
    difference = variance = 0.0
    for pair in pairs:
        new, new_influence = influence(pair.held.truth, pair.challenger)
        old, old_influence = influence(pair.held.truth, pair.incumbent)
        difference += new - old
        variance += _clustered(
            new_influence - old_influence, clusters(pair.held.groups, len(new_influence))
        )
    if variance <= 0.0:
        return 0.5 + 0.5 * float(np.sign(difference))
    return NormalDist().cdf(difference / math.sqrt(variance))


def _p_bootstrap(metric: Metric, pairs: Sequence[Pair]) -> float:
    """Share of the draws in which the challenger's value is larger, ties counted half."""
    total = 0.0
    for number, pair in enumerate(pairs):
        new, old = _bootstrap(metric, pair.held, [pair.challenger, pair.incumbent], SEED + number)
        total = total + np.nan_to_num(new - old)
    difference = np.where(np.abs(total) < 1e-12, 0.0, total)
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def _bootstrap(metric: Metric, held: HeldTruth, preds: Sequence[Array], seed: int) -> list[Array]:
    """The score of each prediction under the same draws: one [draws] array each."""
    cluster = clusters(held.groups, len(held.truth))
    ranking = RANKINGS.get(metric.name)
    if ranking is not None and ranking.resampled is not None:
        rows = _capped(cluster)
        cluster = np.unique(cluster[rows], return_inverse=True)[1].ravel()
        weights = draws(int(cluster.max()) + 1, seed)[:, cluster]
        return [ranking.resampled(held.truth[rows], pred[rows], weights) for pred in preds]
    unit = pooled(cluster, SEED)
    weights = draws(int(unit.max()) + 1, seed)
    count = weights @ np.bincount(unit)
    values = []
    for pred in preds:
        statistic = row_statistic(metric, held.truth, pred, held.weighing)
        values.append(statistic.finish(weights @ unit_sums(statistic.rows, unit) / count[:, None]))
    return values


def _capped(cluster: Array) -> Array:
    """Rows of whole clusters, drawn at random, at most CAP_ROWS together (one cluster at least)."""
    if len(cluster) <= CAP_ROWS:
        return np.arange(len(cluster))
    order = np.random.default_rng(SEED).permutation(int(cluster.max()) + 1)
    sizes = np.bincount(cluster)[order]
    chosen = order[: max(int(np.searchsorted(np.cumsum(sizes), CAP_ROWS, "right")), 1)]
    return np.flatnonzero(np.isin(cluster, chosen))


def _influence(metric: Metric, held: HeldTruth, pred: Array) -> Array | None:
    """Each row's influence on the score: DeLong's, or slope times distance from the mean over the
    number of rows; None where neither is known.
    """
    if metric.name in RANKINGS:
        delong = _delong(metric)
        if delong is None:
            return None
        return delong(held.truth, pred)[1]
    statistic = row_statistic(metric, held.truth, pred, held.weighing)
    if statistic.slope is None:
        return None
    means = statistic.means()
    return np.asarray((statistic.rows - means) @ statistic.slope(means) / len(statistic.rows))


def _clustered(influence: Array, cluster: Array) -> float:
    """Variance of the sum of influences when whole clusters are the observations."""
    sums = np.bincount(cluster, weights=influence)
    return float((sums**2).sum())


def _root(variance: float) -> float:
    return math.sqrt(max(variance, 0.0))


def mean_score(
    metric: Metric, parts: Sequence[tuple[HeldTruth, Array]]
) -> tuple[float | None, float | None]:
    """Mean over views of the score, and its standard error; (None, None) where no view has a value."""
    values, variances = [], []
    for held, pred in parts:
        value = score(metric, held.truth, pred, held.weighing)
        if not math.isfinite(value):
            continue
        values.append(value)
        variances.append((standard_error(metric, held, pred) or 0.0) ** 2)
    if not values:
        return None, None
    return float(np.mean(values)), math.sqrt(sum(variances)) / len(values)
