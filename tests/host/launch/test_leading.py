"""Groups are led to an end, and left tidy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from swarm_host.errors import StoreBusy, StoreFull, UnknownName, UsageError
from swarm_host.groups.manager import Manners
from swarm_host.launch import facts, leading
from swarm_host.launch.bench import Bench
from swarm_host.show.live import LiveLine
from swarm_host.store import owners
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

from tests.host.launch.units import planned, queued

# As fast as a test of real processes may be.
BRISK = Manners(look_s=0.02, write_s=0.0, again_s=0.0, least_free=0, let_go_s=0.0)


class Silent:
    """A display that keeps what it is told."""

    shows_scores = False

    def __init__(self) -> None:
        self.shown: list[LiveLine] = []
        self.closed = False

    def show(self, lines: Sequence[LiveLine]) -> None:
        self.shown = list(lines)

    def say(self, text: str) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_a_run_is_led_shown_and_reported(work: Bench) -> None:
    display = Silent()
    finish = leading.lead(planned(work, 2), work, BRISK, display)
    assert (finish.how, finish.status) == ("done", 0)
    assert [line.phase for line in display.shown] == ["ok", "ok"]
    assert display.closed
    report = facts.finish_facts(finish)
    assert [unit["outcome"] for unit in report["units"]] == ["ok", "ok"]
    assert all(Path(unit["workspace"], "stdout.log").is_file() for unit in report["units"])


def test_an_engine_that_is_not_there_leaves_no_group_and_no_unit(work: Bench) -> None:
    units = planned(work)
    Path(units[0].group.folder).mkdir(parents=True)

    def engine(*_: object) -> None:
        raise UsageError("no cluster answers")

    display = Silent()
    with pytest.raises(UsageError, match="no cluster answers"):
        leading.lead(units, work, BRISK, display, engine)
    assert display.closed
    assert not Path(units[0].group.folder).exists()
    assert not Path(units[0].units[0].run.workspace).exists()
    store = SqliteStore(work.runs)
    assert (store.groups(), store.units()) == ([], [])
    store.close()


def test_a_workspace_that_cannot_be_made_queues_nothing(work: Bench) -> None:
    units = planned(work, 2)
    second = Path(units[0].units[1].run.workspace)
    second.parent.mkdir()
    second.write_text("")
    with pytest.raises(UsageError, match="File exists"):
        leading.lead(units, work, BRISK, Silent())
    store = SqliteStore(work.runs)
    assert (store.groups(), store.units()) == ([], [])
    store.close()


def test_an_unknown_group_is_told_and_the_display_is_closed(work: Bench) -> None:
    display = Silent()
    with pytest.raises(UnknownName):
        leading.go_on(["g7"], work, BRISK, display)
    assert display.closed


# ---------------------------------------------------------------- units of the dead


def dead_owner(store: SqliteStore) -> str:
    """The name of a killed process of this machine: its file is there, and nobody locks it."""
    owner = Owner(store.state)
    owner.close()
    (store.state / "owners" / owner.name).touch()
    return owner.name


def test_units_of_a_dead_process_are_led_to_their_end_here(work: Bench, store: SqliteStore) -> None:
    one, two = queued(work, store, 2)
    gone = dead_owner(store)
    assert store.claim(gone, 3600, one.unit_id) is not None
    leading.finish_units(store, work, [one.unit_id, two.unit_id])
    assert [(row.state, row.owner) for row in store.units()] == [("done", None)] * 2


def test_a_unit_of_a_living_process_is_left_to_it(work: Bench, store: SqliteStore) -> None:
    (unit,) = queued(work, store, 1)
    living = Owner(store.state)
    assert store.claim(living.name, 3600, unit.unit_id) is not None
    leading.finish_units(store, work, [unit.unit_id])
    assert (store.unit(unit.unit_id).state, store.unit(unit.unit_id).owner) == (
        "claimed",
        living.name,
    )
    living.close()


def test_a_store_that_fails_leaves_no_unit_to_a_process_that_has_gone(
    work: Bench, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (unit,) = queued(work, store, 1)
    move = store.move

    def moved(unit_id: str, owner: str, to: str, *rest: Any, **more: Any) -> None:
        if to == "running":
            raise StoreBusy("locked")
        move(unit_id, owner, to, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "move", moved)
    with pytest.raises(StoreBusy):
        leading.finish_units(store, work, [unit.unit_id])
    row = store.unit(unit.unit_id)
    assert (row.state, row.owner, row.lease_until) == ("starting", None, None)
    assert list((store.state / "owners").iterdir()) == []


def test_a_store_that_fails_to_its_end_is_told_and_others_see_that_this_process_is_gone(
    work: Bench, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (unit,) = queued(work, store, 1)

    def busy(*_: object, **more: object) -> None:
        raise StoreBusy("locked")

    def full(owner: str) -> int:
        raise StoreFull("no space")

    monkeypatch.setattr(store, "move", busy)
    monkeypatch.setattr(store, "release", full)
    with pytest.raises(StoreBusy, match="locked"):
        leading.finish_units(store, work, [unit.unit_id])
    assert owners.dead(store.state) == [store.unit(unit.unit_id).owner]


def test_nothing_to_finish_makes_no_owner(work: Bench, store: SqliteStore) -> None:
    leading.finish_units(store, work, [])
    assert not (store.state / "owners").exists()
