"""The search: propose -> execute -> judge -> record -> learn, with several steps in flight.

`run` keeps the lanes full, `_step` is the life of one program. A score is decided in `Judge.judge`
(core/judging), which `Evaluator.evaluate` asks after each execution, and nowhere else.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from core.budget import Budget
from core.evaluation import Evaluator, summarise
from core.events import EpochClosed, ProposalFailed, Proposed, StepDone
from core.genome import normalised_digest
from core.protocols import (
    Clock,
    Learner,
    Pace,
    Programs,
    Proposer,
    Publisher,
    Recorder,
    RunState,
    Search,
    Stop,
)
from core.records import Brief, Entry, FoldResult, Outcome, Proposal, Verdict
from utils.errors import Interrupted, ProposalError

MAX_FAILED_IN_A_ROW = 25


@dataclass(frozen=True, slots=True)
class Rules:
    """The decisions that the loop asks for. gate: reasons why a program may not run.

    lanes: steps in flight; one more than workers lets proposals and judging overlap with
    executions.
    """

    lanes: int
    steps_per_epoch: int
    gate: Callable[[str], Sequence[str]]
    takes_the_lead: Callable[[float | None, bool, Entry | None], bool]
    race_is_lost: Callable[[float | None], bool]


@dataclass(frozen=True, slots=True)
class LoopParts:
    """What the loop works with, handed in by core.assembly."""

    # Writes a program for a brief.
    proposer: Proposer
    # Decides what the next brief asks for.
    search: Search
    # Runs a program on its views and has it judged.
    evaluator: Evaluator
    # Says whether a step can still end in time.
    pace: Pace
    # Takes every event, before anything follows from it.
    recorder: Recorder
    # What these events add up to.
    state: RunState
    # Keeps the texts of programs.
    programs: Programs
    # Puts a new leader where the user finds it.
    publisher: Publisher
    # Why the run should end early.
    stop: Stop
    # Epoch seconds.
    clock: Clock
    # Level 2; None where it is off.
    learner: Learner | None = None


class Loop:
    """Runs steps until the budget, the ideas or the user's patience end."""

    def __init__(self, parts: LoopParts, rules: Rules, budget: Budget) -> None:
        self._parts = parts
        self._rules = rules
        self._budget = budget
        self._lock = threading.RLock()
        self._next_step = parts.state.next_step
        self._running: dict[int, Proposal] = {}
        self._known = {
            normalised_digest(parts.programs.get(entry.program)) for entry in parts.state.entries
        }

    def run(self) -> None:
        """Returns when nothing is in flight and nothing more may start."""
        learner = self._parts.learner
        if learner is None:
            self._run()
            return
        learner.start()
        try:
            self._run()
        finally:
            learner.close()

    def _run(self) -> None:
        pending = list(self._parts.state.pending.values())
        self._known |= {normalised_digest(proposal.program) for proposal in pending}
        unfinished = iter(pending)
        in_flight: set[Future[None]] = set()
        with ThreadPoolExecutor(self._rules.lanes, "lane") as lanes:
            while True:
                while len(in_flight) < self._rules.lanes and self._may_start(len(in_flight)):
                    proposal = next(unfinished, None)
                    in_flight.add(lanes.submit(self._step, proposal))
                if not in_flight:
                    return
                done, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()

    def _step(self, proposal: Proposal | None) -> None:
        """One program from its brief (or from where a kill left it) to its entry."""
        proposal = proposal or self._propose()
        if proposal is None:
            return
        with self._lock:
            self._running[proposal.step] = proposal
        try:
            failed = self._parts.evaluator.probe(proposal)
            results: list[FoldResult] = []
            if failed is None:
                results = self._parts.evaluator.race(
                    proposal,
                    self._race_rule(proposal),
                    lambda results: self._publish_first(proposal, results),
                )
            self._record(proposal, results, failed)
        except Interrupted:
            pass
        finally:
            with self._lock:
                self._running.pop(proposal.step, None)

    def _race_rule(self, proposal: Proposal) -> Callable[[float | None], bool]:
        """A candidate that lost its predictions has won its race before: it becomes whole again."""
        if proposal.id in self._parts.state.again:
            return lambda p_better: False
        return self._rules.race_is_lost

    def _propose(self) -> Proposal | None:
        """A recorded, distinct, acceptable program; None (recorded as well) when there is none."""
        brief = self._brief()
        try:
            proposal = self._parts.proposer.propose(brief)
            self._admit(proposal)
        except ProposalError as error:
            self._parts.recorder.append(ProposalFailed(brief.step, brief.kind, str(error)))
            self._forget(brief)
            return None
        except Interrupted:
            self._forget(brief)
            return None
        program = self._parts.programs.put(proposal.program)
        self._parts.recorder.append(Proposed(proposal, program))
        return proposal

    def _forget(self, brief: Brief) -> None:
        with self._lock:
            self._running.pop(brief.step)

    def _record(
        self, proposal: Proposal, results: list[FoldResult], failed: tuple[Outcome, Verdict] | None
    ) -> None:
        """The entry, its place against the incumbent, and its publication when it leads."""
        parts = self._parts
        entry = summarise(proposal, results, parts.evaluator.folds, failed)
        with self._lock:
            lead = parts.state.incumbent
            p_better = parts.evaluator.p_better(results) if entry.verdict.valid else None
            steers = self._rules.takes_the_lead(p_better, entry.complete, lead)
            lead_id = lead.id if lead else None
            entry = dataclasses.replace(entry, p_better=p_better, incumbent=lead_id, steers=steers)
            parts.recorder.append(StepDone(entry))
            if steers:
                parts.publisher.publish(entry)
            self._close_epoch()

    def _brief(self) -> Brief:
        with self._lock:
            step, self._next_step = self._next_step, self._next_step + 1
            state = self._parts.state
            progress = self._budget.progress(state.steps_done, self._parts.clock())
            brief = self._parts.search.next_brief(
                state.entries, step, list(self._running.values()), progress
            )
            self._running[step] = _placeholder(brief)
            return dataclasses.replace(brief, seconds=self._parts.pace.affordable())

    def _admit(self, proposal: Proposal) -> None:
        """Raises ProposalError for a program that breaks the rules or was there before: it costs
        nothing then.
        """
        reasons = self._rules.gate(proposal.program)
        if reasons:
            raise ProposalError(f"rejected before running: {'; '.join(reasons)}")
        key = normalised_digest(proposal.program)
        with self._lock:
            if key in self._known:
                raise ProposalError("the same program was proposed before")
            self._known.add(key)

    def _may_start(self, in_flight: int) -> bool:
        state = self._parts.state
        return (
            self._parts.stop.reason is None
            and state.steps_done + in_flight < self._budget.max_steps
            and state.failed_in_a_row < MAX_FAILED_IN_A_ROW
            and self._parts.pace.worth_starting()
        )

    def _publish_first(self, proposal: Proposal, results: list[FoldResult]) -> None:
        """The first trained submission of a run does not wait for its other folds."""
        with self._lock:
            if self._parts.state.published is None and results[-1].verdict.valid:
                self._parts.publisher.publish(
                    summarise(proposal, results, self._parts.evaluator.folds, None)
                )

    def _close_epoch(self) -> None:
        state, size = self._parts.state, self._rules.steps_per_epoch
        if state.steps_done % size == 0:
            lead = state.incumbent
            best = lead.verdict.score if lead else None
            self._parts.recorder.append(
                EpochClosed(state.steps_done // size, state.steps_done, best)
            )
            if self._parts.learner is not None:
                self._parts.learner.epoch(state.steps_done // size)


def _placeholder(brief: Brief) -> Proposal:
    """Stands for a brief that a proposer works on, so that the next brief knows of it."""
    return Proposal.to(brief, plan="", program="", genes={})
