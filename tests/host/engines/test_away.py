"""What engines on clusters share, with a cluster that a test plays."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from swarm_host.engines.away import AwayUnits, Complaint, EngineLost
from swarm_host.errors import Lost, StoreBusy

from tests.host.engines.room import Room, running_on
from tests.host.made import Clock


class Played(AwayUnits):
    name = "played"

    def __init__(self, room: Room, clock: Clock, *machines: str) -> None:
        super().__init__(room.store, room.said.append, 60.0, clock)
        self.machines = machines
        self.sent: list[tuple[str, str | None, bool]] = []
        self.fault: Exception | None = None
        self.not_known: Lost | None = None
        self.looks = 0

    def _places(self) -> Mapping[str, str]:
        if self.not_known is not None:
            raise self.not_known
        return {name: name for name in self.machines}

    def _hand_out(self, unit_id: str, place: str | None, anywhere: bool) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append((unit_id, place, anywhere))

    def _look(self) -> None:
        self.looks += 1


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


def test_machines_that_are_not_known_now_end_nothing_and_are_not_missing(room: Room) -> None:
    room.add(1)
    running_on(room, "far")
    clock = Clock()
    engine = Played(room, clock, "near")
    engine.not_known = Lost("nobody answers")
    engine.submit("g1-u1")
    assert str(engine.failures()["g1-u1"]) == "nobody answers"
    assert (engine.sent, engine.pending()) == ([], frozenset())
    engine.not_known = None
    clock.now += 61
    engine.submit("g1-u1")
    assert "has no worker now" in str(engine.failures()["g1-u1"])


def test_waits_look_as_often_as_the_clock_that_is_handed_in_says(room: Room) -> None:
    clock = Clock()
    engine = Played(room, clock)
    for _ in range(3):
        engine.wait(0)
    assert engine.looks == 1
    clock.now += engine.look_every_s
    engine.wait(0)
    assert engine.looks == 2


def test_a_complaint_is_said_once_each_time_that_it_comes_up() -> None:
    said: list[str] = []
    complaint = Complaint(said.append)
    for text in ("a", "a", "", "", "a", "b", "b"):
        complaint.update(text)
    assert said == ["a", "a", "b"]


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
