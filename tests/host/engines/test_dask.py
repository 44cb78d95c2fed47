"""The engine dask: a real scheduler and two worker processes, one of which is killed."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from swarm_host.engines import dask as engine_module
from swarm_host.engines.away import EngineLost
from swarm_host.engines.dask import DaskEngine, unsafe
from swarm_host.errors import Lost, Unhealthy, UsageError
from swarm_host.groups.manager import Finish
from swarm_host.states import LIVE

from tests.host.engines.room import MAKER, Room, beside, process_of, running_on
from tests.host.made import Clock
from tests.host.waiting import until

pytest.importorskip("distributed", reason="pip install -r host/requirements_engines.txt")
# The library leaves sockets and loops to the end of the process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Cluster:
    """A scheduler and workers as users start them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "scheduler.json"
        self._parts: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        until(self._file.exists)
        self.address = json.loads(self._file.read_text())["address"]

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        return self._start(
            "dask_worker", "--no-nanny", "--no-dashboard", "--nthreads", "4", *options
        )

    def close(self) -> None:
        for part in reversed(self._parts):
            part.kill()
            part.wait()

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        name = f"{module}-{len(self._parts)}"
        with (self.folder / f"{name}.log").open("wb") as log:
            part = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.{module}"),
                    *("--scheduler-file", str(self._file), *options),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._parts.append(part)
        return part


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@contextlib.contextmanager
def an_engine(room: Room, address: str | None, **fields: Any) -> Iterator[DaskEngine]:
    fields = {"limit_s": 90.0, "maker": MAKER, "say": room.said.append} | fields
    engine = DaskEngine(room.store, address, **fields)
    try:
        yield engine
    finally:
        engine.shutdown()


def test_twenty_units_a_killed_worker_and_a_cancelled_unit(room: Room, cluster: Cluster) -> None:
    workers = [cluster.worker("--resources", "run=4") for _ in range(2)]
    room.add(20)
    found: list[Finish | BaseException] = []
    with an_engine(room, cluster.address) as engine, room.managing(engine, 8) as manager:
        until(lambda: len(engine._client.scheduler_info(n_workers=-1)["workers"]) == 2)
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 8)
        owners = {row.spec.unit_id: row.owner for row in room.store.units() if row.owner}
        assert {process_of(name) for name in owners.values()} == {worker.pid for worker in workers}
        killed, left = workers
        theirs = [unit for unit, name in owners.items() if process_of(name) == left.pid]
        killed.send_signal(signal.SIGKILL)
        room.cancel(theirs[0])
        room.let_go()
        thread.join(240)
    assert not thread.is_alive()
    assert isinstance(found[0], Finish), found
    assert room.outcomes() == {"ok": 19, "cancelled": 1}
    assert sorted(room.backend.starts()) == sorted(f"g1-u{number}-1" for number in range(1, 21))
    assert room.backend.alive() == []
    # All that the killed one led ended with the other.
    adopted = [event for event in room.store.events() if event.kind == "adopt"]
    assert len({event.unit for event in adopted}) >= 3
    assert list(room.store.state.glob("probe-*")) == []


def test_a_cluster_that_closes_leaves_agents_to_the_next_manager(room: Room) -> None:
    room.add(2)
    found: list[Finish | BaseException] = []
    with an_engine(room, None, width=2) as engine, room.managing(engine, 2) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 2)
        workers = {process_of(row.owner) for row in room.store.units() if row.owner}
        manager.interrupt(signal.SIGTERM)
        thread.join(60)
    assert [getattr(finish, "how", finish) for finish in found] == ["left"]
    assert any("2 runs go on without this process" in text for text in room.said)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert sorted(room.backend.alive()) == ["g1-u1-1", "g1-u2-1"]
    room.let_go()
    with room.managing(None, 2) as manager:
        assert manager.run().how == "done"
    assert room.outcomes() == {"ok": 2}
    assert sorted(room.backend.starts()) == ["g1-u1-1", "g1-u2-1"]
    assert room.backend.alive() == []


def test_lives_on_an_existing_cluster_go_on_without_the_manager(
    room: Room, cluster: Cluster
) -> None:
    cluster.worker("--resources", "run=1")
    room.add(2)
    found: list[Finish | BaseException] = []
    with an_engine(room, cluster.address) as engine, room.managing(engine, 1) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 1)
        manager.interrupt(signal.SIGTERM)
        thread.join(60)
    room.let_go()
    until(lambda: room.outcomes()["ok"] == 1)
    states = sorted(row.state for row in room.store.units())
    assert states == ["done", "queued"]


def test_a_scheduler_that_dies_ends_the_manager_and_loses_nothing(
    room: Room, cluster: Cluster
) -> None:
    cluster.worker("--resources", "run=1")
    room.add(1)
    found: list[Finish | BaseException] = []
    with an_engine(room, cluster.address) as engine, room.managing(engine, 1) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 1)
        cluster.close()
        thread.join(120)
    assert isinstance(found[0], EngineLost)
    assert room.store.unit("g1-u1").state in LIVE
    room.let_go()
    with room.managing(None, 1) as manager:
        assert manager.run().status == 0
    assert room.backend.starts() == ["g1-u1-1"]


def test_workers_without_slots_are_told(room: Room, cluster: Cluster) -> None:
    cluster.worker()
    with pytest.raises(UsageError, match="--resources run=1"), an_engine(room, cluster.address):
        pass
    assert list(room.store.state.glob("probe-*")) == []


