"""The manager: order, width, budgets, disk, signals, units of the dead; with real agents."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.errors import StoreBusy, StoreFull, UnknownName
from swarm_host.groups import manager as manager_module
from swarm_host.groups.manager import Finish, Manager, Manners, managing, preflight, signals_to
from swarm_host.life.outcomes import Policy
from swarm_host.life.world import World
from swarm_host.records import Problem
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import LEAVES, FakeBackend, FakeSource, one_backend, one_source
from tests.host.made import a_group, a_result, a_run, a_unit
from tests.host.waiting import until

QUICK = Policy(poll_s=0.05, look_s=0.02, grace_s=0.5, drain_s=5.0, back_off_s=(0.0, 0.0))
BRISK = Manners(width=2, look_s=0.05, write_s=0.0, second_signal_s=0.0, again_s=0.0, least_free=0)
LONG = ("sh", "-c", "touch ../ready; trap 'exit 0' TERM; while :; do sleep 0.02; done")


class Room:
    """A store, a backend and managers over them."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.backend = FakeBackend(folder / "fake")
        self.source = FakeSource()
        self.store = SqliteStore(self.runs)
        self.said: list[str] = []

    def add(
        self, count: int, group: str = "g1", command: tuple[str, ...] = LEAVES, **f: Any
    ) -> None:
        run = a_run(command=command)
        units = [a_unit(self.runs, number, group, run=run) for number in range(1, count + 1)]
        with self.managing() as manager:
            manager.add(a_group(self.runs, group, **f), units)

    @contextlib.contextmanager
    def managing(self, manners: Manners = BRISK, **fields: Any) -> Iterator[Manager]:
        owner = Owner(self.store.state)
        world = World(
            self.store,
            one_backend(self.backend),
            one_source(self.source),
            time.time,
            threading.Event(),
            {},
            QUICK,
        )
        with managing(world, owner, self.store, manners, say=self.said.append) as manager:
            for name, value in fields.items():
                setattr(manager, f"_{name}", value)
            yield manager
        owner.close()

    def run(self, manners: Manners = BRISK, groups: list[str] | None = None) -> Finish:
        with self.managing(manners) as manager:
            return manager.run(groups)

    def outcomes(self) -> Counter[str | None]:
        return Counter(row.result and row.result.outcome for row in self.store.units())


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    for handle in room.backend.find():
        room.backend.remove(handle)
    room.store.close()


def beside(manager: Manager, into: list[Finish]) -> threading.Thread:
    thread = threading.Thread(target=lambda: into.append(manager.run()), daemon=True)
    thread.start()
    return thread


def test_all_units_run_once_and_are_told(room: Room) -> None:
    room.add(7)
    finish = room.run()
    assert (finish.how, finish.status, len(finish.rows)) == ("done", 0, 7)
    assert room.outcomes() == Counter({"ok": 7})
    assert sorted(room.backend.starts()) == sorted(f"g1-u{number}-1" for number in range(1, 8))


def test_no_more_than_its_width_run_at_once(room: Room) -> None:
    most, lock, now = 0, threading.Lock(), 0

    def gate(word: str) -> None:
        nonlocal most, now
        with lock:
            now += {"after start": 1, "collecting": -1}.get(word, 0)
            most = max(most, now)

    room.backend.gate = gate
    room.add(6)
    room.run(dataclasses.replace(BRISK, width=3))
    assert 1 <= most <= 3


def test_one_bad_agent_is_no_bad_group_but_a_bad_exit(room: Room) -> None:
    room.add(2)
    room.add(1, "g2", ("sh", "-c", "exit 3"))
    finish = room.run()
    assert (finish.how, finish.status) == ("done", 1)
    assert room.outcomes() == Counter({"ok": 2, "agent_error": 1})


def test_only_the_groups_that_were_asked_for_run(room: Room) -> None:
    room.add(1)
    room.add(2, "g2")
    finish = room.run(groups=["g2"])
    assert [row.spec.unit_id for row in finish.rows] == ["g2-u1", "g2-u2"]
    assert room.store.unit("g1-u1").state == "queued"
    with pytest.raises(UnknownName):
        room.run(groups=["g3"])


