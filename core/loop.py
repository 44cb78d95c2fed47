"""The search: propose -> execute -> judge -> record -> learn, with several steps in flight.

`Loop.run` keeps boxes busy; `ProgramLife` is the life of one program. With recipes each lane takes
a program from its brief to its entry. Where a model writes, requests, steps and extras are started
apart (`Slots`), so that a decision is taken when it can be asked at once. A score is decided in
`Judge.judge` (core/judging), which `Evaluator.evaluate` asks after each execution, and nowhere else.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

from core.budget import Budget
from core.evaluation import Evaluator, summarise
from core.events import (
    BriefMade,
    EpochClosed,
    ExtraDone,
    ProposalFailed,
    Proposed,
    StepDone,
    Suspected,
)
from core.genome import normalised_digest
from core.protocols import (
    Clock,
    Extras,
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
from core.records import Brief, Entry, FoldResult, Idle, Outcome, Proposal, Verdict
from utils.errors import Interrupted, ProposalError

log = logging.getLogger(__name__)

# What Python raises where a program of ours meets a text that it did not expect.
_OWN_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
_REASON = 200

MAX_FAILED_IN_A_ROW = 25
# Programs that wait for a box, or are being written, beyond one for each box. One request is open
# while all boxes are busy and their next programs wait; a further one would be answered about a
# parent that is no longer the best when its own program runs at last.
WAITING_BEYOND = 1
# So often somebody looks whether the search has ended while a request is open.
LOOK_S = 0.5

Ending = Literal["done", "gave way", "cut off"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The decisions that the loop asks for. gate: reasons why a program may not run.

    lanes: steps in flight; one more than workers lets proposals and judging overlap with
    executions. calls: requests to a model that are open at a time, 0 where recipes alone write.
    workers: boxes; they and calls take the place of lanes where a model writes.
    """

    lanes: int
    steps_per_epoch: int
    gate: Callable[[str], Sequence[str]]
    takes_the_lead: Callable[[float | None, bool, Entry | None], bool]
    race_is_lost: Callable[[float | None], bool]
    calls: int = 0
    workers: int = 1
    # Of a program and its first parent, where that ended: it has not shown to be better, and does not
    # lead whatever its score.
    is_unproven: Callable[[Entry, Entry | None], bool] = lambda entry, parent: False


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
    # What runs on idle boxes; None for nothing.
    extras: Extras | None = None
    # Ends the requests to a model that are open, and sends no other in this run.
    abandon: Callable[[], None] = lambda: None


