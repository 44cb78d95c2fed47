"""Metrics of binary masks as run lengths. Runs in a worker process.

A cell holds pairs "start length" separated by spaces, starts from 1 in increasing order; an empty
mask is an empty cell, "-" or "-1". Pixels are compared as runs, so that neither image size nor
direction of counting matters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.judging.statistic import Array, Statistic, averaged, share

EMPTY = frozenset({"", "-", "-1", "nan"})
THRESHOLDS = np.arange(0.5, 1.0, 0.05)


def runs(cell: str) -> Array:
    """[runs, 2]: first pixel and the pixel behind the last, from 0. Raises ValueError, one line,
    for another text.
    """
    text = cell.strip()
    if text in EMPTY:
        return np.zeros((0, 2), dtype=np.int64)
    try:
        numbers = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ValueError("a mask holds something other than whole numbers") from None
    if len(numbers) % 2:
        raise ValueError("a mask has a start without a length")
    starts, lengths = numbers[::2], numbers[1::2]
    if (starts < 1).any() or (lengths < 1).any():
        raise ValueError("a mask has a start or length below 1")
    ends = starts + lengths
    if (starts[1:] < ends[:-1]).any():
        raise ValueError("the runs of a mask overlap or are not in order")
    return np.stack([starts - 1, ends - 1], axis=1)


def overlaps(truth: Array, pred: Array) -> tuple[Array, Array]:
    """Pixels in both masks, and the sum of the pixels of each: [rows, columns] each."""
    pairs = [
        _overlap(a, b) for a, b in zip(truth.ravel().tolist(), pred.ravel().tolist(), strict=True)
    ]
    both, every = np.array(pairs, dtype=float).reshape(-1, 2).T
    return both.reshape(truth.shape), every.reshape(truth.shape)


def _overlap(first: str, second: str) -> tuple[int, int]:
    a, b = runs(first), runs(second)
    sizes = int((a[:, 1] - a[:, 0]).sum() + (b[:, 1] - b[:, 0]).sum())
    if not len(a) or not len(b):
        return 0, sizes
    covered = np.concatenate([[0], np.cumsum(b[:, 1] - b[:, 0])])
    return int((_below(b, covered, a[:, 1]) - _below(b, covered, a[:, 0])).sum()), sizes


def _below(spans: Array, covered: Array, points: Array) -> Array:
    """How many pixels of the spans lie below each point."""
    index = np.searchsorted(spans[:, 0], points, "right") - 1
    last = np.maximum(index, 0)
    inside = np.minimum(points, spans[last, 1]) - spans[last, 0]
    return np.where(index < 0, 0, covered[last] + np.maximum(inside, 0))


def dice(truth: Array, pred: Array) -> Statistic:
    """Mean over masks of 2 |both| / (|a| + |b|); two empty masks agree."""
    both, every = overlaps(truth, pred)
    return averaged(np.divide(2 * both, every, out=np.ones(both.shape), where=every > 0))


def dice_global(truth: Array, pred: Array) -> Statistic:
    """The same over the pixels of all masks together."""
    both, every = overlaps(truth, pred)
    return share(2 * both, every, 1.0)


def jaccard(truth: Array, pred: Array) -> Statistic:
    """Mean over masks of intersection over union; two empty masks agree."""
    return averaged(_iou(truth, pred))


def iou_precision(truth: Array, pred: Array) -> Statistic:
    """Mean over masks of the share of thresholds .5, .55, ... .95 that the intersection over union
    exceeds.

    That is the mean precision over thresholds where each cell holds one object; two empty masks
    agree.
    """
    iou = _iou(truth, pred)
    return averaged((iou[..., None] > THRESHOLDS).mean(axis=-1))


def _iou(truth: Array, pred: Array) -> Array:
    both, every = overlaps(truth, pred)
    return np.asarray(np.divide(both, every - both, out=np.ones(both.shape), where=every > 0))


STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "dice": dice,
    "dice_global": dice_global,
    "jaccard": jaccard,
    "iou_precision": iou_precision,
}
