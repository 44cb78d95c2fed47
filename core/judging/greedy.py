"""Greedy forward selection of a blend with replacement (Caruana et al. 2004), judged cross-fitted.

Runs in a worker process. Weights are chosen on all blocks of rows but one and judged on that one; a
block is a view, or a half of the rows (whole groups) where there is one view only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.blending import how_to_blend
from core.judging.blend import blend, blended, common_views, held_rows, ranks
from core.judging.compare import SEED, HeldTruth, Pair, mean_score, p_better
from core.judging.metrics import Metric, score
from core.judging.resample import clusters
from core.judging.statistic import Array
from core.judging.store import Prediction, Store
from core.records import CompetitionSpec

PICKS = 10
START = 5
SELECTION_ROWS = 5000
MIN_GAIN = 1e-9


@dataclass(frozen=True, slots=True)
class GreedyBlend:
    """A blend beside its best single member, on the same rows.

    members: (id, weight), best weight first, weights sum to 1. score, stderr: cross-fitted. single:
    id of the best candidate on its own. p_better: P(the cross-fitted blend beats that candidate).
    """

    members: tuple[tuple[str, float], ...]
    how: str
    score: float | None
    stderr: float | None
    single: str
    single_score: float | None
    single_stderr: float | None
    p_better: float | None


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Rows that stay together in cross-fitting: the truth, and one array per candidate."""

    held: HeldTruth
    stack: tuple[Array, ...]

    def chosen(self, candidates: Array) -> list[Array]:
        """The arrays of some candidates."""
        return [self.stack[index] for index in candidates]

    def take(self, rows: Array) -> RowBlock:
        """These rows only."""
        return RowBlock(self.held.take(rows), tuple(values[rows] for values in self.stack))


def greedy(
    spec: CompetitionSpec, candidates: Sequence[tuple[str, Sequence[str]]], store: Store
) -> GreedyBlend | None:
    """The selection among `candidates`: (id, names of its predictions). None when they have no
    holdout rows in common.

    Candidates that lack a view which others have are left out.
    """
    metric = Metric.of(spec)
    ids, views = _complete(candidates, store)
    blocks = _blocks(spec, views)
    if len(blocks) < 2:
        return None
    how = how_to_blend(spec)
    quick = [_for_selection(block, how) for block in blocks]
    lead = _best_single(metric, quick)
    blends, singles, pairs = [], [], []
    for number, block in enumerate(blocks):
        others = quick[:number] + quick[number + 1 :]
        crossed = _apply(spec, block, pick(metric, others, _step(how)), how)
        alone = block.stack[lead]
        blends.append((block.held, crossed))
        singles.append((block.held, alone))
        pairs.append(Pair(block.held, crossed, alone))
    value, error = mean_score(metric, blends)
    single_value, single_error = mean_score(metric, singles)
    chance = p_better(metric, pairs)
    members = _members(ids, pick(metric, quick, _step(how)))
    return GreedyBlend(members, how, value, error, ids[lead], single_value, single_error, chance)


def _members(ids: Sequence[str], weights: Array) -> tuple[tuple[str, float], ...]:
    """The candidates with a weight, largest weight first."""
    order = sorted(np.flatnonzero(weights).tolist(), key=lambda index: -weights[index])
    return tuple((ids[index], float(weights[index])) for index in order)


def pick(metric: Metric, blocks: Sequence[RowBlock], how: str) -> Array:
    """Weight of each candidate: the best few with equal weight, then whatever improves the mean
    score most.

    Votes need the start from several: a second voter alone never outvotes the first.
    """
    counts, best = _best_few(metric, blocks, how)
    while counts.sum() < PICKS:
        utilities = _utilities(metric, blocks, counts + np.eye(len(counts)), how)
        choice = int(np.argmax(utilities))
        if utilities[choice] <= best + MIN_GAIN:
            break
        best = utilities[choice]
        counts[choice] += 1
    return np.asarray(counts / counts.sum())