def test_a_cluster_without_workers_is_told(room: Room, cluster: Cluster) -> None:
    says = f"no worker of {cluster.address} came within 0.3 s"
    with pytest.raises(UsageError, match=says):
        DaskEngine(room.store, cluster.address, limit_s=0.3)


# ---------------------------------------------------------------- without a cluster


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_a_scheduler_that_does_not_answer_is_told_in_time(room: Room, deaf: str) -> None:
    with pytest.raises(UsageError, match=f"no Dask scheduler answers at {deaf}"):
        DaskEngine(room.store, deaf, limit_s=0.5)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "carrier://pigeon:1"])
def test_an_address_where_nobody_listens_is_told(room: Room, address: str) -> None:
    with pytest.raises(UsageError, match="correct engine.address"):
        DaskEngine(room.store, address, limit_s=0.5)


def test_a_missing_library_is_told_with_the_file_that_installs_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="host/requirements_engines.txt"):
        DaskEngine(room.store)


def facts(python: str = "3.11.7.final.0", **packages: str) -> dict[str, Any]:
    return {"packages": {"python": python, "dask": "1", "distributed": "2"} | packages}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"scheduler": facts(distributed="3")}, "the scheduler has distributed 3, this process 2"),
        ({"workers": {"tcp://w": facts("3.12.1")}}, "the worker tcp://w has python 3.12, .* 3.11"),
        ({"workers": {"tcp://w": None}}, "the worker tcp://w has python None"),
    ],
)
def test_versions_that_differ_are_refused(found: dict[str, Any], says: str) -> None:
    whole = {"client": facts(), "scheduler": facts(), "workers": {}} | found
    with pytest.raises(UsageError, match=says):
        engine_module.check_versions(whole)


def test_a_last_part_of_python_may_differ() -> None:
    found = {"client": facts(), "scheduler": facts("3.11.9"), "workers": {"w": facts("3.11.2")}}
    engine_module.check_versions(found)


class PlayedClient:
    """A scheduler's workers that a test plays: `slots` has resources, `bare` has none and is unfit."""

    status = "running"

    def __init__(self) -> None:
        self.slots = ["tcp://slots"]
        # Workers that were asked, for each question.
        self.asked: list[tuple[str, list[str] | None]] = []

    def get_versions(self, check: bool) -> dict[str, Any]:
        workers = dict.fromkeys(self.slots, facts()) | {"tcp://bare": facts("3.9.1")}
        return {"client": facts(), "scheduler": facts(), "workers": workers}

    def wait_for_workers(self, count: int, timeout: float) -> None: ...

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        with_slots: dict[str, Any] = {name: {"resources": {"run": 1}} for name in self.slots}
        return {"workers": with_slots | {"tcp://bare": {"resources": {}}}}

    def run(
        self,
        call: Any,
        function: str,
        *arguments: Any,
        workers: list[str] | None = None,
        on_error: str,
    ) -> dict[str, Any]:
        self.asked.append((function.rpartition(":")[2], workers))
        all_workers = [*self.slots, "tcp://bare"]
        answers = {name: call(function, *arguments) for name in workers or all_workers}
        if "tcp://bare" in answers and on_error == "return":
            answers["tcp://bare"] = ImportError("swarm_host")
        return answers

    def submit(self, *arguments: Any, **fields: Any) -> Future[Any]:
        return Future()

    def close(self) -> None: ...


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> PlayedClient:
    client = PlayedClient()
    monkeypatch.setattr(DaskEngine, "_connect", lambda engine, address, width: client)
    return client


def test_workers_without_slots_are_not_asked(room: Room, client: PlayedClient) -> None:
    with an_engine(room, "tcp://x"):
        assert client.asked == [("look", ["tcp://slots"])]


def test_machines_are_asked_once_for_all_units_that_run(room: Room, client: PlayedClient) -> None:
    room.add(2)
    for number in (1, 2):
        running_on(room, socket.gethostname(), f"g1-u{number}")
    with an_engine(room, "tcp://x", clock=Clock()) as engine:
        engine.submit("g1-u1")
        engine.submit("g1-u2")
        client.asked.clear()
        engine.wait(0)
        engine.wait(0)
        assert client.asked == [("machine", ["tcp://slots"])]
        assert engine.pending() == {"g1-u1", "g1-u2"}


def test_a_cluster_that_has_lost_its_workers_is_told_once(room: Room, client: PlayedClient) -> None:
    room.add(1)
    clock = Clock()
    with an_engine(room, "tcp://127.0.0.1:1", clock=clock) as engine:
        engine.submit("g1-u1")
        client.slots = []
        for _ in range(3):
            engine.wait(0)
            clock.now += 10
    assert room.said == [
        "tcp://127.0.0.1:1 has no worker with slots now; units wait for one",
    ]


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("tcp://10.0.0.5:8786", True),
        ("ws://cluster.example:8786", True),
        ("cluster.example:8786", True),
        ("tls://10.0.0.5:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
        ("localhost:8786", False),
    ],
)
def test_connections_that_others_can_use_are_warned_of(address: str, warns: bool) -> None:
    assert bool(unsafe(address)) is warns


def test_faults_of_a_cluster_are_no_bugs_of_ours() -> None:
    class KilledWorker(Exception):
        pass

    assert isinstance(engine_module._failure("u", KilledWorker()), Lost)
    told = engine_module._failure("u", ModuleNotFoundError("No module named 'swarm_host'"))
    assert isinstance(told, Unhealthy)
    assert "PYTHONPATH" in str(told)
