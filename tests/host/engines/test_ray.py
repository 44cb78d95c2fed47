"""The engine ray: two real nodes on one machine, one of which is killed."""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
import types
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from swarm_host.engines import ray as engine_module
from swarm_host.engines.ray import RayEngine
from swarm_host.errors import UsageError
from swarm_host.groups.manager import Finish

from tests.host.engines.room import MAKER, Room, beside, process_of, running_on
from tests.host.made import Clock
from tests.host.waiting import until

# Given to each part: it writes no token into anybody's home. A worker that ends kills its children, which agents of the
# tests are; those of the backend `local` are nobody's.
ENVIRON = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_kill_child_processes_on_worker_exit": "0",
}


def genuine() -> Any:
    return pytest.importorskip("ray", reason="scripts/test_host_long.sh ray")


# The library leaves sockets and files to the end of the process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@contextlib.contextmanager
def an_engine(room: Room, address: str | None, **fields: Any) -> Iterator[RayEngine]:
    fields = {"limit_s": 120.0, "maker": MAKER, "say": room.said.append} | fields
    engine = RayEngine(room.store, address, **fields)
    try:
        yield engine
    finally:
        engine.shutdown()


class Cluster:
    """A head and nodes beside it, as Ray's own tests start them: each node is processes of its own."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster as Nodes

        self._nodes = Nodes()
        # The driver's place; it offers no slot.
        self._nodes.add_node(num_cpus=1, include_dashboard=False)
        self.workers = [self.add() for _ in range(2)]
        self.address: str = self._nodes.address

    def add(self) -> Any:
        return self._nodes.add_node(num_cpus=1, resources={"run": 4})

    def kill(self, node: Any) -> None:
        self._nodes.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        self._nodes.shutdown()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    genuine()
    # Its nodes speak at the address of this machine, where a test must not knock.
    monkeypatch.setattr(engine_module, "_knock", lambda address, limit_s: None)
    cluster = Cluster()
    yield cluster
    cluster.close()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def test_twelve_units_a_killed_node_and_a_cancelled_unit(room: Room, cluster: Cluster) -> None:
    room.add(12)
    found: list[Finish | BaseException] = []
    with an_engine(room, cluster.address) as engine, room.managing(engine, 8) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 8, seconds=240)
        owners = {row.spec.unit_id: row.owner for row in room.store.units() if row.owner}
        raylets = {unit: parent_of(process_of(name)) for unit, name in owners.items()}
        killed, left = cluster.workers
        assert set(raylets.values()) == {raylet_of(killed), raylet_of(left)}
        theirs = [unit for unit, pid in raylets.items() if pid == raylet_of(left)]
        cluster.kill(killed)
        room.cancel(theirs[0])
        room.let_go()
        thread.join(300)
    assert [getattr(finish, "how", finish) for finish in found] == ["done"]
    assert room.outcomes() == {"ok": 11, "cancelled": 1}
    assert sorted(room.backend.starts()) == sorted(f"g1-u{number}-1" for number in range(1, 13))
    assert room.backend.alive() == []


def test_a_node_of_its_own_closes_and_leaves_agents_to_the_next_manager(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    genuine()
    room.add(2)
    found: list[Finish | BaseException] = []
    with an_engine(room, None, width=2) as engine, room.managing(engine, 2) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 2, seconds=240)
        workers = {process_of(row.owner) for row in room.store.units() if row.owner}
        manager.interrupt(signal.SIGTERM)
        thread.join(60)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert sorted(room.backend.alive()) == ["g1-u1-1", "g1-u2-1"]
    room.let_go()
    with room.managing(None, 2) as manager:
        assert manager.run().how == "done"
    assert sorted(room.backend.starts()) == ["g1-u1-1", "g1-u2-1"]


# ---------------------------------------------------------------- without a cluster


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1", "127.0.0.1:port", "ray://"])
def test_an_address_that_is_none_is_told(room: Room, address: str) -> None:
    genuine()
    with pytest.raises(UsageError, match="engine.address"):
        RayEngine(room.store, address)


def test_a_head_that_does_not_answer_is_told_at_once(room: Room) -> None:
    genuine()
    with pytest.raises(UsageError, match="no Ray head node answers at 127.0.0.1:1 "):
        RayEngine(room.store, "127.0.0.1:1")


class PlayedRay:
    """A cluster with one node, which leaves after it was looked for so often."""

    exceptions = types.SimpleNamespace(GetTimeoutError=TimeoutError, RayError=RuntimeError)

    def __init__(self) -> None:
        self.looks_left = 2
        # The options of each task.
        self.tasks: list[dict[str, Any]] = []

    def init(self, **fields: Any) -> None: ...

    def shutdown(self) -> None: ...

    def nodes(self) -> list[dict[str, Any]]:
        self.looks_left -= 1
        node = {"Alive": self.looks_left >= 0, "Resources": {"run": 1}, "NodeID": "n1"}
        where = {"NodeManagerHostname": "far", "NodeManagerAddress": "a", "NodeManagerPort": 1}
        return [node | where]

    def remote(self, call: Any) -> Any:
        def options(**fields: Any) -> Any:
            self.tasks.append(fields)
            return types.SimpleNamespace(remote=lambda *a: Question(functools.partial(call, *a)))

        return types.SimpleNamespace(options=options)

    def get(self, question: Question, timeout: float) -> Any:
        return question.answer()


class Question:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def future(self) -> Future[Any]:
        return Future()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> PlayedRay:
    ray = PlayedRay()
    monkeypatch.setattr(engine_module, "_library", lambda: ray)
    monkeypatch.setattr(RayEngine, "_at", lambda engine, node: node["NodeID"])
    return ray


def test_a_node_that_leaves_in_this_moment_does_not_end_the_command(
    room: Room, played: PlayedRay
) -> None:
    room.add(1)
    running_on(room, "far")
    with an_engine(room, None) as engine:
        played.tasks.clear()
        engine.submit("g1-u1")
        assert [task["scheduling_strategy"] for task in played.tasks] == ["n1"]
        assert engine.pending() == {"g1-u1"}


def test_a_cluster_that_has_lost_its_nodes_is_told_once(room: Room, played: PlayedRay) -> None:
    room.add(1)
    clock = Clock()
    with an_engine(room, None, clock=clock) as engine:
        engine.submit("g1-u1")
        played.looks_left = 0
        for _ in range(3):
            engine.wait(0)
            clock.now += 10
    assert len(room.said) == 1
    assert "has no node with slots now" in room.said[0]


def test_what_ray_says_of_tokens_and_versions_becomes_a_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    said = engine_module._why_not_connected("h:1", RuntimeError("InvalidAuthToken: no"))
    assert "RAY_AUTH_MODE (here not set, which is token)" in said
    said = engine_module._why_not_connected("h:1", RuntimeError("Version mismatch: Ray 1 and 2"))
    assert said.startswith("versions differ")
    said = engine_module._why_not_connected("h:1", OSError("\n"))
    assert said == "Ray at h:1 cannot be used: OSError:"


def test_a_missing_library_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="host/requirements_ray.txt"):
        RayEngine(room.store)
