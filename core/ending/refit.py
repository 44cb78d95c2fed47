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
from typing import Protocol

from core.budget import SAFETY
from core.ending.result import Member, Result
from core.evaluation import Evaluator
from core.events import Refitted
from core.protocols import BlendParts, Clock, Programs, Recorder
from core.records import Agreement, FoldResult, SplitSpec, View
from utils.errors import Interrupted

# What two runs may differ by before anyone has seen two runs differ.
DEFAULT_SPREAD = (0.9, 0.25)


class Comparer(Protocol):
    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        """How much two blends agree on the official test rows."""
        ...


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
        chosen = affordable(winner.members, left, self._workers)
        if not chosen:
            cost = min(map(_cost_s, winner.members))
            self._refuse(winner, f"a refit would take {cost:.0f} s, and {left:.0f} s are left")
            return None
        with ThreadPoolExecutor(self._workers, "refit") as pool:
            results = dict(
                zip(
                    chosen,
                    pool.map(lambda place: self._run(winner.members[place], full), chosen),
                    strict=True,
                )
            )
        sound = {
            place: result
            for place, result in results.items()
            if result is not None and result.verdict.valid
        }
        failed = [
            _failure(winner.members[place], results[place])
            for place in chosen
            if place not in sound
        ]
        if not sound:
            self._refuse(winner, *failed)
            return None
        made = _replaced(winner, sound)
        doubts = self._doubts(winner, made, others)
        whole = len(sound) == len(winner.members)
        notes = failed if whole else [f"{len(sound)} of {len(winner.members)} members", *failed]
        self._recorder.append(Refitted(winner.best.id, not doubts, tuple(doubts or notes)))
        return None if doubts else made

    def _run(self, member: Member, full: View) -> FoldResult | None:
        try:
            return self._evaluator.evaluate(
                member.entry.as_proposal(self._programs.get(member.entry.program)), full
            )
        except Interrupted:
            return None

    def _doubts(self, winner: Result, made: Result, others: Sequence[Result]) -> list[str]:
        """Where the refit differs from the winner by more than two runs of the search differ."""
        found = self._judge.agreement(parts_of(winner), parts_of(made), winner.how)
        rank, shift = self._spread(winner, others)
        doubts = []
        if found.rank < rank:
            doubts.append(
                f"rank correlation {found.rank:.3f} with the search run, two search runs have {rank:.3f}"
            )
        if found.shift > shift:
            doubts.append(f"predictions shift by {found.shift:.3f}, two search runs by {shift:.3f}")
        return doubts

    def _spread(self, winner: Result, others: Sequence[Result]) -> tuple[float, float]:
        """(lowest rank correlation, largest shift) among runs that the search made: windows of one
        program, or the best results, whichever there are.
        """
        runs = [[([name], 1.0)] for name in winner.members[0].predictions]
        if len(runs) < 2:
            runs = [parts_of(result) for result in (winner, *others)]
        pairs = [self._judge.agreement(a, b, winner.how) for a, b in combinations(runs[:4], 2)]
        rank = min((pair.rank for pair in pairs), default=DEFAULT_SPREAD[0])
        shift = max((pair.shift for pair in pairs), default=DEFAULT_SPREAD[1])
        return min(rank, DEFAULT_SPREAD[0]), max(shift, DEFAULT_SPREAD[1])

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
        members[place] = Member(
            dataclasses.replace(members[place].entry, folds=(result,)), members[place].weight
        )
    return Result(dataclasses.replace(winner.best, kind="refit"), tuple(members), winner.how)


def _failure(member: Member, result: FoldResult | None) -> str:
    return f"{member.entry.id} on all rows: " + (
        "stopped" if result is None else "; ".join(result.verdict.reasons)
    )


def parts_of(result: Result) -> list[tuple[list[str], float]]:
    return [(member.predictions, member.weight) for member in result.members]
