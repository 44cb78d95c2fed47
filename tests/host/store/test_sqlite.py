"""The store: claims, leases, moves, and what it says when something stands in its way."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from swarm_host.errors import (
    IllegalMove,
    LeaseLost,
    StoreBusy,
    StoreFull,
    StoreUnusable,
    UnknownName,
    UsageError,
)
from swarm_host.records import Handle, UnitResult, UnitSpec
from swarm_host.store import journal
from swarm_host.store.database import journal_for
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words import jsonio

from tests.host.made import Clock, a_group, a_result, a_unit

HANDLE = Handle("fake", "g1-u1-1", "77")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path, clock)
    store.add_group(a_group(tmp_path), [a_unit(tmp_path, 1), a_unit(tmp_path, 2)])
    yield store
    store.close()


def live(store: SqliteStore, state: str = "running") -> None:
    """The first unit as far as this state, owned by `me`."""
    store.claim("me", 60)
    for step in ("starting", "running", "collecting", "grading"):
        if store.unit("g1-u1").state == state:
            return
        store.move("g1-u1", "me", step)  # type: ignore[arg-type]


def test_the_oldest_is_claimed_first(store: SqliteStore) -> None:
    rows = [store.claim("me", 60) for _ in range(3)]
    assert [row and row.spec.unit_id for row in rows] == ["g1-u1", "g1-u2", None]


def test_a_claim_counts_the_attempt_and_says_who(store: SqliteStore, clock: Clock) -> None:
    row = store.claim("me", 60, "g1-u2")
    assert row is not None
    assert (row.attempt, row.owner, row.lease_until) == (1, "me", clock.now + 60)
    assert store.claim("you", 60, "g1-u2") is None


def test_a_live_unit_is_adopted_only_when_its_lease_is_over(
    store: SqliteStore, clock: Clock
) -> None:
    live(store)
    clock.now += 59
    assert store.adopt("you", 60) is None
    clock.now += 2
    row = store.adopt("you", 60)
    assert row is not None
    assert (row.spec.unit_id, row.state, row.owner, row.attempt) == ("g1-u1", "running", "you", 1)


def test_a_renewed_lease_keeps_others_away(store: SqliteStore, clock: Clock) -> None:
    live(store)
    clock.now += 50
    store.renew("g1-u1", "me", 60)
    clock.now += 50
    assert store.adopt("you", 60) is None


def test_an_owner_that_let_go_is_followed_at_once(store: SqliteStore) -> None:
    live(store)
    assert store.release("me") == 1
    assert store.adopt("you", 60, "g1-u1") is not None


def test_who_lost_the_lease_changes_nothing(store: SqliteStore, clock: Clock) -> None:
    live(store)
    clock.now += 61
    store.adopt("you", 60)
    before = store.unit("g1-u1")
    for change in (
        lambda: store.renew("g1-u1", "me", 60),
        lambda: store.move("g1-u1", "me", "collecting"),
        lambda: store.note("g1-u1", "me", "stop", {}),
        lambda: store.finish("g1-u1", "me", a_result("g1-u1")),
    ):
        with pytest.raises(LeaseLost, match="belongs to you"):
            change()
    assert store.unit("g1-u1") == before
    assert not (Path(before.spec.folder) / "result.json").exists()


def test_a_lease_that_is_over_but_not_taken_still_counts(store: SqliteStore, clock: Clock) -> None:
    live(store)
    clock.now += 3600
    store.move("g1-u1", "me", "collecting")
    assert store.unit("g1-u1").state == "collecting"


def test_a_move_that_the_table_lacks_is_refused_whole(store: SqliteStore) -> None:
    live(store)
    events = store.events()
    with pytest.raises(IllegalMove):
        store.move("g1-u1", "me", "grading")
    assert store.events() == events


def test_a_result_lies_in_the_folder_and_in_the_store(store: SqliteStore) -> None:
    live(store, "grading")
    store.finish("g1-u1", "me", a_result("g1-u1"))
    row = store.unit("g1-u1")
    text = (Path(row.spec.folder) / "result.json").read_text()
    assert row.result == a_result("g1-u1") == jsonio.loads(UnitResult, text)
    assert (row.state, row.owner, row.lease_until) == ("done", None, None)


def test_a_specification_lies_in_the_folder(store: SqliteStore) -> None:
    spec = store.unit("g1-u1").spec
    assert jsonio.loads(UnitSpec, (Path(spec.folder) / "spec.json").read_text()) == spec


def test_a_queued_unit_is_cancelled_at_once_and_a_live_one_is_told(store: SqliteStore) -> None:
    live(store)
    store.ask_cancel("g1-u1", "too slow")
    store.ask_cancel("g1-u2", "not needed")
    assert [(row.state, row.cancel) for row in store.units()] == [
        ("running", True),
        ("cancelled", False),
    ]
    assert store.events(unit="g1-u2")[-1].data["reason"] == "not needed"


def test_to_cancel_twice_or_too_late_is_nothing(store: SqliteStore) -> None:
    live(store)
    store.ask_cancel("g1-u1")
    store.ask_cancel("g1-u2")
    events = store.events()
    store.ask_cancel("g1-u1")
    store.ask_cancel("g1-u2")
    assert store.events() == events


def test_a_cancelled_unit_has_no_flag_any_more(store: SqliteStore) -> None:
    live(store, "collecting")
    store.ask_cancel("g1-u1")
    store.finish("g1-u1", "me", a_result("g1-u1", outcome="cancelled"))
    row = store.unit("g1-u1")
    assert (row.state, row.cancel) == ("cancelled", False)


def test_a_retry_waits_behind_the_others(store: SqliteStore) -> None:
    live(store)
    store.finish("g1-u1", "me", a_result("g1-u1", outcome="lost"))
    store.retry("g1-u1")
    assert store.unit("g1-u1").result is None
    rows = [store.claim("me", 60) for _ in range(2)]
    assert [row and (row.spec.unit_id, row.attempt) for row in rows] == [("g1-u2", 1), ("g1-u1", 2)]


def test_a_live_unit_is_not_tried_again(store: SqliteStore) -> None:
    live(store)
    with pytest.raises(UsageError, match="cancel it"):
        store.retry("g1-u1")
    with pytest.raises(IllegalMove):
        store.retry("g1-u2")


def test_a_unit_that_goes_back_loses_owner_and_handle(store: SqliteStore) -> None:
    live(store, "starting")
    store.move("g1-u1", "me", "running", handle=HANDLE)
    assert store.unit("g1-u1").handle == HANDLE
    store.move("g1-u1", "me", "queued", {"outcome": "daemon_lost"})
    row = store.unit("g1-u1")
    assert (row.state, row.owner, row.handle, row.attempt) == ("queued", None, None, 1)


def test_names_that_are_not_there_are_told_with_those_that_are(store: SqliteStore) -> None:
    for ask in (store.unit, store.ask_cancel, store.retry):
        with pytest.raises(UnknownName, match="g1-u2, g1-u1"):
            ask("u7")
    with pytest.raises(UnknownName, match="g1"):
        store.group("g7")


def test_names_are_taken_once(store: SqliteStore, tmp_path: Path) -> None:
    for group, units in (
        (a_group(tmp_path), []),
        (a_group(tmp_path, "g2"), [a_unit(tmp_path, 1)]),
        (a_group(tmp_path, "g2"), [a_unit(tmp_path, 1, "g2"), a_unit(tmp_path, 1, "g2")]),
    ):
        with pytest.raises(UsageError):
            store.add_group(group, units)
    assert [group.group_id for group in store.groups()] == ["g1"]


def test_two_groups_of_one_second_do_not_mix(store: SqliteStore, tmp_path: Path) -> None:
    store.add_group(a_group(tmp_path, "g2"), [a_unit(tmp_path, 1, "g2")])
    assert [row.spec.unit_id for row in store.units("g1")] == ["g1-u1", "g1-u2"]
    assert [row.spec.unit_id for row in store.units("g2")] == ["g2-u1"]
    assert {event.unit for event in store.events(group="g2")} == {"g2-u1"}


def test_events_stand_in_the_folder_as_in_the_store(store: SqliteStore) -> None:
    live(store)
    store.note("g1-u1", "me", "stop", {"reason": "limit"})
    store.finish("g1-u1", "me", a_result("g1-u1"))
    folder = Path(store.unit("g1-u1").spec.folder)
    assert list(journal.read(folder)) == store.events(unit="g1-u1")


def test_events_after_a_number_are_the_new_ones(store: SqliteStore) -> None:
    last = store.events()[-1].seq
    live(store, "starting")
    assert [event.data["to"] for event in store.events(after=last)] == ["claimed", "starting"]


def test_a_torn_last_line_costs_that_line_only(store: SqliteStore) -> None:
    live(store)
    folder = Path(store.unit("g1-u1").spec.folder)
    path = folder / journal.NAME
    path.write_bytes(path.read_bytes()[:-9])
    assert list(journal.read(folder)) == store.events(unit="g1-u1")[:-1]
    store.move("g1-u1", "me", "collecting")
    assert list(journal.read(folder)) == store.events(unit="g1-u1")


def test_a_folder_that_cannot_be_written_costs_lines_that_come_later(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    live(store)
    folder = Path(store.unit("g1-u1").spec.folder)
    away = folder.rename(folder.with_name("away"))
    store.move("g1-u1", "me", "collecting")
    assert "could not be appended" in caplog.text
    away.rename(folder)
    store.move("g1-u1", "me", "grading")
    assert list(journal.read(folder)) == store.events(unit="g1-u1")


def test_lines_that_a_dead_process_committed_are_appended_by_the_next(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store)
    with monkeypatch.context() as patch:
        # Killed right after its commits.
        patch.setattr(store._lines, "append", lambda folders: None)
        store.finish("g1-u1", "me", a_result("g1-u1"))
        store.ask_cancel("g1-u2")
        store.add_group(a_group(tmp_path, "g2"), [a_unit(tmp_path, 1, "g2")])
    later = SqliteStore(tmp_path)
    for row in later.units():
        assert list(journal.read(Path(row.spec.folder))) == later.events(unit=row.spec.unit_id)
    later.close()
    with monkeypatch.context() as patch:
        # What is known to stand there is not looked at again.
        patch.setattr(journal, "catch_up", pytest.fail)
        SqliteStore(tmp_path).close()


def test_only_its_user_looks_into_the_state_folder(store: SqliteStore, tmp_path: Path) -> None:
    assert (tmp_path / ".swarm").stat().st_mode & 0o777 == 0o700


def test_a_store_that_is_locked_for_long_says_so(tmp_path: Path) -> None:
    patient = SqliteStore(tmp_path, Clock(), busy_s=0.05)
    other = sqlite3.connect(tmp_path / ".swarm" / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="locked for more than 0.05 s"):
        patient.add_group(a_group(tmp_path), [a_unit(tmp_path)])
    assert patient.units() == []
    other.execute("ROLLBACK")
    other.close()
    patient.close()


def test_a_full_disk_loses_nothing_that_was_told(store: SqliteStore) -> None:
    live(store)
    before = store.units(), store.events()
    pages = store._database.rows("PRAGMA page_count")[0][0]
    store._database.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="free some disk"):
        store.note("g1-u1", "me", "stop", {"reason": "x" * 100_000})
    assert (store.units(), store.events()) == before
    store.move("g1-u1", "me", "collecting")
    assert store.unit("g1-u1").state == "collecting"


def test_a_damaged_file_is_told_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / ".swarm").mkdir()
    (tmp_path / ".swarm" / "store.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnusable, match="reindex"):
        SqliteStore(tmp_path)


def test_a_file_of_another_version_is_told_with_its_cure(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    other = sqlite3.connect(tmp_path / ".swarm" / "store.sqlite")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StoreUnusable, match="another version.*reindex"):
        SqliteStore(tmp_path)


@pytest.mark.parametrize(
    "unit",
    [
        {"unit_id": "Upper"},
        {"unit_id": "a_b"},
        {"unit_id": "../x"},
        {"unit_id": "-x"},
        {"unit_id": ""},
        {"unit_id": "x" * 57},
        {"group": "g3"},
        {"folder": "/elsewhere/toy_1"},
    ],
)
def test_names_and_places_that_no_backend_or_reindex_finds_are_refused(
    store: SqliteStore, tmp_path: Path, unit: dict[str, str]
) -> None:
    bad = dataclasses.replace(a_unit(tmp_path, 1, "g2"), **unit)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        store.add_group(a_group(tmp_path, "g2"), [bad])
    assert not Path(a_group(tmp_path, "g2").folder).exists()


def test_a_group_lies_in_the_folder_of_runs(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the folder of a group lies in"):
        store.add_group(a_group(tmp_path / "elsewhere", "g2"), [])


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(UsageError, match="name another one"):
        SqliteStore(tmp_path / "runs")


def test_a_group_whose_folders_cannot_be_written_is_not_added(
    store: SqliteStore, tmp_path: Path
) -> None:
    units = [a_unit(tmp_path, 1, "g2"), a_unit(tmp_path, 2, "g2")]
    Path(units[1].folder).parent.mkdir()
    Path(units[1].folder).write_text("in the way")
    with pytest.raises(StoreFull, match="cannot be written"):
        store.add_group(a_group(tmp_path, "g2"), units)
    assert [group.group_id for group in store.groups()] == ["g1"]
    Path(units[1].folder).unlink()
    store.add_group(a_group(tmp_path, "g2"), units)
    assert len(store.units("g2")) == 2


def test_a_death_between_result_and_move_loses_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, "grading")
    with monkeypatch.context() as patch:

        def dies(*_: object) -> int:
            raise KeyboardInterrupt

        patch.setattr(store, "_event", dies)
        with pytest.raises(KeyboardInterrupt):
            store.finish("g1-u1", "me", a_result("g1-u1", message="first"))
    row = store.unit("g1-u1")
    assert (row.state, row.result) == ("grading", None)
    store.finish("g1-u1", "me", a_result("g1-u1", message="second"))
    row = store.unit("g1-u1")
    assert row.result is not None
    text = (Path(row.spec.folder) / "result.json").read_text()
    assert jsonio.loads(UnitResult, text).message == row.result.message == "second"


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/fast xfs rw 0 0
server:/two /with\\040blank lustre rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "mode"),
    [
        ("/srv/runs", "wal"),
        ("/home/me/runs", "delete"),
        ("/home/fast/runs", "wal"),
        ("/homes/runs", "wal"),
        ("/with blank/runs", "delete"),
    ],
)
def test_on_a_file_system_of_several_machines_there_is_no_shared_memory(
    tmp_path: Path, folder: str, mode: str
) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert journal_for(Path(folder), tmp_path / "mounts") == mode
    assert journal_for(Path(folder), tmp_path / "none") == "wal"


def test_two_stores_claim_once_without_shared_memory_too(tmp_path: Path) -> None:
    SqliteStore(tmp_path, journal_mode="delete").close()
    assert not list((tmp_path / ".swarm").glob("*-wal"))
    store = SqliteStore(tmp_path, journal_mode="delete")
    store.add_group(a_group(tmp_path), [a_unit(tmp_path, number) for number in range(3)])
    other = SqliteStore(tmp_path, journal_mode="delete")
    claimed = [one.claim("x", 60) for one in (store, other, store, other)]
    assert [row and row.spec.unit_id for row in claimed] == ["g1-u0", "g1-u1", "g1-u2", None]
    other.close()
    store.close()


CLAIMER = """
import sys
from pathlib import Path
from swarm_host.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
while row := store.claim(sys.argv[2], 60):
    print(row.spec.unit_id)
store.close()
"""


def test_four_processes_claim_each_unit_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.add_group(a_group(tmp_path), [a_unit(tmp_path, number) for number in range(60)])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, tmp_path, f"p{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(4)
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("\n")
        claimer.stdin.flush()
    claimed = Counter(line for claimer in claimers for line in claimer.communicate()[0].split())
    assert claimed == Counter({f"g1-u{number}": 1 for number in range(60)})
    store.close()
