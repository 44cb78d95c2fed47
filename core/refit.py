"""The refit: the winner trained once more on all rows, where its search view held rows back for good.

It replaces what is published only when it agrees with it: a program that goes wrong on the full data cannot be seen by
any score, because nothing is held out there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

from core.evaluation import Evaluator
from core.events import Refitted
from core.final_pick import as_proposal
from core.protocols import Clock, Parts, Programs, Recorder
from core.records import Agreement, FoldResult, SplitSpec, View
from core.results import Member, Result
from utils.errors import Interrupted

SAFETY = 1.3
# What two runs may differ by before anyone has seen two runs differ.
DEFAULT_SPREAD = (0.9, 0.25)


class Comparer(Protocol):
    def agreement(self, a: Parts, b: Parts, how: str) -> Agreement:
        """How much two blends agree on the official test rows."""
        ...


def pays(split: SplitSpec) -> bool:
    """True where the search views held rows back for good: a single holdout, a locked part, or time windows.

    With folds every row trains most of the models that are averaged.
    """
    return split.folds == 1 or split.kind == "time"


class Refit:
    """Runs the members of a result on the full view and compares."""

    def __init__(
        self, evaluator: Evaluator, judge: Comparer, programs: Programs, recorder: Recorder, clock: Clock
    ) -> None:
        self._evaluator = evaluator
        self._judge = judge
        self._programs = programs
        self._recorder = recorder
        self._clock = clock

    def refit(self, winner: Result, others: Sequence[Result], full: View, deadline: float) -> Result | None:
        """The refitted result when it may replace `winner`, else None; both are recorded.

        others: further results of the search, which show how much two runs differ.
        """
        cost = SAFETY * sum(max(fold.outcome.duration_s for fold in member.entry.folds) for member in winner.members)
        left = deadline - self._clock()
        if cost > left:
            self._refuse(winner, f"a refit would take {cost:.0f} s, and {left:.0f} s are left")
            return None
        members = []
        for member in winner.members:
            result = self._run(member, full)
            if result is None or not result.verdict.valid:
                why = "stopped" if result is None else "; ".join(result.verdict.reasons)
                self._refuse(winner, f"{member.entry.id} on all rows: {why}")
                return None
            members.append(Member(dataclasses.replace(member.entry, folds=(result,)), member.weight))
        made = Result(dataclasses.replace(winner.best, kind="refit"), tuple(members), winner.how)
        doubts = self._doubts(winner, made, others)
        self._recorder.append(Refitted(winner.best.id, not doubts, tuple(doubts)))
        return None if doubts else made

    def _run(self, member: Member, full: View) -> FoldResult | None:
        try:
            return self._evaluator.evaluate(as_proposal(member.entry, self._programs), full)
        except Interrupted:
            return None

    def _doubts(self, winner: Result, made: Result, others: Sequence[Result]) -> list[str]:
        """Where the refit differs from the winner by more than two runs of the search differ."""
        found = self._judge.agreement(parts_of(winner), parts_of(made), winner.how)
        rank, shift = self._spread(winner, others)
        doubts = []
        if found.rank < rank:
            doubts.append(f"rank correlation {found.rank:.3f} with the search run, two search runs have {rank:.3f}")
        if found.shift > shift:
            doubts.append(f"predictions shift by {found.shift:.3f}, two search runs by {shift:.3f}")
        return doubts

    def _spread(self, winner: Result, others: Sequence[Result]) -> tuple[float, float]:
        """(lowest rank correlation, largest shift) among runs that the search made: windows of one program, or
        the best results, whichever there are."""
        runs = [[([name], 1.0)] for name in winner.members[0].predictions]
        if len(runs) < 2:
            runs = [parts_of(result) for result in (winner, *others)]
        pairs = [self._judge.agreement(a, b, winner.how) for a, b in combinations(runs[:4], 2)]
        rank = min((pair.rank for pair in pairs), default=DEFAULT_SPREAD[0])
        shift = max((pair.shift for pair in pairs), default=DEFAULT_SPREAD[1])
        return min(rank, DEFAULT_SPREAD[0]), max(shift, DEFAULT_SPREAD[1])

    def _refuse(self, winner: Result, reason: str) -> None:
        self._recorder.append(Refitted(winner.best.id, False, (reason,)))


def parts_of(result: Result) -> list[tuple[list[str], float]]:
    return [(member.predictions, member.weight) for member in result.members]
