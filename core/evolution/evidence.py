"""Whether an earlier program with other values, or with another seed, has shown that it is better: only
then does it stand for that program. Pure.

Many of them are tried on few folds, and the best of many is best by chance: on half-hourly demand 170
trials brought the folds from .173 to .146, and the rows after them nothing (decision 0018).
"""

from __future__ import annotations

from statistics import fmean, stdev

from core.evolution.selection import fold_gains
from core.evolution.tried_values import by_value
from core.records import Entry
from core.score import Direction

# P(better) on common rows, at least. Rows are compared by blocks, within the folds that there are.
SURE = 0.85
# Standard errors, of its differences between the folds, by which the mean gain must stand above zero: a
# change may be sure on all rows of three windows and do nothing in the next one. In made-up series of
# eight trials these two bounds keep .7 to 1.2 of the true gain that taking any gain has, and cut the false
# part of the score by a sixth to two fifths (decision 0018).
AGREED = 1.0


def is_trial(entry: Entry) -> bool:
    """It is an earlier program with another value or another seed."""
    return by_value(entry) or (entry.extra and entry.kind == "seed")


def is_unproven(entry: Entry, parent: Entry | None, direction: Direction) -> bool:
    """A trial that has not shown to be better than its parent. entry: with its `p_parent`."""
    if parent is None or not is_trial(entry) or not entry.verdict.valid:
        return False
    if entry.p_parent is None or entry.p_parent < SURE:
        return True
    gains = fold_gains(entry, parent, direction)
    if len(gains) < 2:
        return False
    return fmean(gains) < AGREED * stdev(gains) / len(gains) ** 0.5
