"""Managers of one unit as processes that stand still at a word, so that a test can kill them there."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from swarm_host.life.outcomes import Policy
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.protocols import Sink, Source, Stop
from swarm_host.records import CollectLimits, Ending, Handle, RunConfig, UnitResult, UnitSpec
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.places import ROOT

from tests.host.fakes import FakeSource, one_backend, one_source
from tests.host.waiting import until

UNIT = "g1-u1"
# Names the variable that says at which word to stand still.
WORD = "SWARM_TEST_STANDS_STILL_AT"
# Bytes of output that are written before the word `output`.
_SOME = 300


class StandsStill:
    """Put before a backend among the bases of a class: says a word and stops for good after the act of
    that name.
    """

    word = ""

    def reached(self, word: str) -> None:
        if word == self.word:
            print(word, flush=True)
            threading.Event().wait()

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        handle: Handle = super().start(unit, attempt)  # type: ignore[misc]
        self.reached("started")
        return handle

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        watched = _Watched(sink, lambda: self.reached("output"))
        super().follow(handle, watched, stop)  # type: ignore[misc]

    def poll(self, handle: Handle) -> Ending | None:
        ending: Ending | None = super().poll(handle)  # type: ignore[misc]
        if ending is not None:
            self.reached("polled")
        return ending

    def collect(self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits) -> Any:
        collected = super().collect(handle, run, into, limits)  # type: ignore[misc]
        self.reached("collected")
        return collected

    def remove(self, handle: Handle) -> None:
        super().remove(handle)  # type: ignore[misc]
        self.reached("removed")


class _Watched:
    """A sink that tells when some of the output is written."""

    def __init__(self, sink: Sink, tell: Callable[[], None]) -> None:
        self._sink, self._tell, self._bytes = sink, tell, 0

    def write(self, stream: Any, data: bytes, mark: str | None = None) -> None:
        self._sink.write(stream, data, mark)
        self._bytes += len(data)
        if self._bytes > _SOME:
            self._tell()

    def mark(self, stream: Any) -> str | None:
        return self._sink.mark(stream)


def lead_with(
    backend: Any,
    runs: Path,
    owner: str,
    environ: Mapping[str, str],
    policy: Policy,
    source: Source | None = None,
) -> bool:
    """Leads the one unit of a runs folder to its end. False: another owner has it still."""
    backend.word = environ.get(WORD, "")
    store = SqliteStore(runs)
    world = World(
        store,
        one_backend(backend),
        one_source(source or FakeSource()),
        time.time,
        threading.Event(),
        environ,
        policy,
    )
    try:
        return run_unit(world, owner, UNIT)
    finally:
        store.close()


def killed_at(word: str, manager: str, runs: Path, environ: Mapping[str, str]) -> None:
    """A process leads the unit until it stands still at the word; then it is killed.

    manager: a module that leads with the folder of runs and an owner as its words.
    """
    variables = {**environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'host'}", WORD: word}
    words = [sys.executable, "-m", manager, str(runs), "first"]
    process = subprocess.Popen(words, env=variables, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as pipe:
        assert pipe.readline().decode().strip() == word
    process.send_signal(signal.SIGKILL)
    process.wait()


def taken_over(lead: Callable[[], bool]) -> None:
    """By another manager, once the lease of the one that was killed is over."""
    until(lead, "the lease to be over")


def result(store: SqliteStore) -> UnitResult:
    found = store.unit(UNIT).result
    assert found is not None
    return found


def logs(store: SqliteStore, name: str) -> str:
    return (Path(store.unit(UNIT).spec.folder) / "logs" / name).read_text()
