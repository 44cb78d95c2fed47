"""Lives among random faults of the infrastructure: whatever comes, a unit ends, agents are started
once an attempt, nothing is left running, and the folders tell the same as the store.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from swarm_host.errors import (
    Capacity,
    DaemonLost,
    Lost,
    RateLimit,
    StoreBusy,
    StoreFull,
    Transfer,
)
from swarm_host.life.outcomes import Policy
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.records import UnitResult
from swarm_host.states import INFRASTRUCTURE
from swarm_host.store.rebuild import reindex
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words import jsonio

from tests.host.fakes import FakeBackend, FakeSource, one_backend, one_source
from tests.host.made import a_group, a_run, a_unit

UNIT = "g1-u1"
POLICY = Policy(
    poll_s=0.02,
    look_s=0.01,
    grace_s=0.5,
    drain_s=0.5,
    patience_s=0.05,
    back_off_s=(0.0, 0.0),
)
SCRIPTS = (
    "mkdir submission; echo 0.5 > submission/submission.csv",
    "exit 3",
    "sleep 0.1; mkdir submission; echo x > submission/submission.csv",
    "trap 'exit 0' TERM; while :; do sleep 0.01; done",
)
METHODS = ("build", "start", "follow", "poll", "stop", "collect", "remove", "find")
ERRORS = (
    DaemonLost("away"),
    Lost("gone"),
    Capacity("full"),
    RateLimit("slow down"),
    Transfer("torn"),
    KeyError("a word of an SDK"),
    ConnectionResetError(104, "reset"),
)


class BusyStore(SqliteStore):
    """A store that is busy now and then."""

    dice: random.Random | None = None

    def move(self, *arguments: object, **named: object) -> None:
        if self.dice and self.dice.random() < 0.05:
            raise StoreBusy("locked")
        super().move(*arguments, **named)  # type: ignore[arg-type]


def with_faults(backend: FakeBackend, dice: random.Random) -> None:
    for method in METHODS:
        for _ in range(dice.choice([0, 0, 1, 2, 6])):
            backend.fail(method, *[None] * dice.randrange(3), dice.choice(ERRORS))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_a_unit_ends(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    store, backend = BusyStore(tmp_path / "runs"), FakeBackend(tmp_path / "fake")
    store.dice = dice
    script = dice.choice(SCRIPTS)
    limit = 0.2 if "while" in script else 60.0
    unit = a_unit(store.runs, run=a_run(command=("sh", "-c", script), timeout=limit))
    store.add_group(a_group(store.runs), [unit])
    with_faults(backend, dice)
    halt = threading.Event()
    backends, sources = one_backend(backend), one_source(FakeSource())
    world = World(store, backends, sources, time.time, halt, {}, POLICY)
    lives = 0
    while store.unit(UNIT).state not in ("done", "cancelled"):
        lives += 1
        assert lives < 200
        try:
            run_unit(world, "me", UNIT)
        except (StoreBusy, StoreFull):
            continue
    row = store.unit(UNIT)
    assert row.result is not None
    outcomes = [attempt.outcome for attempt in row.result.attempts]
    assert [attempt.number for attempt in row.result.attempts] == list(range(1, row.attempt + 1))
    assert row.attempt <= 3
    assert set(outcomes[:-1]) <= INFRASTRUCTURE, "an agent's failure was tried again"
    assert all(count == 1 for count in Counter(backend.starts()).values())
    text = (Path(row.spec.folder) / "result.json").read_text()
    assert jsonio.loads(UnitResult, text) == row.result
    # What could not be removed then is found by name, and can be now.
    backend.faults.clear()
    for handle in backend.find("g1"):
        backend.remove(handle)
    assert backend.alive() == []
    before = [dataclasses.replace(one, owner=None, lease_until=None) for one in store.units()]
    events = store.events()
    store.close()
    rebuilt = reindex(tmp_path / "runs")
    assert (rebuilt.units(), rebuilt.events()) == (before, events)
    rebuilt.close()