class Loop:
    """Runs steps until the budget, the ideas or the user's patience end."""

    def __init__(self, parts: LoopParts, rules: Rules, budget: Budget) -> None:
        self._parts = parts
        self._rules = rules
        self._budget = budget
        self._life = ProgramLife(parts, rules, budget)

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
        if self._rules.calls:
            Slots(self._life, self._rules).run()
        else:
            self._run_lanes()

    def _run_lanes(self) -> None:
        unfinished = iter(self._life.unfinished())
        in_flight: set[Future[None]] = set()
        with ThreadPoolExecutor(self._rules.lanes, "lane") as lanes:
            while True:
                while len(in_flight) < self._rules.lanes and self._life.may_start(len(in_flight)):
                    proposal = next(unfinished, None)
                    in_flight.add(lanes.submit(self._step, proposal))
                if not in_flight:
                    return
                done, in_flight = wait(in_flight, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()

    def _step(self, proposal: Proposal | None) -> None:
        """One program from its brief (or from where a kill left it) to its entry."""
        proposal = proposal or self._life.propose()
        if proposal is not None:
            self._life.finish(proposal)


class Slots:
    """Starts requests, steps and extras, each where there is room for it, until nothing may start.

    A brief is decided when a request may be opened, and asked at once. At most `calls` requests are
    open, at most one step runs for each box, and so many programs wait as WAITING_BEYOND says. A
    box that no step asks for runs an extra, which gives way between its folds. A request that is
    open when the ending must begin is abandoned: it may have been opened when nothing was to be
    kept back yet.
    """

    def __init__(self, life: ProgramLife, rules: Rules) -> None:
        self._life = life
        self._calls = rules.calls
        self._workers = rules.workers
        # Steps that wait for a box, and extras that gave way.
        self._ready: deque[Proposal] = deque()
        self._paused: deque[Proposal] = deque()
        self._asking: set[Future[Proposal | None]] = set()
        self._steps: set[Future[Ending]] = set()
        self._extras: dict[Future[Ending], Proposal] = {}
        # No extra ends in time any more.
        self._too_late = False
        # No answer comes in time any more. It stays so, for nobody answers who was given up.
        self._abandoned = False

    def run(self) -> None:
        for proposal in self._life.unfinished():
            waiting = self._paused if proposal.extra else self._ready
            waiting.append(proposal)
        with ThreadPoolExecutor(self._calls + 2 * self._workers, "slot") as pool:
            while True:
                self._fill(pool)
                in_flight: set[Future[Any]] = {*self._asking, *self._steps, *self._extras}
                if not in_flight:
                    return
                look_s = LOOK_S if self._asking else None
                wait(in_flight, timeout=look_s, return_when=FIRST_COMPLETED)
                self._collect()
                if self._asking and not self._abandoned and self._life.search_is_over():
                    self._abandoned = True
                    self._life.abandon()

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        while self._ready and len(self._steps) < self._workers:
            self._steps.add(pool.submit(self._life.finish, self._ready.popleft()))
        while self._may_ask():
            self._asking.add(pool.submit(self._life.propose))
        while len(self._steps) + len(self._extras) < self._workers:
            extra = self._next_extra()
            if extra is None:
                return
            ending = pool.submit(self._life.finish, extra, self._boxes_are_short)
            self._extras[ending] = extra

    def _may_ask(self) -> bool:
        waiting = len(self._asking) + len(self._ready)
        return (
            not self._abandoned
            and len(self._asking) < self._calls
            and waiting < self._workers + WAITING_BEYOND
            and self._life.may_start(waiting + len(self._steps))
        )

    def _next_extra(self) -> Proposal | None:
        if self._too_late or not self._life.may_run_extras():
            return None
        if self._paused:
            return self._paused.popleft()
        return self._life.next_extra()

    def _boxes_are_short(self) -> bool:
        """Asked by extras, each in its own thread."""
        return len(self._steps) + len(self._extras) > self._workers

    def _collect(self) -> None:
        """Takes what has ended out of flight. Our own bugs come out here."""
        for asked in [future for future in self._asking if future.done()]:
            self._asking.remove(asked)
            proposal = asked.result()
            if proposal is not None:
                self._ready.append(proposal)
        for step in [future for future in self._steps if future.done()]:
            self._steps.remove(step)
            step.result()
        for ended in [future for future in self._extras if future.done()]:
            extra, ending = self._extras.pop(ended), ended.result()
            if ending == "gave way":
                self._paused.append(extra)
            self._too_late |= ending == "cut off"


class ProgramLife:
    """What happens to one program, from its brief to its entry. Safe to use from several threads."""

    def __init__(self, parts: LoopParts, rules: Rules, budget: Budget) -> None:
        self._parts = parts
        self._rules = rules
        self._budget = budget
        self._lock = threading.RLock()
        self._next_step = parts.state.next_step
        # Briefs and programs of steps in flight, by step.
        self._running: dict[int, Proposal] = {}
        self._known = {
            normalised_digest(parts.programs.get(entry.program)) for entry in parts.state.entries
        }

    def unfinished(self) -> list[Proposal]:
        """Where a kill left the run: programs without an entry, in flight from now on."""
        pending = list(self._parts.state.pending.values())
        self._known |= {normalised_digest(proposal.program) for proposal in pending}
        for proposal in pending:
            if not proposal.extra:
                self._running[proposal.step] = proposal
        return pending

    def may_start(self, in_flight: int) -> bool:
        """True when a further step may start beside so many."""
        state = self._parts.state
        return (
            self._parts.stop.reason is None
            and state.steps_done + in_flight < self._budget.max_steps
            and state.failed_in_a_row < MAX_FAILED_IN_A_ROW
            and self._parts.pace.worth_starting()
        )

    def search_is_over(self) -> bool:
        """Only what follows the search may run from here."""
        return self._parts.clock() >= self._parts.pace.search_ends()

    def abandon(self) -> None:
        """Gives up the requests that are open; their cost is recorded."""
        self._parts.abandon()

    def may_run_extras(self) -> bool:
        """They know no limit but the time."""
        parts = self._parts
        off = parts.extras is None or parts.stop.reason is not None
        return not off and parts.pace.worth_starting()

    def propose(self) -> Proposal | None:
        """A recorded, distinct, acceptable program; None (recorded as well) when there is none."""
        brief = self._brief()
        try:
            proposal = self._parts.proposer.propose(brief)
            self._admit(proposal)
        except ProposalError as error:
            self._parts.recorder.append(ProposalFailed(brief.step, brief.kind, str(error)))
            self._forget(brief.step)
            return None
        except Interrupted:
            self._forget(brief.step)
            return None
        except _OWN_ERRORS as error:
            # What a model wrote is on the other side: an error of ours in looking at it costs this
            # proposal and not the run.
            reason = f"internal error: {type(error).__name__}: {str(error)[:_REASON]}"
            log.warning("step %d: %s", brief.step, reason, exc_info=True)
            self._parts.recorder.append(ProposalFailed(brief.step, brief.kind, reason))
            self._forget(brief.step)
            return None
        if proposal.author == "model" and math.isfinite(brief.seconds):
            proposal = dataclasses.replace(proposal, told_s=brief.seconds)
        program = self._parts.programs.put(proposal.program)
        self._parts.recorder.append(Proposed(proposal, program))
        with self._lock:
            self._running[proposal.step] = proposal
        return proposal

    def next_extra(self) -> Proposal | None:
        """A recorded program that costs no request; None when there is nothing to run."""
        extra = self._decide_extra()
        while extra is not None and self._rules.gate(extra.program):
            # It is known from now on, and not chosen again.
            extra = self._decide_extra()
        if extra is not None:
            program = self._parts.programs.put(extra.program)
            self._parts.recorder.append(Proposed(extra, program))
        return extra

    def finish(self, proposal: Proposal, give_way: Callable[[], bool] = lambda: False) -> Ending:
        """Probe, race and entry of a program; how far it came. give_way: asked between its folds
        whether others need the box more.
        """
        gave_way = False

        def leave() -> bool:
            nonlocal gave_way
            gave_way = give_way()
            return gave_way

        try:
            failed = self._parts.evaluator.probe(proposal)
            results: list[FoldResult] = []
            if failed is None:
                results = self._parts.evaluator.race(
                    proposal,
                    self._race_rule(proposal),
                    lambda results: self._publish_first(proposal, results),
                    leave,
                )
            self._record(proposal, results, failed)
        except Interrupted:
            return "gave way" if gave_way else "cut off"
        finally:
            if not proposal.extra:
                self._forget(proposal.step)
        return "done"

    def _decide_extra(self) -> Proposal | None:
        parts, state = self._parts, self._parts.state
        if parts.extras is None:
            return None
        with self._lock:
            now = Idle(
                entries=list(state.entries),
                pending=list(state.pending.values()),
                known=self._known,
                number=state.next_extra,
                step=max(self._next_step - 1, 0),
                seconds=parts.pace.affordable(),
            )
            extra = parts.extras.next_extra(now)
            if extra is not None:
                self._known.add(normalised_digest(extra.program))
        return extra

    def _race_rule(self, proposal: Proposal) -> Callable[[float | None], bool]:
        """A candidate that lost its predictions has won its race before: it becomes whole again. One
        that runs again for the folds that it lacks has lost its race, and is wanted all the same.
        """
        if proposal.id in self._parts.state.again or proposal.kind == "folds":
            return lambda p_better: False
        return self._rules.race_is_lost

    def _forget(self, step: int) -> None:
        with self._lock:
            self._running.pop(step, None)

    def _record(
        self, proposal: Proposal, results: list[FoldResult], failed: tuple[Outcome, Verdict] | None
    ) -> None:
        """The entry, its place against the incumbent, and its publication when it leads."""
        parts = self._parts
        suspect = self._suspect(proposal, results)
        entry = summarise(proposal, results, parts.evaluator.folds, failed, suspect)
        with self._lock:
            lead = parts.state.incumbent
            entry = self._compared(entry, lead)
            parts.recorder.append(ExtraDone(entry) if entry.extra else StepDone(entry))
            if entry.steers:
                parts.publisher.publish(entry)
            if not entry.extra:
                self._close_epoch()

    def _compared(self, entry: Entry, lead: Entry | None) -> Entry:
        """The entry beside the incumbent, and beside its first parent where a model wrote it."""
        p_better = p_parent = parent = None
        if entry.parents and entry.author == "model":
            entries = self._parts.state.entries
            parent = next((other for other in entries if other.id == entry.parents[0]), None)
        if entry.verdict.valid:
            p_better = self._parts.evaluator.p_better(entry.valid_folds)
            p_parent = p_better
            if parent is not lead:
                p_parent = self._parts.evaluator.p_better_than(parent, entry.valid_folds)
        lead_id = lead.id if lead else None
        entry = dataclasses.replace(entry, p_better=p_better, incumbent=lead_id, p_parent=p_parent)
        unproven = self._rules.is_unproven(entry, parent)
        leads = self._rules.takes_the_lead(p_better, entry.complete, lead) and not unproven
        return dataclasses.replace(entry, steers=leads, unproven=unproven)

    def _suspect(self, proposal: Proposal, results: Sequence[FoldResult]) -> tuple[str, ...]:
        """Views of a program that do not count, recorded."""
        found = self._parts.evaluator.suspicion(proposal, results)
        if found is None:
            return ()
        self._parts.recorder.append(Suspected(proposal.id, found))
        return found.views

    def _brief(self) -> Brief:
        with self._lock:
            step, self._next_step = self._next_step, self._next_step + 1
            state = self._parts.state
            progress = self._budget.progress(state.steps_done, self._parts.clock())
            running = list(self._running.values())
            brief = self._parts.search.next_brief(state.entries, step, running, progress)
            self._running[step] = _placeholder(brief)
            parents = [parent.id for parent in brief.parents]
            brief = dataclasses.replace(brief, seconds=self._parts.pace.affordable(parents))
            if self._rules.calls:
                self._parts.recorder.append(BriefMade.of(brief, running, progress))
            return brief

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
