"""The life of one unit: claimed or adopted, built, started, followed, collected, graded, told.

Each step reads where the unit stands, acts, and writes the next state down before the next act. A
process may die anywhere: who adopts the unit does the same step again, and each step done twice is
done once. What follows from what happened is decided in outcomes.py.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from swarm_host.errors import (
    BuildFailed,
    GradingFailed,
    LeaseLost,
    Lost,
    StoreFull,
    Transfer,
    Transient,
    UsageError,
)
from swarm_host.life import outcomes, settling
from swarm_host.life.messages import last_words, message_of_end
from swarm_host.life.outcomes import Evidence
from swarm_host.life.running import RunningUnit
from swarm_host.life.standing import OUR_DISK, LetGo
from swarm_host.life.threads import Follower, Work
from swarm_host.life.usage import usage_of
from swarm_host.life.world import World
from swarm_host.records import (
    Attempt,
    Collected,
    Handle,
    UnitOutcome,
    UnitResult,
    UnitRow,
)
from swarm_host.states import FINAL, State
from swarm_host.words.redact import redact_text

T = TypeVar("T")
_log = logging.getLogger("swarm_host")
# How often a collection is tried before the attempt is given up.
_TRIES = 3


def run_unit(world: World, owner: str, unit_id: str) -> bool:
    """Leads a unit from where it stands to its end, with all its attempts.

    owner: one name for each world. False: another process or thread has it, it ended before, or this
    process lets go of it. Raises StoreBusy and StoreFull: the unit stays where it stands, and can be
    adopted later.
    """
    with world.guard.alone(unit_id) as alone:
        return alone and _lead(world, owner, unit_id)


def _lead(world: World, owner: str, unit_id: str) -> bool:
    policy = world.policy
    row = world.store.claim(owner, policy.lease_s, unit_id)
    row = row or world.store.adopt(owner, policy.lease_s, unit_id)
    while row is not None:
        try:
            pause = Life(world, owner, row).lead()
        except (LeaseLost, LetGo) as error:
            _log.info("%s: let go: %s", unit_id, error)
            return False
        if pause is None:
            return True
        if world.halt.wait(pause):
            return False
        row = world.store.claim(owner, policy.lease_s, unit_id)
    return False


class Life(RunningUnit):
    """One attempt of a unit, from the state that it stands in."""

    def __init__(self, world: World, owner: str, row: UnitRow) -> None:
        super().__init__(world, owner, row)
        self._steps: dict[State, Callable[[], State]] = {
            "claimed": self._prepare,
            "building": self._build,
            "starting": self._start,
            "running": self._follow,
            "collecting": self._collect,
            "grading": self._grade,
        }

    def lead(self) -> float | None:
        """Until the unit has ended: None; or until another attempt is due: after so many seconds.

        Raises LeaseLost, LetGo, StoreBusy, StoreFull.
        """
        with self._keeper:
            try:
                state = self._row.state
                while state not in FINAL:
                    self._look()
                    state = self._steps[state]()
                return None
            except BuildFailed as error:
                self._finish("build_failed", str(error))
                return None
            except Transient as error:
                return self._failed(error.cause, str(error))
            except UsageError as error:
                return self._failed(outcomes.REFUSED, str(error))
            except OSError as error:
                if error.errno in OUR_DISK:
                    raise StoreFull(f"{self._folder} cannot be written: {error}") from error
                return self._failed(Transfer.cause, f"its files cannot be handled: {error}")

    # ------------------------------------------------------------ steps

    def _prepare(self) -> State:
        if self._row.attempt > 1:
            settling.put_away(self._folder, self._row.attempt - 1)
        if self._row.cancel:
            return self._finish("cancelled", outcomes.NEVER_STARTED)
        # A backend that does not exist is told here, before anything was built.
        backend = self._backend()
        earlier = {f"{self._spec.unit_id}-{number}" for number in range(1, self._row.attempt)}
        self._remove_named(backend, earlier)
        return self._move("building" if self._run.build else "starting")

    def _build(self) -> State:
        build, tag = self._run.build, self._run.agent_image
        if build is None:
            return self._move("starting")
        if (tag := build.tag or tag) is None:
            raise UsageError("an image is built, but neither build.tag nor agent_image names it")
        sink = self._sink()
        # Later units, and those that a user asks for again, see what changed in the context since.
        scope = f"{self._spec.group}/{self._row.attempt}"
        build_it = functools.partial(
            self._world.builds.build, self._backend(), build, tag, sink, scope
        )
        try:
            done = self._done_unless_cancelled(functools.partial(self._foreign, build_it))
            sink.end("build")
        except (BuildFailed, Transient):
            sink.end("build")
            raise
        finally:
            # Also of a build that was left alone and still prints.
            sink.detach()
        if not done:
            return self._finish("cancelled", outcomes.NEVER_STARTED)
        return self._move("starting")

    def _start(self) -> State:
        backend = self._backend()
        if self._row.cancel:
            # It may have been started before this process adopted the unit.
            self._remove_named(backend, {f"{self._spec.unit_id}-{self._row.attempt}"})
            return self._finish("cancelled", outcomes.NEVER_STARTED)
        handle = self._foreign(backend.start, self._spec, self._row.attempt)
        return self._move("running", handle=handle)

    def _follow(self) -> State:
        handle, sink = self._handle(), self._sink()
        try:
            with Follower(self._backend(), handle, sink) as follower:
                ending = self._until_it_ends(handle, follower)
                whole = follower.drain(self._world.policy.drain_s)
            if self._past.stop is None and outcomes.stopped_at_limit(ending, self._run.timeout):
                self._note("stop", {"reason": "timeout"})
            sink.end("stdout", "stderr", "entrypoint")
        finally:
            sink.detach()
        if not whole:
            self._note("left_out", {"what": ["the end of the agent's output did not come"]})
        return self._move("collecting", {"ending": ending})

    def _collect(self) -> State:
        handle = self._handle()
        collected = self._collected(handle)
        settling.settle(self._folder)
        if collected.left_out:
            self._note("left_out", {"what": outcomes.few(collected.left_out)})
        if self._spec.competition is None:
            self._hand_over()
        return self._move("grading", {"files": collected.files, "bytes": collected.bytes})

    def _hand_over(self) -> None:
        """The workspace is the agent's: what it made of it costs the copy there, nothing else."""
        try:
            settling.hand_over(self._folder, Path(self._run.workspace))
        except OSError as error:
            self._note("left_out", {"what": [f"the submission in the workspace: {error}"]})

    def _grade(self) -> State:
        self._remove_quietly(self._handle())
        stop = outcomes.reason_that_counts(self._past)
        path = self._folder / settling.SUBMISSION
        graded = self._spec.competition is not None
        evidence = Evidence(
            self._past.ending, stop, path.is_file(), graded, last_words=last_words(self._folder)
        )
        wanted = stop != "cancel" or self._world.policy.grade_cancelled
        if evidence.submission and graded and wanted:
            evidence = self._graded(evidence, path)
        outcome, message = outcomes.outcome_of(evidence)
        return self._finish(outcome, message, evidence)

    def _done_unless_cancelled(self, act: Callable[[], None]) -> bool:
        """Does what may last long and can be left alone. False: the unit was cancelled meanwhile.

        Raises what the act raises, LetGo, LeaseLost.
        """
        work = Work(act)
        while not work.is_over(self._world.policy.look_s):
            self._look()
            if self._row.cancel:
                return False
        return True

    def _graded(self, evidence: Evidence, path: Path) -> Evidence:
        spec = self._spec
        try:
            source = self._world.sources(spec.source, spec.source_root)
            return replace(evidence, grade=source.grade(spec.competition or "", path))
        except (GradingFailed, UsageError) as error:
            return replace(evidence, grading_error=str(error))

    def _collected(self, handle: Handle) -> Collected:
        """Tried again while the transfer fails: the agent's work of hours is on the other side."""
        limits = self._world.limits
        for attempt in range(1, _TRIES + 1):
            into = settling.staging(self._folder)
            try:
                return self._foreign(self._backend().collect, handle, self._run, into, limits)
            except Lost:
                raise
            except Transient as error:
                if attempt == _TRIES:
                    raise
                _log.warning("%s: collected again: %s", handle.name, error)
            self._world.halt.wait(self._world.policy.poll_s)
            self._look()
        raise AssertionError("the last try returns or raises")

    # ------------------------------------------------------------ ends

    def _failed(self, cause: str, message: str) -> float | None:
        """The infrastructure ended this attempt: seconds until the next one; None: it was the last."""
        self._look()
        message = outcomes.short(redact_text(message, self._secrets))
        _log.warning("%s: attempt %d: %s", self._spec.unit_id, self._row.attempt, message)
        self._clean_up()
        if self._row.cancel:
            self._finish("cancelled", f"it was cancelled after this: {message}")
            return None
        pause = outcomes.back_off(cause, self._past.failures, self._world.policy.back_off_s)
        outcome = outcomes.outcome_of_cause(cause)
        if pause is None:
            self._finish(outcome, message)
            return None
        ended = Attempt(self._row.attempt, outcome, self._past.ending, message)
        self._move("queued", {"attempt_ended": ended})
        return pause

    def _finish(
        self, outcome: UnitOutcome, message: str, evidence: Evidence | None = None
    ) -> State:
        ending = self._past.ending
        shown = message_of_end(message, self._past.left_out, self._secrets)
        attempt = Attempt(self._row.attempt, outcome, ending, shown)
        result = UnitResult(
            unit_id=self._spec.unit_id,
            outcome=outcome,
            message=shown,
            ending=ending,
            grade=evidence.grade if evidence else None,
            usage=usage_of(self._folder / "logs", ending),
            isolation=self._isolation(),
            artefacts=settling.artefacts(self._folder),
            attempts=(*self._past.attempts, attempt),
            finished=self._world.clock(),
        )
        self._world.store.finish(self._spec.unit_id, self._owner, result)
        return "done"
