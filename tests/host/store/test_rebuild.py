"""The store made anew from folders is the store that was, whatever life its units had."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from swarm_host.errors import HostError, StoreBusy
from swarm_host.records import Ending, Event, Handle, UnitRow
from swarm_host.states import MOVES
from swarm_host.store import journal
from swarm_host.store.rebuild import FoundUnit, numbered, reindex
from swarm_host.store.sqlite import SqliteStore

from tests.host.made import Clock, a_group, a_result, a_unit

OWNERS = ("me", "you")
UNITS = ("g1-u1", "g1-u2", "g2-u1")


def made_store(runs: Path, clock: Clock) -> SqliteStore:
    store = SqliteStore(runs, clock)
    # The older group has the later name: the order of adding is kept, not that of names.
    store.add_group(a_group(runs, "g2"), [a_unit(runs, 1, "g2")])
    store.add_group(a_group(runs, "g1"), [a_unit(runs, 1), a_unit(runs, 2)])
    return store


def step(store: SqliteStore, clock: Clock, dice: random.Random) -> None:
    """One change that a life may bring, or one that the store refuses."""
    clock.now += dice.choice([0.0, 0.5, 40.0])
    unit, owner = dice.choice(UNITS), dice.choice(OWNERS)
    row = store.unit(unit)
    words = ["claim", "adopt", "move", "move", "note", "finish", "cancel", "retry", "amend"]
    what = dice.choice(words)
    if what == "claim":
        store.claim(owner, 60, dice.choice([unit, None]))
    elif what == "adopt":
        store.adopt(owner, 60, dice.choice([unit, None]))
    elif what == "move":
        to = dice.choice(sorted(MOVES[row.state] - {"claimed", "done", "cancelled"}) or ["queued"])
        handle = Handle("fake", f"{unit}-{row.attempt}", str(dice.random()))
        given_handle = dice.choice([None, handle])
        data = {"ending": Ending(0, "exit", 1.0, None)} if to == "collecting" else None
        store.move(unit, owner, to, data, given_handle)  # type: ignore[arg-type]
    elif what == "note":
        store.note(unit, owner, "left_out", {"files": ["a\n\u2028b", dice.random()]})
    elif what == "finish":
        outcome = dice.choice(["ok", "oom", "lost", "cancelled"])
        store.finish(unit, owner, a_result(unit, outcome=outcome, message=f"{dice.random()}"))
    elif what == "cancel":
        store.ask_cancel(unit, "why not")
    elif what == "amend":
        store.amend(unit, a_result(unit, outcome="ok", message=f"amended {dice.random()}"))
    else:
        store.retry(unit)


def all_of(store: SqliteStore) -> tuple[Any, ...]:
    return store.groups(), [unowned(row) for row in store.units()], store.events()


def unowned(row: UnitRow) -> UnitRow:
    """Nobody follows a unit while the store is made anew."""
    return dataclasses.replace(row, owner=None, lease_until=None)


@settings(max_examples=60, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 60))
def test_any_life_is_rebuilt(seed: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs, clock, dice = Path(folder).resolve(), Clock(), random.Random(seed)
        store = made_store(runs, clock)
        for _ in range(steps):
            try:
                step(store, clock, dice)
            except HostError:
                continue
        before = all_of(store)
        store.close()
        rebuilt = reindex(runs, clock)
        assert all_of(rebuilt) == before
        assert {row.owner for row in rebuilt.units()} == {None}
        rebuilt.close()


def lived(runs: Path) -> SqliteStore:
    """One unit is done, one runs, one waits."""
    store = made_store(runs, Clock())
    store.claim("me", 60, "g1-u1")
    store.finish("g1-u1", "me", a_result("g1-u1"))
    store.claim("me", 60, "g1-u2")
    store.move("g1-u2", "me", "starting")
    store.move("g1-u2", "me", "running", handle=Handle("fake", "g1-u2-1", "1"))
    return store


def test_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    lived(tmp_path).close()
    store = reindex(tmp_path, Clock())
    last = store.events()[-1].seq
    row = store.adopt("you", 60)
    assert row is not None
    assert (row.spec.unit_id, row.state, row.handle) == (
        "g1-u2",
        "running",
        Handle("fake", "g1-u2-1", "1"),
    )
    assert store.events()[-1].seq == last + 1
    assert store.claim("you", 60).spec.unit_id == "g2-u1"  # type: ignore[union-attr]
    store.close()


def test_no_database_and_a_damaged_one_are_both_made_anew(tmp_path: Path) -> None:
    store = lived(tmp_path)
    before = all_of(store)
    store.close()
    path = tmp_path / ".swarm" / "store.sqlite"
    path.write_bytes(b"nothing" * 1000)
    reindex(tmp_path, Clock()).close()
    path.unlink()
    rebuilt = reindex(tmp_path, Clock())
    assert all_of(rebuilt) == before
    rebuilt.close()


def test_folders_that_were_moved_are_found_where_they_are(tmp_path: Path) -> None:
    lived(tmp_path / "old").close()
    (tmp_path / "old").rename(tmp_path / "new")
    store = reindex(tmp_path / "new", Clock())
    assert Path(store.unit("g1-u1").spec.folder).is_relative_to(tmp_path / "new")
    assert Path(store.group("g1").folder).is_relative_to(tmp_path / "new")
    store.close()


def test_a_store_that_is_open_is_left_alone(tmp_path: Path) -> None:
    store = lived(tmp_path)
    with pytest.raises(StoreBusy, match="open in another process"):
        reindex(tmp_path)
    assert store.unit("g1-u1").state == "done"
    store.close()


def test_what_cannot_be_read_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    store = lived(tmp_path)
    folders = [Path(row.spec.folder) for row in store.units()]
    store.close()
    (folders[0] / "spec.json").write_text("{")
    (folders[1] / "result.json").write_text("[]")
    said: list[str] = []
    rebuilt = reindex(tmp_path, Clock(), said.append)
    assert [row.spec.unit_id for row in rebuilt.units()] == ["g1-u1", "g1-u2"]
    assert (rebuilt.unit("g1-u1").state, rebuilt.unit("g1-u1").result) == ("done", None)
    assert len(said) == 2
    assert {Path(text.split(": ")[1]).name for text in said} == {"spec.json", "result.json"}
    rebuilt.close()


def test_a_unit_that_was_never_queued_is_no_unit(tmp_path: Path) -> None:
    store = lived(tmp_path)
    folder = Path(store.unit("g2-u1").spec.folder)
    store.close()
    (folder / journal.NAME).unlink()
    rebuilt = reindex(tmp_path, Clock())
    assert "g2-u1" not in [row.spec.unit_id for row in rebuilt.units()]
    rebuilt.close()


def test_a_result_without_its_move_is_none_yet(tmp_path: Path) -> None:
    store = lived(tmp_path)
    folder = Path(store.unit("g1-u2").spec.folder)
    done = Path(store.unit("g1-u1").spec.folder) / "result.json"
    (folder / "result.json").write_text(done.read_text())
    store.close()
    rebuilt = reindex(tmp_path, Clock())
    assert (rebuilt.unit("g1-u2").state, rebuilt.unit("g1-u2").result) == ("running", None)
    rebuilt.close()


def found(tmp_path: Path, number: int, seqs: Sequence[int]) -> FoundUnit:
    spec = a_unit(tmp_path, number)
    events = [Event(seq, spec.unit_id, "state", {"to": "queued"}, float(seq)) for seq in seqs]
    return FoundUnit(spec, tuple(events), None)


def test_a_number_that_two_units_claim_is_given_once(tmp_path: Path) -> None:
    events = numbered([[found(tmp_path, 1, [1, 3]), found(tmp_path, 2, [2, 3])]])
    assert sorted(event.seq for event in events) == [1, 2, 3, 4]
    assert sorted(event.unit for event in events) == ["g1-u1", "g1-u1", "g1-u2", "g1-u2"]
