"""What became of each idea: the program before and after it on equal folds, and whether the reason for
it held. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

from core.evolution.briefs import mends
from core.evolution.selection import STEER, by_whole_scores, common_gain, fold_scores, whole
from core.records import Entry
from core.score import Direction, Score

Finding = Literal["held", "refuted", "open"]

# An earlier program again: with other values, another seed, or on the folds that it lacked.
_AGAIN = frozenset({"tune", "seed", "folds"})


@dataclass(frozen=True, slots=True)
class Idea:
    """One step of an author against what it started from.

    base: its first parent (of a repair, that of the step that it mends); of a draft the leader of
    its moment; None where that has no score. before, after: mean scores of both on their common
    folds. common: how many these are. gain: after over before in units of the metric, > 0 is
    better; None where nothing can be compared. finding: whether the gain is told from noise, so
    that the reason for the idea held or is refuted.
    """

    entry: Entry
    base: Entry | None = None
    before: float | None = None
    after: float | None = None
    common: int = 0
    gain: float | None = None
    finding: Finding = "open"

    @property
    def helped(self) -> bool:
        return self.gain is not None and self.gain > 0


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
    one of a program and its later values and seeds.
    """
    by_id = {entry.id: entry for entry in entries}
    programs = [entry for entry in entries if entry.kind != "ensemble"]
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
    gains = [Score(now, direction).gain_over(Score(was, direction)) for was, now in pairs]
    return Idea(
        entry,
        base,
        before=fmean(was_on),
        after=fmean(now_on),
        common=len(pairs),
        gain=common_gain(entry, base, direction),
        finding=_finding(entry, base, gains),
    )


def _pairs(entry: Entry, base: Entry) -> Iterator[tuple[float, float]]:
    """(score of the base, score of the entry) on each common fold."""
    before = fold_scores(base)
    for view, score in fold_scores(entry).items():
        if view in before:
            yield before[view], score


def _finding(entry: Entry, base: Entry, gains: Sequence[float]) -> Finding:
    """By the judge's comparison on common rows where it was made with the base, else by whether
    the folds agree. One fold alone says nothing.
    """
    mean = fmean(gains)
    if entry.incumbent == base.id and entry.p_better is not None:
        certain = max(entry.p_better, 1 - entry.p_better) >= STEER
        agrees = (entry.p_better > 0.5) == (mean > 0)
        if not (certain and agrees):
            return "open"
    elif len(gains) < 2 or abs(mean) <= stdev(gains) / math.sqrt(len(gains)):
        return "open"
    return "held" if mean > 0 else "refuted"
