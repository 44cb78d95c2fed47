"""The refit: the winner trained once more on all rows, where its search view held rows back for
good.

Of an ensemble as many members as the time allows, the heaviest first; the others stay as the search
trained them. It replaces what is published only when it agrees with it: a program that goes wrong
on the full data cannot be seen by any score, because nothing is held out there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

from core.budget import SAFETY
from core.evaluation import Evaluator
from core.events import Refitted
from core.protocols import Clock, Comparer, Programs, Recorder
from core.publishing.result import Member, Result
from core.records import FoldResult, SplitSpec, View
from utils.errors import Interrupted

# What two runs may differ by before anyone has seen two runs differ.
DEFAULT_SPREAD = (0.9, 0.25)


def pays(split: SplitSpec) -> bool:
    """True where the search views held rows back for good: a single holdout, a locked part, or time
    windows.

    With folds every row trains most of the models that are averaged.
    """
    return split.folds == 1 or split.kind == "time"


class Refit:
    """Runs the members of a result on the full view and compares."""

    def __init__(
        self,
        evaluator: Evaluator,
        judge: Comparer,
        programs: Programs,
        recorder: Recorder,
        clock: Clock,
        workers: int = 1,
    ) -> None:
        """workers: candidates that run at the same time."""
        self._workers = workers
        self._evaluator = evaluator
        self._judge = judge
        self._programs = programs
        self._recorder = recorder
        self._clock = clock

    def refit(
        self, winner: Result, others: Sequence[Result], full: View, deadline: float
    ) -> Result | None:
        """The refitted result when it may replace `winner`, else None; both are recorded.

        others: further results of the search, which show how much two runs differ.
        """
        left = deadline - self._clock()
        places = affordable(winner.members, left, self._workers)
        if not places:
            cost = min(map(_cost_s, winner.members))
            self._refuse(winner, f"a refit would take {cost:.0f} s, and {left:.0f} s are left")
            return None
        sound, failures = self._run_members(winner, places, full)
        if not sound:
            self._refuse(winner, *failures)
            return None
        refitted = _replaced(winner, sound)
        doubts = self._doubts(winner, refitted, others)
        if doubts:
            self._refuse(winner, *doubts)
            return None
        notes = failures
        if len(sound) < len(winner.members):
            notes = [f"{len(sound)} of {len(winner.members)} members", *failures]
        self._recorder.append(Refitted(winner.best.id, True, tuple(notes)))
        return refitted

    def _run_members(
        self, winner: Result, places: Sequence[int], full: View
    ) -> tuple[dict[int, FoldResult], list[str]]:
        """Valid results by place, and what became of the other members."""
        with ThreadPoolExecutor(self._workers, "refit") as pool:
            results = pool.map(lambda place: self._run(winner.members[place], full), places)
            by_place = dict(zip(places, results, strict=True))
        sound, failures = {}, []
        for place, result in by_place.items():
            if result is not None and result.verdict.valid:
                sound[place] = result
            else:
                failures.append(_failure(winner.members[place], result))
        return sound, failures

    def _run(self, member: Member, full: View) -> FoldResult | None:
        proposal = member.entry.as_proposal(self._programs.get(member.entry.program))
        try:
            return self._evaluator.evaluate(proposal, full)
        except Interrupted:
            return None

    def _doubts(self, winner: Result, refitted: Result, others: Sequence[Result]) -> list[str]:
        """Where the refit differs from the winner by more than two runs of the search differ."""
        found = self._judge.agreement(winner.parts, refitted.parts, winner.how)
        rank, shift = self._spread(winner, others)
        doubts = []
        if found.rank < rank:
            doubts.append(
                f"rank correlation {found.rank:.3f} with the search run, "
                f"two search runs have {rank:.3f}"
            )
        if found.shift > shift:
            doubts.append(f"predictions shift by {found.shift:.3f}, two search runs by {shift:.3f}")
        return doubts

    def _spread(self, winner: Result, others: Sequence[Result]) -> tuple[float, float]:
        """(lowest rank correlation, largest shift) among runs that the search made: windows of one
        program, or the best results, whichever there are.
        """
        runs = [[([name], 1.0)] for name in winner.members[0].entry.predictions]
        if len(runs) < 2:
            runs = [result.parts for result in (winner, *others)]
        rank, shift = DEFAULT_SPREAD
        for a, b in combinations(runs[:4], 2):
            pair = self._judge.agreement(a, b, winner.how)
            rank, shift = min(rank, pair.rank), max(shift, pair.shift)
        return rank, shift

    def _refuse(self, winner: Result, *reasons: str) -> None:
        self._recorder.append(Refitted(winner.best.id, False, reasons))


def affordable(members: Sequence[Member], left_s: float, workers: int) -> list[int]:
    """Places of the members, the heaviest first, that can run on all rows within so many seconds on
    so many workers; one that takes too long leaves its time to lighter ones.
    """
    chosen: list[int] = []
    costs: list[float] = []
    for place in sorted(range(len(members)), key=lambda place: -members[place].weight):
        taken = [*costs, _cost_s(members[place])]
        if max(*taken, sum(taken) / workers) <= left_s:
            chosen.append(place)
            costs = taken
    return chosen


def _cost_s(member: Member) -> float:
    return SAFETY * max(fold.outcome.duration_s for fold in member.entry.folds)


def _replaced(winner: Result, results: Mapping[int, FoldResult]) -> Result:
    """The winner with the predictions of its members at some places replaced."""
    members = list(winner.members)
    for place, result in results.items():
        entry = dataclasses.replace(members[place].entry, folds=(result,))
        members[place] = Member(entry, members[place].weight)
    return Result(dataclasses.replace(winner.best, kind="refit"), tuple(members), winner.how)


def _failure(member: Member, result: FoldResult | None) -> str:
    why = "stopped"
    if result is not None:
        why = "; ".join(result.verdict.reasons)
    return f"{member.entry.id} on all rows: {why}"
