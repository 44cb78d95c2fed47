"""What happens to one program: executed view by view, judged each time, raced against the
incumbent, summed up.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import attrgetter
from statistics import fmean

from core.events import FoldScored, Probed
from core.genome import digest
from core.protocols import Judge, Pace, Recorder, Runner, RunState, Stop, Views
from core.records import (
    Entry,
    FoldResult,
    Job,
    Outcome,
    Proposal,
    Suspicion,
    Verdict,
    View,
    prediction_names,
)
from utils.errors import Interrupted

# Programs with which one that may cheat is compared: the earliest, which no later output can have
# helped.
RIVALS = 3


class Evaluator:
    """Runs a program on views and asks the judge. What the journal holds is not run again."""

    def __init__(
        self,
        runner: Runner,
        views: Views,
        judge: Judge,
        pace: Pace,
        recorder: Recorder,
        state: RunState,
        stop: Stop,
        probe_fault: Callable[[Outcome], str | None],
    ) -> None:
        """probe_fault: why a program whose probe ended so cannot succeed on more data, in one line;
        None when it may.
        """
        self._runner = runner
        self._views = views
        self._judge = judge
        self._pace = pace
        self._recorder = recorder
        self._state = state
        self._stop = stop
        self._probe_fault = probe_fault

    @property
    def folds(self) -> int:
        return len(self._views.search())

    def in_turn(self, step: int) -> list[View]:
        """The search views, starting at another one each step, so that no view is everybody's
        first.
        """
        views = list(self._views.search())
        start = step % len(views)
        return views[start:] + views[:start]

    def probe(self, proposal: Proposal) -> tuple[Outcome, Verdict] | None:
        """One execution on the probe view where that pays, recorded. Not None: the program is
        broken, and this is how. Raises Interrupted when the run is being stopped.
        """
        limit = self._pace.probe_limit(proposal)
        if limit is None:
            return None
        with self._execution(proposal, self._views.get("probe"), limit) as (_, outcome):
            fault = self._probe_fault(outcome)
        if fault is not None:
            self._recorder.append(Probed(proposal.id, outcome, True, None))
            return outcome, Verdict(False, None, None, "none", (fault,))
        predicted_s = self._pace.predict(outcome.duration_s)
        self._recorder.append(Probed(proposal.id, outcome, False, predicted_s))
        return None

    def evaluate(self, proposal: Proposal, view: View) -> FoldResult:
        """One execution on one view, judged and recorded. Raises Interrupted when the run is being
        stopped.
        """
        key = evaluation_key(proposal.program, view, proposal.seed)
        if key in self._state.folds:
            return self._state.folds[key]
        limit = self._pace.limit(proposal, view)
        if limit <= 0 or self._stop.reason:
            raise Interrupted(f"{proposal.id} on {view.name}")
        with self._execution(proposal, view, limit) as (job, outcome):
            verdict = self._judge.judge(job, outcome)
            if outcome.timed_out and not verdict.valid and self._pace.limit(proposal, view) <= 0:
                # The search ended, not the program: it gets its turn when a resumed run has more
                # time.
                raise Interrupted(f"{proposal.id} on {view.name}")
        result = FoldResult(key, view.name, view.fold, proposal.seed, outcome, verdict)
        self._recorder.append(FoldScored(proposal.id, result, limit))
        return result

    @contextmanager
    def _execution(
        self, proposal: Proposal, view: View, limit_s: float
    ) -> Iterator[tuple[Job, Outcome]]:
        """A program that was run on a view; the job's folder is there until the block ends. A
        damaged view is whole again before it begins. Raises Interrupted for a run that was stopped.
        """
        key = evaluation_key(proposal.program, view, proposal.seed)
        job = Job(key, proposal.id, proposal.program, view, proposal.seed, limit_s)
        try:
            outcome = self._runner.run(job)
            if outcome.killed_for == "stop":
                raise Interrupted(f"{proposal.id} on {view.name}")
            yield job, dataclasses.replace(outcome, view_intact=self._views.intact(view))
        finally:
            self._runner.release(job)

    def race(
        self,
        proposal: Proposal,
        lost: Callable[[float | None], bool],
        each: Callable[[list[FoldResult]], None],
        give_way: Callable[[], bool] = lambda: False,
    ) -> list[FoldResult]:
        """Results view by view until one is invalid or the race against the incumbent is lost.

        each: told of the results so far after every view. give_way: asked before every view; raises
        Interrupted where it is so, and what is finished costs nothing when the program goes on.
        """
        results: list[FoldResult] = []
        for view in self.in_turn(proposal.step):
            if give_way():
                raise Interrupted(f"{proposal.id} on {view.name}")
            results.append(self.evaluate(proposal, view))
            each(results)
            if not results[-1].verdict.valid or lost(self.p_better(results)):
                break
        return results

    def p_better(self, results: Sequence[FoldResult]) -> float | None:
        """P(these results beat the incumbent) on common rows; None without an incumbent."""
        return self.p_better_than(self._state.incumbent, results)

    def p_better_than(self, other: Entry | None, results: Sequence[FoldResult]) -> float | None:
        """P(these results beat another program) on common rows; None without one."""
        if other is None:
            return None
        return self._judge.p_better(prediction_names(results), prediction_names(other.valid_folds))

    def suspicion(self, proposal: Proposal, results: Sequence[FoldResult]) -> Suspicion | None:
        """What is odd about the folds of a program that a model wrote: its author was shown output of
        programs, and these learn from rows that other folds hold out.
        """
        names = prediction_names([result for result in results if result.verdict.valid])
        if proposal.author == "recipes" or len(names) < 2:
            return None
        whole = (entry for entry in self._state.entries if entry.complete and not entry.suspect)
        rivals = [entry.predictions for entry in islice(whole, RIVALS)]
        if not rivals:
            return None
        return self._judge.suspicion(names, rivals)


def evaluation_key(program: str, view: View, seed: int) -> str:
    """Name of one evaluation: hash of program, view, fold and seed."""
    return digest(f"{digest(program)}/{view.name}/{view.fold}/{seed}")


def summarise(
    proposal: Proposal,
    results: Sequence[FoldResult],
    folds: int,
    failed: tuple[Outcome, Verdict] | None,
    suspect: tuple[str, ...] = (),
) -> Entry:
    """The entry of a program. Its outcome is that of the run that failed, else of the last fold, which
    is the same one for all that ran on every fold: by time, the one with most rows to learn from.

    suspect: views that do not count, fewer than there are results.
    """
    if failed is not None:
        outcome, verdict = failed
    else:
        last = max(results, key=attrgetter("fold"))
        worst = next((result for result in results if not result.verdict.valid), last)
        counted = [result for result in results if result.view not in suspect]
        outcome, verdict = worst.outcome, _over_folds(counted, worst.verdict)
    return Entry(
        id=proposal.id,
        step=proposal.step,
        kind=proposal.kind,
        parents=proposal.parents,
        persona=proposal.persona,
        plan=proposal.plan,
        program=digest(proposal.program),
        genes=proposal.genes,
        outcome=outcome,
        verdict=verdict,
        folds=tuple(results),
        complete=verdict.valid and len(results) == folds and not suspect,
        locus=proposal.locus,
        author=proposal.author,
        skills=proposal.skills,
        hypothesis=proposal.hypothesis,
        told_s=proposal.told_s,
        extra=proposal.extra,
        change=proposal.change,
        suspect=suspect,
    )


def _over_folds(results: Sequence[FoldResult], worst: Verdict) -> Verdict:
    """Mean score over folds; folds are disjoint, so their errors add in squares."""
    scores: list[float] = []
    errors: list[float] = []
    # Each once, in order.
    warnings: dict[str, None] = {}
    for result in results:
        verdict = result.verdict
        if verdict.score is not None:
            scores.append(verdict.score)
        if verdict.stderr is not None:
            errors.append(verdict.stderr)
        warnings |= dict.fromkeys(verdict.warnings)
    if not worst.valid or not scores:
        return worst
    stderr = None
    if errors:
        stderr = math.sqrt(sum(error**2 for error in errors)) / len(errors)
    return dataclasses.replace(worst, score=fmean(scores), stderr=stderr, warnings=tuple(warnings))
