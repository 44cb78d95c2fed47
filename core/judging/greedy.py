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
    crossed = []
    for number, block in enumerate(blocks):
        others = [other for index, other in enumerate(quick) if index != number]
        crossed.append(_apply(spec, block, pick(metric, others, _step(how)), how))
    weights = pick(metric, quick, _step(how))
    lead = _best_single(metric, quick)
    alone = [block.stack[lead] for block in blocks]
    held = [block.held for block in blocks]
    value, error = mean_score(metric, list(zip(held, crossed, strict=True)))
    single_value, single_error = mean_score(metric, list(zip(held, alone, strict=True)))
    chance = p_better(metric, [Pair(*row) for row in zip(held, crossed, alone, strict=True)])
    order = sorted(np.flatnonzero(weights), key=lambda index: -weights[index])
    members = tuple((ids[index], float(weights[index])) for index in order)
    return GreedyBlend(members, how, value, error, ids[lead], single_value, single_error, chance)


def pick(metric: Metric, blocks: Sequence[RowBlock], how: str) -> Array:
    """Weight of each candidate: the best few with equal weight, then whatever improves the mean
    score most.

    Votes need the start from several: a second voter alone never outvotes the first.
    """
    counts, best = _best_few(metric, blocks, how)
    while counts.sum() < PICKS:
        utilities = [_utility(metric, blocks, counts + row, how) for row in np.eye(len(counts))]
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
    alone = [_utility(metric, blocks, row, how) for row in rows]
    order = sorted(range(len(alone)), key=lambda index: -alone[index])
    starts = [rows[order[:size]].sum(axis=0) for size in range(1, min(START, len(order)) + 1)]
    utilities = [_utility(metric, blocks, start, how) for start in starts]
    choice = int(np.argmax(utilities))
    return starts[choice], utilities[choice]


def _utility(metric: Metric, blocks: Sequence[RowBlock], counts: Array, how: str) -> float:
    chosen = np.flatnonzero(counts)
    total = 0.0
    for block in blocks:
        stack = [block.stack[index] for index in chosen]
        values = stack[0] if len(stack) == 1 else blend(stack, counts[chosen].tolist(), how)
        value = score(metric, block.held.truth, values, block.held.weighing)
        total += 0.0 if math.isnan(value) else value
    return total if metric.maximize else -total


def _best_single(metric: Metric, blocks: Sequence[RowBlock]) -> int:
    rows = np.eye(len(blocks[0].stack))
    return int(np.argmax([_utility(metric, blocks, row, "mean") for row in rows]))


def _apply(spec: CompetitionSpec, block: RowBlock, weights: Array, how: str) -> Array:
    chosen = np.flatnonzero(weights)
    return blended(spec, [block.stack[index] for index in chosen], list(weights[chosen]), how)


def _step(how: str) -> str:
    """Blocks for selection hold ranks already."""
    return "mean" if how == "rank" else how


# ---------------------------------------------------------------- rows


def _complete(
    candidates: Sequence[tuple[str, Sequence[str]]], store: Store
) -> tuple[list[str], list[list[Prediction]]]:
    """Ids of the candidates with the most views, and for each of those views the prediction of each
    one.
    """
    found = [(name, common_views([names], store)) for name, names in candidates]
    most = max((set(views) for _, views in found), key=len, default=set())
    kept = [(name, views) for name, views in found if most <= set(views)]
    return [name for name, _ in kept], [
        [views[view][0] for _, views in kept] for view in sorted(most)
    ]


def _blocks(spec: CompetitionSpec, views: Sequence[Sequence[Prediction]]) -> list[RowBlock]:
    blocks = []
    for predictions in views:
        held, stack = held_rows(spec, predictions, "holdout")
        if len(held.truth):
            blocks.append(RowBlock(held, tuple(stack)))
    return _halves(blocks[0]) if len(blocks) == 1 else blocks


def _halves(block: RowBlock) -> list[RowBlock]:
    """Two blocks of whole groups, drawn at random."""
    cluster = clusters(block.held.groups, len(block.held.truth))
    side = np.random.default_rng(SEED).permutation(int(cluster.max()) + 1) % 2
    halves = [np.flatnonzero(side[cluster] == which) for which in (0, 1)]
    return [_rows(block, rows) for rows in halves if len(rows)]


def _rows(block: RowBlock, rows: Array) -> RowBlock:
    return RowBlock(block.held.take(rows), tuple(values[rows] for values in block.stack))


def _for_selection(block: RowBlock, how: str) -> RowBlock:
    """The block as selection wants it: ranks where ranks are averaged, numbers for labels, not too
    many rows.
    """
    if how == "rank":
        block = RowBlock(block.held, tuple(ranks(values) for values in block.stack))
    if block.held.truth.dtype.kind == "U":
        block = _coded(block)
    count = len(block.held.truth)
    if count <= SELECTION_ROWS:
        return block
    return _rows(block, np.random.default_rng(SEED).permutation(count)[:SELECTION_ROWS])


def _coded(block: RowBlock) -> RowBlock:
    """Labels as numbers: equal where the texts are equal."""
    every = np.stack([block.held.truth, *block.stack])
    codes = np.unique(every, return_inverse=True)[1].reshape(every.shape).astype(float)
    return RowBlock(replace(block.held, truth=codes[0]), tuple(codes[1:]))
