"""kill -9 of a real manager process in each state: the same end, one start, re-attached at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from swarm_host.groups import run_folder
from swarm_host.store import journal
from swarm_host.store.rebuild import reindex
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeBackend
from tests.host.groups.manager_process import UNIT

ROOT = Path(__file__).resolve().parents[3]
# Where the manager stops, and the state in which the store has the unit then.
POINTS = {
    "queued": "queued",
    "claimed": "claimed",
    "building": "building",
    "before start": "starting",
    "after start": "starting",
    "agent": "running",
    "collecting": "collecting",
    "grading": "grading",
}


class Killed:
    """A folder, a manager in it, and the gates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gates = folder / "gates"
        self.gates.mkdir()
        # The agent always waits at its gate.
        os.mkfifo(self.gates / "agent")
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, what: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.host.groups.manager_process", str(self.folder), what],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def reached(self, word: str) -> int:
        """Waits until the manager, or the agent, stands at a gate; the gate stays closed until the
        descriptor is.
        """
        return within(30, lambda: os.open(self.gates / word, os.O_WRONLY))

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def store(self) -> SqliteStore:
        return SqliteStore(self.folder / "runs")

    def backend(self) -> FakeBackend:
        return FakeBackend(self.folder / "fake")


def within(seconds: float, act: Any) -> Any:
    """What an act that may hang returns; fails after so long."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(act()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"nothing came within {seconds} s"
    return found[0]


@pytest.fixture
def killed(tmp_path: Path) -> Any:
    killed = Killed(tmp_path)
    yield killed
    for process in killed.processes:
        if process.poll() is None:
            killed.kill(process)
        if process.stdout:
            process.stdout.close()
    backend = killed.backend()
    for handle in backend.find():
        backend.remove(handle)


@pytest.mark.parametrize("point", POINTS)
def test_whenever_it_is_killed_the_end_is_the_same(killed: Killed, point: str) -> None:
    if point != "agent":
        os.mkfifo(killed.gates / point)
    first = killed.start("add")
    if point in ("collecting", "grading"):
        os.close(killed.reached("agent"))
    gate = killed.reached(point)
    store = killed.store()
    assert store.unit(UNIT).state == POINTS[point]
    killed.kill(first)
    if point == "agent":
        # The agent itself stands there: it goes on when the next manager has attached.
        second = killed.start("run")
        attached(store)
        os.close(gate)
    else:
        os.close(gate)
        (killed.gates / point).unlink()
        second = killed.start("run")
        if point not in ("collecting", "grading"):
            os.close(killed.reached("agent"))
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output
    row = store.unit(UNIT)
    assert row.result is not None
    assert row.result.grade is not None
    assert (row.state, row.attempt, row.result.outcome, row.result.grade.score) == (
        "done",
        1,
        "ok",
        0.5,
    )
    assert killed.backend().starts() == [f"{UNIT}-1"], "one start each"
    assert killed.backend().find() == []
    folder = Path(row.spec.folder)
    assert (folder / "logs" / "stdout.log").read_text() == "ended\n"
    assert list(journal.read(folder)) == store.events(unit=UNIT)
    rebuilt(killed, store)


def attached(store: SqliteStore) -> None:
    end = time.monotonic() + 30
    pause = threading.Event()
    while not [event for event in store.events(unit=UNIT) if event.kind == "adopt"]:
        assert time.monotonic() < end, "nobody adopted the unit"
        pause.wait(0.01)


def rebuilt(killed: Killed, store: SqliteStore) -> None:
    """The folders alone tell the same."""
    before = store.units(), store.events(), store.groups()
    store.close()
    again = reindex(killed.folder / "runs")
    assert (again.units(), again.events(), again.groups()) == before
    report = run_folder.grading_report(again.units())
    assert report["total_valid_submissions"] == 1
    again.close()


def test_a_killed_manager_is_followed_before_its_lease_is_over(killed: Killed) -> None:
    """The next manager finds that the owner is dead, and does not wait for its minute. How many
    seconds that takes, `python -m swarm_host.measure reattach` tells.
    """
    first = killed.start("add")
    gate = killed.reached("agent")
    killed.kill(first)
    store = killed.store()
    lease = store.unit(UNIT).lease_until
    second = killed.start("run")
    attached(store)
    adopted = next(event.at for event in store.events(unit=UNIT) if event.kind == "adopt")
    os.close(gate)
    second.communicate(timeout=60)
    store.close()
    assert lease is not None
    assert adopted < lease


def test_a_signal_leaves_the_agent_and_the_next_manager_ends_it(killed: Killed) -> None:
    first = killed.start("add")
    gate = killed.reached("agent")
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 143
    assert "1 runs go on without this process" in output
    assert killed.backend().alive() == [f"{UNIT}-1"]
    second = killed.start("run")
    os.close(gate)
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert killed.backend().starts() == [f"{UNIT}-1"]
