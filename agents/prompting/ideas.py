"""What became of each idea: the program before and after it on equal folds. That a change helped or
did not says nothing of whether its author's reason for it is true. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

from core.evolution.briefs import mends
from core.evolution.selection import (
    STEER,
    by_whole_scores,
    common_gain,
    fold_gains,
    fold_scores,
    whole,
)
from core.records import Entry
from core.score import Direction

Finding = Literal["better", "worse", "unclear"]

# Of the largest of some differences: what arithmetic leaves of equal ones.
ROUNDING = 1e-9
# An earlier program again: with other values, another seed, or on the folds that it lacked.
_AGAIN = frozenset({"tune", "seed", "folds"})


@dataclass(frozen=True, slots=True)
class Idea:
    """One step of an author against what it started from.

    base: its first parent (of a repair, that of the step that it mends); of a draft the leader of
    its moment; None where that has no score. before, after: mean scores of both on their common
    folds. common: how many these are. gain: after over before in units of the metric, > 0 is
    better; None where nothing can be compared. error: standard error of the gain, of its differences
    between the folds; None for one fold. finding: whether the gain is told from chance.
    """

    entry: Entry
    base: Entry | None = None
    before: float | None = None
    after: float | None = None
    common: int = 0
    gain: float | None = None
    error: float | None = None
    finding: Finding = "unclear"

    @property
    def helped(self) -> bool:
        return self.gain is not None and self.gain > 0

    @property
    def clarity(self) -> float:
        """The gain in its own standard errors; 0 where nobody knows one."""
        if self.gain is None or self.error is None:
            return 0.0
        if self.error > 0:
            return self.gain / self.error
        return math.copysign(math.inf, self.gain) if self.gain else 0.0


def paired_error(gains: Sequence[float]) -> float | None:
    """Standard error of the mean of differences, one a fold; None for one alone. 0 where they differ
    by rounding only.
    """
    if len(gains) < 2:
        return None
    error = stdev(gains) / math.sqrt(len(gains))
    return error if error > ROUNDING * max(map(abs, gains)) else 0.0


def ideas(entries: Sequence[Entry], direction: Direction) -> list[Idea]:
    """Those of all steps in order; what cost no request, and blends, are none."""
    by_id = {entry.id: entry for entry in entries}
    found: list[Idea] = []
    for entry in entries:
        if not entry.extra and entry.kind not in ("ensemble", "seed", "folds"):
            found.append(_idea(entry, by_id, direction))
    return found


def best_whole(entries: Sequence[Entry], direction: Direction) -> list[Entry]:
    """Programs that ran on every fold, best first; one of each plan, and
    one of a program and its later values and seeds, of those that have shown to be better.
    """
    by_id = {entry.id: entry for entry in entries}
    programs = [entry for entry in entries if entry.kind != "ensemble" and not entry.unproven]
    families: dict[str, Entry] = {}
    for entry in by_whole_scores(programs, direction):
        families.setdefault(root(entry, by_id).plan, entry)
    return list(families.values())


def root(entry: Entry, by_id: Mapping[str, Entry]) -> Entry:
    """The program that an extra is of, however many extras ago; any other program itself."""
    while entry.extra and entry.kind in _AGAIN and entry.parents and entry.parents[0] in by_id:
        entry = by_id[entry.parents[0]]
    return entry


def folds_of_run(entries: Sequence[Entry]) -> int:
    """How many search folds a run has; 0 where no program ran on all of them, so that nobody knows."""
    return max((len(entry.folds) for entry in entries if whole(entry)), default=0)


def mended(entries: Sequence[Entry]) -> frozenset[str]:
    """Ids of steps for which a later one stands: a repair of them, whether it ran or not."""
    repairs = [entry for entry in entries if mends(entry.kind) and entry.parents]
    return frozenset(entry.parents[0] for entry in repairs)


def origin(entry: Entry, by_id: Mapping[str, Entry]) -> Entry:
    """The step that a repair mends, however many repairs ago; any other step itself."""
    while mends(entry.kind) and entry.parents and entry.parents[0] in by_id:
        entry = by_id[entry.parents[0]]
    return entry


def _idea(entry: Entry, by_id: Mapping[str, Entry], direction: Direction) -> Idea:
    began = origin(entry, by_id)
    before = began.incumbent
    if began.parents:
        before = began.parents[0]
    base = by_id.get(before or "")
    if base is None or base is entry:
        return Idea(entry)
    pairs = list(_pairs(entry, base))
    if not pairs:
        return Idea(entry)
    was_on, now_on = zip(*pairs, strict=True)
    gains = fold_gains(entry, base, direction)
    error = paired_error(gains)
    return Idea(
        entry,
        base,
        before=fmean(was_on),
        after=fmean(now_on),
        common=len(pairs),
        gain=common_gain(entry, base, direction),
        error=error,
        finding=_finding(entry, base, fmean(gains), error),
    )


def _pairs(entry: Entry, base: Entry) -> Iterator[tuple[float, float]]:
    """(score of the base, score of the entry) on each common fold."""
    before = fold_scores(base)
    for view, score in fold_scores(entry).items():
        if view in before:
            yield before[view], score


def _p_better(entry: Entry, base: Entry) -> float | None:
    """By the judge's comparison on common rows, where it was made with the base."""
    if entry.parents[:1] == (base.id,) and entry.p_parent is not None:
        return entry.p_parent
    return entry.p_better if entry.incumbent == base.id else None


def _finding(entry: Entry, base: Entry, mean: float, error: float | None) -> Finding:
    """By the judge's comparison on common rows where it was made with the base, else by whether
    the folds agree. One fold alone says nothing. mean, error: of the gain.
    """
    p_better = _p_better(entry, base)
    if p_better is not None:
        certain = max(p_better, 1 - p_better) >= STEER
        agrees = (p_better > 0.5) == (mean > 0)
        if not (certain and agrees):
            return "unclear"
    elif error is None or abs(mean) <= error:
        return "unclear"
    return "better" if mean > 0 else "worse"