def _best_few(metric: Metric, blocks: Sequence[RowBlock], how: str) -> tuple[Array, float]:
    """The best candidates in order, as many of them (at most START) as score best together; that
    utility.
    """
    rows = np.eye(len(blocks[0].stack))
    alone = _utilities(metric, blocks, rows, how)
    order = sorted(range(len(alone)), key=lambda index: -alone[index])
    starts = np.cumsum(rows[order[:START]], axis=0)
    utilities = _utilities(metric, blocks, starts, how)
    choice = int(np.argmax(utilities))
    return starts[choice], utilities[choice]


def _utilities(metric: Metric, blocks: Sequence[RowBlock], counts: Array, how: str) -> list[float]:
    """The utility of each row of `counts`: [choices, candidates]."""
    return [_utility(metric, blocks, row, how) for row in counts]


def _utility(metric: Metric, blocks: Sequence[RowBlock], counts: Array, how: str) -> float:
    """Sum over blocks of the score of a blend, turned so that larger is better; counts:
    [candidates].
    """
    chosen = np.flatnonzero(counts)
    total = 0.0
    for block in blocks:
        if len(chosen) == 1:
            values = block.stack[chosen[0]]
        else:
            values = blend(block.chosen(chosen), counts[chosen].tolist(), how)
        value = score(metric, block.held.truth, values, block.held.weighing)
        if not math.isnan(value):
            total += value
    if metric.maximize:
        return total
    return -total


def _best_single(metric: Metric, blocks: Sequence[RowBlock]) -> int:
    return int(np.argmax(_utilities(metric, blocks, np.eye(len(blocks[0].stack)), "mean")))


def _apply(spec: CompetitionSpec, block: RowBlock, weights: Array, how: str) -> Array:
    chosen = np.flatnonzero(weights)
    return blended(spec, block.chosen(chosen), list(weights[chosen]), how)


def _step(how: str) -> str:
    """Blocks for selection hold ranks already."""
    if how == "rank":
        return "mean"
    return how


# ---------------------------------------------------------------- rows


def _complete(
    candidates: Sequence[tuple[str, Sequence[str]]], store: Store
) -> tuple[list[str], list[list[Prediction]]]:
    """Ids of the candidates with the most views, and for each of those views the prediction of each
    one.
    """
    by_name = {name: common_views([names], store) for name, names in candidates}
    most = set[str]()
    for views in by_name.values():
        if len(views) > len(most):
            most = set(views)
    complete = [name for name, views in by_name.items() if most <= set(views)]
    predictions = []
    for view in sorted(most):
        predictions.append([by_name[name][view][0] for name in complete])
    return complete, predictions


def _blocks(spec: CompetitionSpec, views: Sequence[Sequence[Prediction]]) -> list[RowBlock]:
    blocks = []
    for predictions in views:
        held, stack = held_rows(spec, predictions, "holdout")
        if len(held.truth):
            blocks.append(RowBlock(held, tuple(stack)))
    if len(blocks) == 1:
        return _halves(blocks[0])
    return blocks


def _halves(block: RowBlock) -> list[RowBlock]:
    """Two blocks of whole groups, drawn at random."""
    cluster = clusters(block.held.groups, len(block.held.truth))
    side = np.random.default_rng(SEED).permutation(int(cluster.max()) + 1) % 2
    first, second = np.flatnonzero(side[cluster] == 0), np.flatnonzero(side[cluster] == 1)
    return [block.take(rows) for rows in (first, second) if len(rows)]


def _for_selection(block: RowBlock, how: str) -> RowBlock:
    """The block as selection wants it: ranks where ranks are averaged, numbers for labels, not too
    many rows.
    """
    if how == "rank":
        block = RowBlock(block.held, tuple(map(ranks, block.stack)))
    if block.held.truth.dtype.kind == "U":
        block = _coded(block)
    count = len(block.held.truth)
    if count <= SELECTION_ROWS:
        return block
    return block.take(np.random.default_rng(SEED).permutation(count)[:SELECTION_ROWS])


def _coded(block: RowBlock) -> RowBlock:
    """Labels as numbers: equal where the texts are equal."""
    every = np.stack([block.held.truth, *block.stack])
    codes = np.unique(every, return_inverse=True)[1].reshape(every.shape).astype(float)
    return RowBlock(replace(block.held, truth=codes[0]), tuple(codes[1:]))
