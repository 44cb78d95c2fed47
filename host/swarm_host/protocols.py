"""The boundaries of the host side on one page. manager.py and unit.py know no other shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from swarm_host.records import (
    BuildConfig,
    Collected,
    CollectLimits,
    Competition,
    Ending,
    Event,
    Grade,
    GradingAnswer,
    GradingProgram,
    Group,
    Handle,
    Isolation,
    Problem,
    RunConfig,
    Stream,
    UnitResult,
    UnitRow,
    UnitSpec,
)
from swarm_host.states import State


class Clock(Protocol):
    """Seconds since the epoch. Handed in, so that tests own the time."""

    def __call__(self) -> float: ...


class Sink(Protocol):
    """Takes what an agent prints. Redacts secrets, bounds the size, remembers where it stands."""

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        """`mark` is the backend's own position after this piece; None moves no position."""
        ...

    def mark(self, stream: Stream) -> str | None:
        """The last position that is safely written, for a follower that comes back."""
        ...


class Backend(Protocol):
    """Starts one unit somewhere and brings its files back. Raises Transient errors for what is not
    the agent's fault. Every method may be called by another process than the one that started it.
    """

    name: str

    def preflight(self, run: RunConfig) -> Sequence[Problem]: ...

    def plan(self, unit: UnitSpec, attempt: int) -> Sequence[Sequence[str]]:
        """The exact commands of build and start, secrets by name: what --dry-run prints."""
        ...

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        """Raises BuildFailed."""
        ...

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        """A second start of the same attempt adopts what is there. Raises Transient, UsageError."""
        ...

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        """Blocks until the streams end or `stop` is set; goes on from the sink's marks, no line lost
        or twice.
        """
        ...

    def poll(self, handle: Handle) -> Ending | None:
        """None while it runs. Raises Lost when it is not there."""
        ...

    def stop(self, handle: Handle, grace_s: float) -> None:
        """TERM to the agent, KILL after the grace. Returns when it has ended."""
        ...

    def collect(
        self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits
    ) -> Collected:
        """Submission, code and logs into folders of these names below `into`."""
        ...

    def remove(self, handle: Handle) -> None:
        """Leaves nothing of it running or stored. Twice is once."""
        ...

    def find(self, group: str | None = None) -> Sequence[Handle]:
        """All that this project started here and that is still there, of one group or of every one."""
        ...

    def isolation(self, run: RunConfig) -> Isolation: ...


@runtime_checkable
class Peeking(Protocol):
    """A backend that can look into what runs, without a word to the agent."""

    def peek(self, handle: Handle, path: str, most: int) -> bytes | None:
        """A regular file of at most so many bytes, within seconds. None when it is not to be had, for
        whatever reason.
        """
        ...


class Stop(Protocol):
    """threading.Event is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Engine(Protocol):
    """Places units on this or other machines; delivery is at-least-once, claims make it once. Never
    cancels: cancel is a flag in the store, and the owner of the unit stops it.
    """

    name: str

    def submit(self, unit_id: str) -> None: ...

    def pending(self) -> frozenset[str]:
        """Units that were submitted and have not come back."""
        ...

    def wait(self, timeout: float) -> None:
        """Until one comes back, or the time is over."""
        ...

    def failures(self) -> Mapping[str, BaseException]:
        """Units that came back by an exception since this was last asked: StoreBusy and StoreFull, an
        engine that lost its machine, or a bug of ours. Where such a unit stands, the store says.
        """
        ...

    def shutdown(self) -> None:
        """Takes no more, and does not wait for what still runs."""
        ...


class Source(Protocol):
    """Competitions, and the truth about them, which stays on this side."""

    name: str

    def names(self) -> Sequence[str]: ...

    def prepare(self, competition: str) -> Competition:
        """Idempotent. Raises UnknownName, or UsageError when the data are not to be had here."""
        ...

    def grade(self, competition: str, submission: Path) -> Grade:
        """In a bounded worker, from a copy. Raises GradingFailed when the grader itself broke."""
        ...


class Graders(Protocol):
    """Bounded workers for grading programs, which sources are given."""

    def run(
        self, program: GradingProgram, arguments: Sequence[str], submission: Path
    ) -> GradingAnswer:
        """The program on a copy of the submission, `submission.csv` in its current folder.

        Raises SubmissionRefused for what is no regular file of sensible size, GradingFailed when the
        program cannot be loaded.
        """
        ...


class Store(Protocol):
    """What is known of groups and units. Each change is one transaction with its event."""

    def add_group(self, group: Group, units: Sequence[UnitSpec]) -> None: ...

    def claim(self, owner: str, lease_s: float, unit_id: str | None = None) -> UnitRow | None:
        """queued -> claimed and the attempt counted up: the oldest, or this one. None: nothing there."""
        ...

    def adopt(self, owner: str, lease_s: float, unit_id: str | None = None) -> UnitRow | None:
        """A live unit whose lease is over, or that this owner has already; its state stays."""
        ...

    def renew(self, unit_id: str, owner: str, lease_s: float) -> None:
        """Raises LeaseLost."""
        ...

    def move(
        self,
        unit_id: str,
        owner: str,
        to: State,
        data: Mapping[str, object] | None = None,
        handle: Handle | None = None,
    ) -> None:
        """Raises LeaseLost, IllegalMove."""
        ...

    def note(self, unit_id: str, owner: str, kind: str, data: Mapping[str, object]) -> None:
        """Writes an event down that changes no state. Raises LeaseLost."""
        ...

    def finish(self, unit_id: str, owner: str, result: UnitResult) -> None:
        """result.json first, then done or cancelled. Raises LeaseLost, IllegalMove."""
        ...

    def release(self, owner: str) -> int:
        """The owner lets go of its units, or is known to be dead: they can be adopted at once. Says
        how many they were.
        """
        ...

    def ask_cancel(self, unit_id: str, reason: str = "") -> None:
        """A queued unit is cancelled at once; a live one by its owner; a final one stays as it is."""
        ...

    def retry(self, unit_id: str) -> None:
        """A final unit is queued again, by a user's wish; its last result stays in attempts/."""
        ...

    def amend(self, unit_id: str, result: UnitResult) -> None:
        """Another result in the place of one that is there. Raises UsageError without one, UnknownName."""
        ...

    def unit(self, unit_id: str) -> UnitRow:
        """Raises UnknownName."""
        ...

    def units(self, group: str | None = None) -> Sequence[UnitRow]: ...

    def group(self, group_id: str) -> Group: ...

    def groups(self) -> Sequence[Group]: ...

    def events(
        self, after: int = 0, group: str | None = None, unit: str | None = None
    ) -> Sequence[Event]:
        """Oldest first: those with a larger `seq`, of everything, of a group or of a unit."""
        ...

    def close(self) -> None: ...
