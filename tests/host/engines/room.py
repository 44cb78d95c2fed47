"""Managers over engines on clusters, and the world of lives that their workers make."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from swarm_host.groups.manager import Finish, Manager, Manners, managing
from swarm_host.life.outcomes import Policy
from swarm_host.life.world import World
from swarm_host.protocols import Engine, Stop
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import LEAVES, FakeBackend, FakeSource, one_backend, one_source
from tests.host.made import a_group, a_run, a_unit
from tests.host.waiting import until

MAKER = "tests.host.engines.room:make_world"
QUICK = Policy(poll_s=0.1, look_s=0.05, grace_s=0.5, drain_s=5.0, back_off_s=(0.0, 0.0))
BRISK = Manners(look_s=0.05, write_s=0.0, again_s=0.0, reread_s=0.2, least_free=0, let_go_s=0.0)
# Waits until the test lets all agents end.
WAITS = "touch ../ready; while [ ! -e ../../go ]; do sleep 0.05; done; " + LEAVES[2]


def make_world(store: SqliteStore, environ: Mapping[str, str], halt: Stop) -> World:
    backend = FakeBackend(store.runs.parent / "fake")
    source = one_source(FakeSource())
    return World(store, one_backend(backend), source, time.time, halt, environ, QUICK)


class Room:
    """A store, its agents, and managers over an engine."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.backend = FakeBackend(folder / "fake")
        self.store = SqliteStore(self.runs)
        self.said: list[str] = []

    def add(self, count: int, command: str = WAITS) -> None:
        run = a_run(command=("sh", "-c", command))
        units = [a_unit(self.runs, number, run=run) for number in range(1, count + 1)]
        self.store.add_group(a_group(self.runs), units)

    @contextlib.contextmanager
    def managing(self, engine: Engine | None, width: int) -> Iterator[Manager]:
        """engine: None for this process' own threads."""
        owner = Owner(self.store.state)
        world = make_world(self.store, os.environ, threading.Event())
        manners = dataclasses.replace(BRISK, width=width)
        with managing(world, owner, self.store, manners, engine, self.said.append) as manager:
            yield manager
        owner.close()

    def let_go(self) -> None:
        (self.backend.root / "go").touch()

    def cancel(self, unit_id: str) -> None:
        """Asks for it, and waits until its owner has done it."""
        self.store.ask_cancel(unit_id)
        until(lambda: self.store.unit(unit_id).state == "cancelled")

    def ready(self) -> list[str]:
        """Units whose agents have begun."""
        return [path.parent.name.rpartition("-")[0] for path in self.backend.root.glob("*/ready")]

    def outcomes(self) -> Counter[str | None]:
        return Counter(row.result and row.result.outcome for row in self.store.units())

    def close(self) -> None:
        for handle in self.backend.find():
            self.backend.remove(handle)
        self.store.close()


def beside(manager: Manager, into: list[Finish | BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            into.append(manager.run())
        except Exception as error:
            into.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def running_on(room: Room, machine: str, unit_id: str = "g1-u1") -> None:
    """As a worker of another machine leaves its unit that dies."""
    owner = f"{machine}-7-abc"
    room.store.claim(owner, 3600, unit_id)
    room.store.move(unit_id, owner, "starting")
    handle = room.backend.start(room.store.unit(unit_id).spec, 1)
    room.store.move(unit_id, owner, "running", handle=handle)
    room.store.release(owner)


def process_of(owner: str) -> int:
    """The process number in the name of an owner."""
    return int(owner.rsplit("-", 2)[1])
