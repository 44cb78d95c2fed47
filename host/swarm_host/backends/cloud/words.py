"""The words between the backend of sandboxes and the services: what each service must be able to do."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from swarm_host.disk.tar import Readable
from swarm_host.errors import Transient
from swarm_host.protocols import Sink, Stop
from swarm_host.records import BuildConfig, Mount, Problem, RunConfig


class NameTaken(Exception):
    """The service has a sandbox of this name already: it is looked up, and not made again."""


class NotClear(Exception):
    """The service did not say whether it made the sandbox: it is looked up by its name."""

    def __init__(self, cause: Transient) -> None:
        super().__init__(str(cause))
        self.cause = cause


class NoRoom(Exception):
    """The disk of the sandbox is full: an archive that has to lie there first cannot be made. Trying
    again would give the same.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program in a sandbox ended. Its output is cut by no one: programs of ours say little."""

    code: int
    out: bytes = b""
    err: bytes = b""

    @property
    def text(self) -> str:
        """The last words, for messages."""
        said = (self.err or self.out).decode(errors="replace").strip()
        return said[-500:]


@dataclass(frozen=True, slots=True)
class Placed:
    """A sandbox that the service has."""

    id: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sandbox ended that is no more."""

    # Its time to live was over: the service did it.
    overdue: bool
    # We ended it, because the agent could not be stopped in any other way.
    stopped: bool


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder with one Dockerfile and everything that it copies."""

    folder: Path
    # Of the Dockerfile's last CMD; empty: none.
    command: tuple[str, ...] = ()

    @property
    def dockerfile(self) -> Path:
        return self.folder / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Order:
    """One sandbox as it is asked for. Secret values are handed over beside it."""

    name: str
    labels: Mapping[str, str]
    run: RunConfig
    # From its creation until the service ends it, whatever happens to us. Seconds.
    ttl_s: int
    # None: the run's image is pulled from its registry.
    built: Staged | None = None
    # Mounts that the service keeps by itself, by the name under which it does.
    kept: Mapping[str, Mount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variables:
    """Variables of a sandbox: values. `secret` goes the way that the service has for secrets."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)


class Box(Protocol):
    """A sandbox that is there. Programs are given as words; no shell takes them apart.

    Raises Lost when the sandbox is no more, other Transient errors when the service fails.
    """

    def call(self, words: Sequence[str], seconds: float) -> Answer:
        """Runs a short program."""
        ...

    def feed(self, words: Sequence[str], source: BinaryIO, seconds: float) -> Answer:
        """Runs a program with `source` as its stdin."""
        ...

    def lines(self, words: Sequence[str], stop: Stop) -> Generator[bytes, None, None]:
        """Lines of a program's stdout as they come, until it ends or `stop` is set. ASCII only. Who
        closes it earlier ends the program where the service can.
        """
        ...

    def archive(
        self, words: Sequence[str], seconds: float
    ) -> AbstractContextManager[Readable | None]:
        """The stdout of a program that writes an archive; None when it ended with status 44. Raises
        NoRoom where the archive needs room in the sandbox.
        """
        ...


class Provider(Protocol):
    """A service that has sandboxes. Errors are those of swarm_host.errors."""

    name: str

    def problems(self, run: RunConfig) -> Sequence[Problem]:
        """What only this service cannot do. Credentials and library included."""
        ...

    def keeps(self, mount: Mount) -> str | None:
        """The name under which the service keeps a read-only folder for many units; None: it does not."""
        ...

    def plan(self, order: Order, secret: Sequence[str]) -> Sequence[Sequence[str]]:
        """The calls of a start, one a line. secret: names."""
        ...

    def build(self, config: BuildConfig, staged: Staged, sink: Sink) -> None:
        """Raises BuildFailed."""
        ...

    def create(self, order: Order, variables: Variables) -> Placed:
        """Raises NameTaken, NotClear."""
        ...

    def look_up(self, name: str) -> Placed | None: ...

    def listed(self, labels: Mapping[str, str]) -> Sequence[Placed]:
        """Those that have all these labels and have not ended."""
        ...

    def box(self, id: str) -> Box:
        """Raises Lost."""
        ...

    def ended(self, id: str) -> Ended | None:
        """None: it runs, or nothing is known of it any more."""
        ...

    def note_stopped(self, id: str) -> None:
        """Writes down at the service that we end this sandbox."""
        ...

    def remove(self, id: str) -> None:
        """Ends it, and returns when it has ended. Twice is once."""
        ...
