"""A manager as a process, for tests that kill it: `python -m tests.host.groups.manager_process FOLDER add|run`.

`FOLDER/gates/<word>` is a named pipe where it stops: it opens it for reading, which lasts until the
test opens it for writing. So a test knows without waiting that the process stands there.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from swarm_host.groups.manager import Manners, managing, signals_to
from swarm_host.life.outcomes import Policy
from swarm_host.life.world import World
from swarm_host.records import BuildConfig
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeBackend, FakeSource, one_source
from tests.host.made import a_group, a_run, a_unit

UNIT = "g1-u1"
# An agent that ends when the test lets it.
AGENT = (
    "touch ../ready; cat ../../../gates/agent; mkdir -p submission; "
    "echo 0.5 > submission/submission.csv; echo ended"
)


def gate_in(folder: Path, word: str) -> None:
    path = folder / "gates" / word
    if path.is_fifo():
        path.read_bytes()


def main(folder: Path, what: str) -> int:
    store = SqliteStore(folder / "runs")
    backend = FakeBackend(folder / "fake", lambda word: gate_in(folder, word))
    owner = Owner(store.state)

    def find(name: str) -> FakeBackend:
        gate_in(folder, "claimed")
        return backend

    world = World(
        store,
        find,
        one_source(FakeSource(lambda word: gate_in(folder, word))),
        time.time,
        threading.Event(),
        {},
        Policy(poll_s=0.1, look_s=0.02, back_off_s=(0.0, 0.0)),
    )
    manners = Manners(look_s=0.05, least_free=0, second_signal_s=0.0)
    with managing(world, owner, store, manners, say=print) as manager, signals_to(manager):
        if what == "add":
            run = a_run(command=("sh", "-c", AGENT), build=BuildConfig("/c", tag="t"))
            manager.add(a_group(folder / "runs"), [a_unit(folder / "runs", run=run)])
            gate_in(folder, "queued")
        status = manager.run().status
    owner.close()
    store.close()
    return status


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2]))
