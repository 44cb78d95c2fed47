"""Units led by the core on the backend of sandboxes: outcomes, not calls."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from pathlib import Path

import pytest
from swarm_host.backends.cloud import inside
from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.backends.cloud.words import Ended
from swarm_host.errors import Capacity, DaemonLost, Transfer, UnknownName
from swarm_host.life import unit as lives
from swarm_host.life.outcomes import Policy
from swarm_host.life.world import World
from swarm_host.protocols import Backend
from swarm_host.records import Secret, UnitResult
from swarm_host.store.sqlite import SqliteStore

from tests.host.backends.cloud.double import DoubleProvider
from tests.host.backends.cloud.life import SECRET, wait_for
from tests.host.backends.cloud.units import a_mount, a_unit, leaves
from tests.host.fakes import FakeSource, one_source
from tests.host.made import a_group

QUICK = Policy(poll_s=0.05, look_s=0.02, grace_s=5.0, drain_s=10.0, back_off_s=(0.0, 0.0))


class Lives:
    """A store, sandboxes of local processes and a grader."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "sandbox"
        self.place.mkdir()
        self.provider = DoubleProvider()
        self.backend = CloudBackend(
            self.provider, {"API_KEY": SECRET}, time.time, None, str(folder / "place")
        )
        self.store = SqliteStore(folder / "runs")
        self.runs = folder / "runs"

    def add(self, script: str, **run: object) -> Path:
        """The folder of the unit."""
        group = a_group(self.runs)
        folder = Path(group.folder) / "toy_0001"
        spec = a_unit(self.place, script, **run)
        spec = dataclasses.replace(spec, folder=str(folder), source="fake")
        self.store.add_group(group, [spec])
        return folder

    def lead(self) -> UnitResult:
        world = World(
            self.store,
            self._backend,
            one_source(FakeSource()),
            time.time,
            threading.Event(),
            policy=QUICK,
            environment={"API_KEY": SECRET},
        )
        lives.run_unit(world, "me", "g1-u1")
        result = self.store.unit("g1-u1").result
        assert result is not None
        return result

    def _backend(self, name: str) -> Backend:
        if name != "cloud":
            raise UnknownName(name)
        return self.backend


@pytest.fixture
def house(tmp_path: Path) -> Lives:
    return Lives(tmp_path)


def test_a_unit_is_graded_and_nothing_is_left(house: Lives) -> None:
    folder = house.add(f"{leaves(house.place)}; echo key $KEY", env={"KEY": Secret("API_KEY")})
    result = house.lead()
    assert result.outcome == "ok"
    assert result.grade is not None
    assert result.isolation == "remote"
    assert (folder / "logs" / "stdout.log").read_text() == "out\nkey [redacted]\n"
    assert (folder / "logs" / "stderr.log").read_text() == "err\n"
    assert house.backend.find() == []
    for path in folder.rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text(errors="replace")


def test_a_time_limit_leaves_a_grade(house: Lives) -> None:
    house.add(f"{leaves(house.place)}; sleep 100", timeout=1.0)
    result = house.lead()
    assert result.outcome == "timeout"
    assert result.grade is not None
    assert house.backend.find() == []


def test_a_cancel_is_a_cancel(house: Lives) -> None:
    ready = house.place / "ready"
    house.add(f"touch '{ready}'; sleep 100")
    thread = threading.Thread(target=house.lead, daemon=True)
    thread.start()
    wait_for(ready)
    house.store.ask_cancel("g1-u1")
    thread.join(30.0)
    result = house.store.unit("g1-u1").result
    assert result is not None
    assert result.outcome == "cancelled"
    assert house.backend.find() == []


def test_no_room_is_tried_again(house: Lives) -> None:
    house.provider.faults["create"] = deque([Capacity("full")])
    house.add(leaves(house.place))
    result = house.lead()
    assert result.outcome == "ok"
    assert [one.outcome for one in result.attempts] == ["capacity", "ok"]


def test_data_that_do_not_arrive_cost_an_attempt_and_leave_nothing(house: Lives) -> None:
    house.provider.faults["feed"] = deque([None, Transfer("cut")])
    (house.place / "public").mkdir()
    mount = a_mount(house.place / "public", house.place / "data")
    house.add(leaves(house.place), mounts=(mount,))
    result = house.lead()
    assert [one.outcome for one in result.attempts] == ["transfer", "ok"]
    assert house.backend.find() == []


def test_a_service_that_is_away_for_a_moment_costs_nothing(house: Lives) -> None:
    house.provider.faults["box"] = deque([None, DaemonLost("502"), DaemonLost("502")])
    house.add(leaves(house.place))
    result = house.lead()
    assert [one.outcome for one in result.attempts] == ["ok"]


def test_a_sandbox_that_is_ended_by_its_service_is_lost_and_tried_again(house: Lives) -> None:
    ready = house.place / "ready"
    house.add(f"[ -e '{ready}' ] && {{ {leaves(house.place)}; exit; }}; touch '{ready}'; sleep 100")
    thread = threading.Thread(target=house.lead, daemon=True)
    thread.start()
    wait_for(ready)
    (one,) = house.provider.sandboxes.values()
    (handle,) = house.backend.find()
    box = house.provider.box(handle.id)
    one.ended = Ended(overdue=True, stopped=False)
    # Its processes are this machine's own, and outlive what is only called an end.
    box.call(
        inside.act(inside.folder("g1-u1-1", str(house.runs.parent / "place")), "stop", "0"), 20
    )
    thread.join(30.0)
    result = house.store.unit("g1-u1").result
    assert result is not None
    assert [one.outcome for one in result.attempts] == ["lost", "ok"]
    assert "outlived its time" in result.attempts[0].message
