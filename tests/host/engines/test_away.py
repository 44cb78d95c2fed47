"""What engines on clusters share, with a cluster that a test plays."""

from __future__ import annotations

import pytest
from swarm_host.engines.away import AwayUnits, EngineLost
from swarm_host.errors import Lost, StoreBusy

from tests.host.engines.room import Room
from tests.host.made import Clock


class Played(AwayUnits):
    name = "played"

    def __init__(self, room: Room, clock: Clock, *machines: str) -> None:
        super().__init__(room.store, room.said.append, 60.0, clock)
        self.machines = machines
        self.sent: list[tuple[str, str | None, bool]] = []
        self.fault: Exception | None = None

    def _machines(self) -> frozenset[str]:
        return frozenset(self.machines)

    def _hand_out(self, unit_id: str, machine: str | None, anywhere: bool) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append((unit_id, machine, anywhere))


def running_on(room: Room, machine: str) -> None:
    """As a worker of another machine leaves its unit that dies."""
    owner = f"{machine}-7-abc"
    room.store.claim(owner, 3600, "g1-u1")
    room.store.move("g1-u1", owner, "starting")
    handle = room.backend.start(room.store.unit("g1-u1").spec, 1)
    room.store.move("g1-u1", owner, "running", handle=handle)
    room.store.release(owner)


def test_a_unit_is_handed_out_once_and_comes_back_once(room: Room) -> None:
    room.add(2)
    engine = Played(room, Clock())
    for unit in ("g1-u1", "g1-u1", "g1-u2"):
        engine.submit(unit)
    assert engine.sent == [("g1-u1", None, False), ("g1-u2", None, False)]
    assert engine.pending() == {"g1-u1", "g1-u2"}
    engine.came_back("g1-u1", {})
    engine.came_back("g1-u1", StoreBusy("late"))
    engine.wait(20)
    assert (engine.pending(), engine.failures()) == ({"g1-u2"}, {})


def test_errors_of_lives_are_of_their_own_kind_again(room: Room) -> None:
    room.add(3)
    engine = Played(room, Clock())
    for number in (1, 2, 3):
        engine.submit(f"g1-u{number}")
    engine.came_back("g1-u1", {"kind": "StoreBusy", "message": "locked"})
    engine.came_back("g1-u2", {"kind": "KeyError", "message": "'x'", "trace": "line 7\nKeyError"})
    engine.came_back("g1-u3", Lost("the node died"))
    found = engine.failures()
    assert isinstance(found["g1-u1"], StoreBusy)
    assert isinstance(found["g1-u2"], RuntimeError)
    assert "line 7" in str(found["g1-u2"])
    assert isinstance(found["g1-u3"], Lost)
    assert engine.failures() == {}


@pytest.mark.parametrize("kind", ["BuildFailed", "Path", "annotations", "NoSuchThing"])
def test_an_answer_names_no_class_but_an_error_of_ours(room: Room, kind: str) -> None:
    room.add(1)
    engine = Played(room, Clock())
    engine.submit("g1-u1")
    engine.came_back("g1-u1", {"kind": kind, "message": "m"})
    assert type(engine.failures()["g1-u1"]) is RuntimeError


def test_a_running_unit_is_kept_to_its_machine(room: Room) -> None:
    room.add(1)
    running_on(room, "far")
    engine = Played(room, Clock(), "near", "far")
    engine.submit("g1-u1")
    assert engine.sent == [("g1-u1", "far", False)]


def test_a_machine_that_is_missing_is_awaited_and_then_given_up(room: Room) -> None:
    room.add(1)
    running_on(room, "far")
    clock = Clock()
    engine = Played(room, clock, "near")
    for _ in range(2):
        engine.submit("g1-u1")
        assert (engine.sent, engine.pending()) == ([], frozenset())
        assert isinstance(engine.failures()["g1-u1"], Lost)
        clock.now += 59
    clock.now += 2
    engine.submit("g1-u1")
    assert engine.sent == [("g1-u1", None, True)]
    assert any("far did not come back" in text for text in room.said)


def test_a_machine_that_came_back_has_its_time_again(room: Room) -> None:
    room.add(1)
    running_on(room, "far")
    clock = Clock()
    engine = Played(room, clock, "near")
    engine.submit("g1-u1")
    engine.machines = ("far",)
    engine.submit("g1-u1")
    engine.came_back("g1-u1", {})
    engine.machines = ("near",)
    clock.now += 100
    engine.submit("g1-u1")
    assert engine.sent == [("g1-u1", "far", False)]


def test_a_unit_that_could_not_be_handed_out_is_not_away(room: Room) -> None:
    room.add(1)
    engine = Played(room, Clock())
    engine.fault = EngineLost("gone")
    with pytest.raises(EngineLost):
        engine.submit("g1-u1")
    assert engine.pending() == frozenset()


def test_a_lost_cluster_ends_the_manager_with_what_happened(room: Room) -> None:
    room.add(1)
    engine = Played(room, Clock())
    engine.fault = EngineLost("the scheduler at tcp://x does not answer any more")
    with room.managing(engine, 1) as manager, pytest.raises(EngineLost, match="tcp://x"):
        manager.run()
    assert room.store.unit("g1-u1").state == "queued"


def test_a_closed_engine_takes_nothing(room: Room) -> None:
    room.add(1)
    engine = Played(room, Clock())
    engine.shutdown()
    engine.submit("g1-u1")
    assert (engine.sent, engine.pending()) == ([], frozenset())
