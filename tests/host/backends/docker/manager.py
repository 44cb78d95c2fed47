"""Leads the one unit of a runs folder on docker, and stands still at a word, so that it can be killed
there: `python -m tests.host.backends.docker.manager RUNS OWNER`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.life.outcomes import Policy
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.protocols import Sink, Stop
from swarm_host.records import CollectLimits, Ending, Handle, RunConfig, UnitSpec
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeSource, one_source

# Names the variable that says at which word to stand still.
REPORT = "SWARM_TEST_STANDS_STILL_AT"
POLICY = Policy(lease_s=2.0, renew_s=0.5, poll_s=0.5, look_s=0.1, grace_s=1.0, back_off_s=())


class Halting(DockerBackend):
    """Says a word and stops for good after the act of that name."""

    word = ""

    def _reached(self, word: str) -> None:
        if word == self.word:
            print(word, flush=True)
            threading.Event().wait()

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        handle = super().start(unit, attempt)
        self._reached("started")
        return handle

    def _begin(self, handle: Handle, secrets: Mapping[str, str]) -> None:
        self._reached("created")
        super()._begin(handle, secrets)

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        super().follow(handle, _Watched(sink, lambda: self._reached("output")), stop)

    def poll(self, handle: Handle) -> Ending | None:
        ending = super().poll(handle)
        if ending is not None:
            self._reached("polled")
        return ending

    def collect(self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits) -> Any:
        collected = super().collect(handle, run, into, limits)
        self._reached("collected")
        return collected


class _Watched:
    """A sink that tells when some of the output is written."""

    def __init__(self, sink: Sink, tell: Callable[[], None]) -> None:
        self._sink, self._tell, self._bytes = sink, tell, 0

    def write(self, stream: Any, data: bytes, mark: str | None = None) -> None:
        self._sink.write(stream, data, mark)
        self._bytes += len(data)
        if self._bytes > 300:
            self._tell()

    def mark(self, stream: Any) -> str | None:
        return self._sink.mark(stream)


def lead(runs: Path, owner: str, environ: Mapping[str, str]) -> bool:
    """Leads the unit to its end. False: another owner has it still."""
    backend = Halting(environ, time.time, str(runs))
    backend.word = environ.get(REPORT, "")
    world = World(
        SqliteStore(runs),
        lambda name: backend,
        one_source(FakeSource()),
        time.time,
        threading.Event(),
        policy=POLICY,
        environment=environ,
    )
    return run_unit(world, owner, "g1-u1")


if __name__ == "__main__":
    lead(Path(sys.argv[1]), sys.argv[2], os.environ)