def test_groups_that_are_added_meanwhile_run_too(room: Room) -> None:
    room.add(1, command=LONG)
    found: list[Finish] = []
    with room.managing(dataclasses.replace(BRISK, width=2)) as manager:
        thread = beside(manager, found)
        until(lambda: list(room.backend.root.glob("*/ready")))
        room.add(2, "g2")
        until(lambda: all(row.state == "done" for row in room.store.units("g2")))
        manager.cancel_group("g1")
        thread.join(20)
    assert [len(finish.rows) for finish in found] == [3]


def test_a_manager_that_stays_waits_for_more_until_a_signal(room: Room) -> None:
    found: list[Finish] = []
    with room.managing() as manager:
        thread = threading.Thread(target=lambda: found.append(manager.run(stay=True)), daemon=True)
        thread.start()
        for group in ("g1", "g2"):
            room.add(1, group)
            until(lambda group=group: room.store.unit(f"{group}-u1").state == "done")
        assert thread.is_alive()
        manager.interrupt(signal.SIGTERM)
        thread.join(20)
    assert [(finish.how, finish.status) for finish in found] == [("left", 143)]


def test_files_of_groups_that_did_not_change_are_left_alone(room: Room) -> None:
    room.add(1)
    room.run()
    folder = Path(room.store.group("g1").folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    room.add(1, "g2")
    room.run()
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    assert after == before
    (folder / "summary.json").unlink()
    room.run()
    assert json.loads((folder / "summary.json").read_text())["outcomes"] == {"ok": 1}


def test_two_groups_of_one_second_keep_their_units(room: Room) -> None:
    room.add(3, "g1")
    room.add(3, "g2", ("sh", "-c", "mkdir submission; echo 0.1 > submission/submission.csv"))
    room.run()
    for group, score in (("g1", 0.5), ("g2", 0.1)):
        folder = Path(room.store.group(group).folder)
        reports = json.loads((folder / "grading_report.json").read_text())["competition_reports"]
        assert [report["score"] for report in reports] == [score] * 3
        runs = json.loads((folder / "metadata.json").read_text())["runs"]
        assert sorted(runs) == sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_files_of_a_group_are_there_from_the_start_and_kept_current(room: Room) -> None:
    room.add(1, command=LONG)
    folder = Path(room.store.group("g1").folder)
    states = json.loads((folder / "summary.json").read_text())["states"]
    assert states == {"queued": 1}
    found: list[Finish] = []
    with room.managing() as manager:
        thread = beside(manager, found)
        until(lambda: json.loads((folder / "summary.json").read_text())["states"] == {"running": 1})
        manager.cancel_group("g1", "enough")
        thread.join(20)
    assert json.loads((folder / "summary.json").read_text())["outcomes"] == {"cancelled": 1}


def test_a_cancelled_group_starts_nothing_more(room: Room) -> None:
    room.add(4)
    with room.managing() as manager:
        manager.cancel_group("g1")
        assert manager.run().how == "done"
        with pytest.raises(UnknownName):
            manager.cancel_group("g9")
    assert room.backend.starts() == []


def test_a_budget_that_is_used_up_starts_nothing_more_and_says_so(room: Room) -> None:
    said = "mkdir logs; echo '{\"usd\": 2}' > logs/usage.json"
    room.add(4, command=("sh", "-c", said), budget_usd=3.0)
    finish = room.run(dataclasses.replace(BRISK, width=1))
    assert [row.state for row in finish.rows] == ["done", "done", "cancelled", "cancelled"]
    assert any("2 units of g1 do not start: the budget of 3 usd" in text for text in room.said)
    reasons = {event.data.get("reason") for event in room.store.events(unit="g1-u4")}
    assert "the budget of 3 usd is used up (4)" in reasons


def test_without_free_disk_nothing_starts_and_it_is_said(room: Room) -> None:
    room.add(2)
    with room.managing(dataclasses.replace(BRISK, least_free=100), free=lambda path: 99) as manager:
        finish = manager.run()
    assert (finish.how, finish.status, room.backend.starts()) == ("blocked", 3, [])
    (said,) = [text for text in room.said if "no further unit starts" in text]
    assert said.endswith("free some, then `python -m swarm_host worker` goes on")
    assert room.run().status == 0


def test_free_disk_is_looked_at_before_each_start(room: Room) -> None:
    room.add(3)
    free = iter([100, 99])
    manners = dataclasses.replace(BRISK, least_free=100, width=1)
    with room.managing(manners, free=lambda path: next(free, 99)) as manager:
        finish = manager.run()
    assert (finish.how, finish.status) == ("blocked", 1)
    assert room.backend.starts() == ["g1-u1-1"]


def test_what_runs_already_is_followed_without_free_disk(room: Room) -> None:
    room.add(1)
    leave_running(room)
    with room.managing(dataclasses.replace(BRISK, least_free=100), free=lambda path: 0) as manager:
        assert manager.run().how == "done"
    assert room.backend.starts() == ["g1-u1-1"]


def leave_running(room: Room, owner: str = "dead") -> None:
    """As a manager leaves its unit that dies: with a lease that is not over."""
    room.store.claim(owner, 3600, "g1-u1")
    room.store.move("g1-u1", owner, "starting")
    handle = room.backend.start(room.store.unit("g1-u1").spec, 1)
    room.store.move("g1-u1", owner, "running", handle=handle)
    if owner == "dead":
        room.store.release(owner)


def test_a_unit_that_another_process_leads_is_waited_for(room: Room) -> None:
    room.add(1)
    other = Owner(room.store.state)
    leave_running(room, other.name)
    found: list[Finish] = []
    with room.managing(dataclasses.replace(BRISK, reread_s=0.05)) as manager:
        thread = beside(manager, found)
        until(lambda: manager._rows)
        assert thread.is_alive()
        room.store.finish("g1-u1", other.name, a_result("g1-u1"))
        thread.join(20)
    other.close()
    assert [finish.how for finish in found] == ["done"]
    assert "follow" not in room.backend.calls


def test_units_of_a_dead_process_are_taken_over_at_once(room: Room) -> None:
    room.add(1)
    gone = f"{socket.gethostname()}-1-abc"
    leave_running(room, gone)
    # The file that it left, and one of another that had nothing to do.
    for name in (gone, f"{socket.gethostname()}-2-def"):
        (room.store.state / "owners").mkdir(exist_ok=True)
        (room.store.state / "owners" / name).touch()
    assert room.run().status == 0
    assert [text for text in room.said if "taken over" in text] == [
        f"1 units of {gone}, which is gone, are taken over"
    ]
    assert list((room.store.state / "owners").iterdir()) == []


def test_a_lease_of_a_stranger_is_waited_for_until_it_is_over(room: Room) -> None:
    room.add(1)
    room.store.claim("elsewhere-1-x", 0.3, "g1-u1")
    assert room.run(dataclasses.replace(BRISK, reread_s=0.05)).status == 0
    kinds = [event.kind for event in room.store.events(unit="g1-u1")]
    assert "adopt" in kinds


def test_a_busy_store_in_a_life_is_no_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.add(1)
    busy = iter([StoreBusy("locked"), StoreBusy("locked")])
    move = room.store.move

    def sometimes(*arguments: Any, **named: Any) -> None:
        for error in busy:
            raise error
        move(*arguments, **named)

    monkeypatch.setattr(room.store, "move", sometimes)
    finish = room.run(dataclasses.replace(BRISK, reread_s=0.05))
    assert finish.status == 0
    assert any("taken up again later: locked" in text for text in room.said)


def test_a_busy_store_in_the_manager_is_no_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.add(2)
    busy = iter([StoreBusy("locked")] * 3)
    last_seq = room.store.last_seq

    def sometimes() -> int:
        for error in busy:
            raise error
        return last_seq()

    monkeypatch.setattr(room.store, "last_seq", sometimes)
    assert room.run().status == 0
    assert [text for text in room.said if "asked again later" in text] == [
        "the store is asked again later: locked"
    ]


def test_a_full_disk_is_told_again_until_there_is_space(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.add(1)
    full, now = iter([StoreFull("no space")] * 4), iter(range(1_000_000))
    finish = room.store.finish

    def sometimes(*arguments: Any) -> None:
        for error in full:
            raise error
        finish(*arguments)

    monkeypatch.setattr(room.store, "finish", sometimes)
    # A second passes with each look at the clock.
    with room.managing(
        dataclasses.replace(BRISK, look_s=0.01), clock=lambda: time.time() + next(now)
    ) as manager:
        assert manager.run().status == 0
    said = [text for text in room.said if "waiting for disk: no space; free some" in text]
    assert len(said) == 4


def test_a_lease_that_a_full_disk_keeps_is_not_waited_for(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.add(1, command=LONG)
    release = room.store.release

    def full(owner: str) -> int:
        raise StoreFull("no space")

    monkeypatch.setattr(room.store, "release", full)
    assert interrupted(room, BRISK).status == 130
    assert room.store.unit("g1-u1").owner is not None
    monkeypatch.setattr(room.store, "release", release)
    finish = interrupted(room, dataclasses.replace(BRISK, stop_runs=True))
    assert [row.state for row in finish.rows] == ["cancelled"]
    assert any("which is gone, are taken over" in text for text in room.said)


def test_two_managers_share_a_store_and_start_each_unit_once(room: Room) -> None:
    room.add(12)
    found: list[Finish] = []
    with room.managing() as one, room.managing() as two:
        threads = [beside(one, found), beside(two, found)]
        for thread in threads:
            thread.join(30)
    assert [finish.status for finish in found] == [0, 0]
    assert sorted(room.backend.starts()) == sorted(f"g1-u{n}-1" for n in range(1, 13))


def test_a_bug_of_ours_is_loud_and_stops_no_other_unit(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room.add(3)
    lead = manager_module.run_unit

    def buggy(world: World, owner: str, unit_id: str) -> bool:
        if unit_id == "g1-u2":
            raise ZeroDivisionError("ours")
        return lead(world, owner, unit_id)

    monkeypatch.setattr(manager_module, "run_unit", buggy)
    finish = room.run()
    assert (finish.how, finish.status) == ("done", 1)
    assert finish.broken == {"g1-u2": "ZeroDivisionError: ours"}
    assert room.outcomes() == Counter({"ok": 2, None: 1})
    assert "ZeroDivisionError" in caplog.text


# ---------------------------------------------------------------- signals


def interrupted(room: Room, manners: Manners, times: int = 1) -> Finish:
    """A run of one long and one waiting unit, after so many signals."""
    found: list[Finish] = []
    with room.managing(manners) as manager:
        thread = beside(manager, found)
        until(lambda: list(room.backend.root.glob("*/ready")))
        for _ in range(times):
            manager.interrupt(signal.SIGINT)
        thread.join(30)
        assert not thread.is_alive()
    return found[0]


def test_a_signal_leaves_runs_running_and_says_how_to_go_on(room: Room) -> None:
    room.add(2, command=LONG)
    manners = dataclasses.replace(BRISK, width=1, command="`run`")
    finish = interrupted(room, manners)
    assert (finish.how, finish.status) == ("left", 130)
    assert room.backend.alive() == ["g1-u1-1"]
    assert [row.state for row in room.store.units()] == ["running", "queued"]
    assert any(
        "1 runs go on without this process; `run` goes on with them" in text for text in room.said
    )


def test_after_a_signal_another_manager_goes_on(room: Room) -> None:
    script = "touch ../ready; while [ ! -e ../end ]; do sleep 0.02; done; " + LEAVES[2]
    room.add(1, command=("sh", "-c", script))
    interrupted(room, BRISK)
    (room.backend.root / "g1-u1-1" / "end").touch()
    assert room.run().status == 0
    assert room.backend.starts() == ["g1-u1-1"]


def test_a_second_signal_stops_the_runs(room: Room) -> None:
    room.add(2, command=LONG)
    manners = dataclasses.replace(BRISK, width=1, second_signal_s=20.0)
    finish = interrupted(room, manners, times=2)
    assert (finish.how, finish.status) == ("stopped", 130)
    assert [row.state for row in room.store.units()] == ["cancelled", "queued"]
    assert room.backend.alive() == []


def test_stop_runs_stops_them_at_the_first_signal(room: Room) -> None:
    room.add(1, command=LONG)
    finish = interrupted(room, dataclasses.replace(BRISK, stop_runs=True))
    assert (finish.how, finish.status) == ("stopped", 130)
    assert (room.outcomes(), room.backend.alive()) == (Counter({"cancelled": 1}), [])


def test_real_signals_reach_the_manager(room: Room) -> None:
    with room.managing() as manager, signals_to(manager):
        signal.raise_signal(signal.SIGTERM)
        finish = manager.run()
    assert (finish.how, finish.status) == ("left", 143)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# ---------------------------------------------------------------- preflight


def test_a_problem_of_many_units_is_told_once(room: Room) -> None:
    good = a_unit(room.runs, 1)
    bad = [a_unit(room.runs, number, run=a_run(command=())) for number in (2, 3)]
    found = preflight([good, *bad], one_backend(room.backend))
    assert found == [(bad[0], Problem("no command", "write one"))]
