"""The store: each change is one transaction {state, owner, lease, event}, then lines in folders."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from swarm_host.disk import files
from swarm_host.errors import LeaseLost, ReadOnlyRuns, StoreBusy, StoreFull, UsageError
from swarm_host.records import Group, Handle, UnitResult, UnitRow, UnitSpec
from swarm_host.states import FINAL, LIVE, State, check_move
from swarm_host.store.database import Database, Journal, journal_for
from swarm_host.store.lines import Lines
from swarm_host.store.questions import Questions
from swarm_host.words import jsonio
from swarm_host.words.places import STATE_FOLDER

DATABASE = "store.sqlite"
_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))
# With the number of the attempt behind it, a name in every backend: a label of DNS has 63 characters.
_UNIT_ID, _LONGEST_ID = re.compile("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"), 56
_log = logging.getLogger("swarm_host")


def state_folder(runs: Path) -> Path:
    """Where store, owners and backends keep what is not a result; only its user may look inside.

    Raises ReadOnlyRuns when there cannot be one.
    """
    folder = runs / STATE_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ReadOnlyRuns(
            f"{runs} cannot be a folder of runs: {error.strerror or error}; name another one"
        ) from error
    return folder


def hold_open(state: Path, alone: bool = False) -> int:
    """A lock that is held as long as a store is open; `alone` only when nobody else has it open.

    Raises StoreBusy, ReadOnlyRuns. Returns a descriptor that holds the lock until it is closed.
    """
    try:
        handle = os.open(state / "open.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise ReadOnlyRuns(f"the store in {state} cannot be written: {error.strerror}") from error
    wish = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        fcntl.flock(handle, wish | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        what = "is open in another process; end it first" if alone else "is being made anew"
        raise StoreBusy(f"the store in {state} {what}") from error
    except OSError:
        # No locks on this file system: nothing is held, and nobody is kept out.
        return handle
    return handle


class SqliteStore(Questions):
    """See protocols.Store. One object per process; its methods may be called by any thread."""

    def __init__(
        self,
        runs: Path,
        clock: Callable[[], float] = time.time,
        busy_s: float = 10.0,
        journal_mode: Journal | None = None,
    ) -> None:
        """runs: the folder that holds all run groups; made when it is not there.

        journal_mode: None for `wal`, or `delete` on a file system that machines share: a shared memory
        of several machines does not exist. Raises StoreBusy, StoreFull, HostError, UsageError.
        """
        self.runs = runs.resolve()
        self.state = state_folder(self.runs)
        self._clock = clock
        self._open = hold_open(self.state)
        try:
            # One process at a time makes the tables and switches the journal.
            with files.locked(self.state / "prepare.lock"):
                wanted = journal_mode or journal_for(self.state)
                super().__init__(Database(self.state / DATABASE, busy_s, wanted))
        except BaseException:
            os.close(self._open)
            raise
        self._lines = Lines(self._database, self.events)
        self._lines.append_the_missing()

    # ------------------------------------------------------------ changes

    def add_group(self, group: Group, units: Sequence[UnitSpec]) -> None:
        """Folders first, then all rows at once. Raises UsageError when a name is taken, StoreFull when
        the folders cannot be written.
        """
        self._check_new(group, units)
        try:
            _write_specifications(group, units)
        except OSError as error:
            raise StoreFull(f"{group.folder} cannot be written: {error}") from error
        with self._database.change() as change:
            try:
                change.execute("INSERT INTO groups VALUES (?, ?)", group_values(group))
                for unit in units:
                    seq = self._event(change, unit.unit_id, "state", {"to": "queued"})
                    insert_unit(change, unit, self._clock(), seq)
            except sqlite3.IntegrityError as error:
                raise UsageError(
                    f"another process has just added group {group.group_id} or one of its units"
                ) from error
        self._lines.append({unit.unit_id: Path(unit.folder) for unit in units})

    def claim(self, owner: str, lease_s: float, unit_id: str | None = None) -> UnitRow | None:
        where, values = _one("state = 'queued'", unit_id)
        until = self._clock() + lease_s
        with self._database.change() as change:
            row = change.execute(
                "UPDATE units SET state = 'claimed', attempt = attempt + 1, owner = ?,"
                f" lease_until = ?, handle = NULL WHERE unit_id = ({where}) RETURNING *",
                (owner, until, *values),
            ).fetchone()
            if row is None:
                return None
            data = {"from": "queued", "to": "claimed", "owner": owner, "attempt": row["attempt"]}
            self._event(change, row["unit_id"], "state", data)
        self._lines.append({row["unit_id"]: Path(row["folder"])})
        return self.unit(row["unit_id"])

    def adopt(self, owner: str, lease_s: float, unit_id: str | None = None) -> UnitRow | None:
        where, values = _one(
            f"state IN ({_LIVE}) AND (coalesce(lease_until, 0) < ? OR owner = ?)", unit_id
        )
        now = self._clock()
        with self._database.change() as change:
            row = change.execute(
                f"UPDATE units SET owner = ?, lease_until = ? WHERE unit_id = ({where}) RETURNING *",
                (owner, now + lease_s, now, owner, *values),
            ).fetchone()
            if row is None:
                return None
            self._event(change, row["unit_id"], "adopt", {"owner": owner, "state": row["state"]})
        self._lines.append({row["unit_id"]: Path(row["folder"])})
        return self.unit(row["unit_id"])

    def renew(self, unit_id: str, owner: str, lease_s: float) -> None:
        with self._database.change() as change:
            self._owned(change, unit_id, owner)
            change.execute(
                "UPDATE units SET lease_until = ? WHERE unit_id = ?",
                (self._clock() + lease_s, unit_id),
            )

    def move(
        self,
        unit_id: str,
        owner: str,
        to: State,
        data: Mapping[str, object] | None = None,
        handle: Handle | None = None,
    ) -> None:
        with self._database.change() as change:
            row = self._owned(change, unit_id, owner)
            check_move(row["state"], to)
            said = {"from": row["state"], "to": to, **(data or {})}
            if handle is not None:
                said["handle"] = handle
            seq = self._event(change, unit_id, "state", said)
            change.execute(
                "UPDATE units SET state = ?, handle = coalesce(?, handle) WHERE unit_id = ?",
                (to, handle and jsonio.dumps(handle), unit_id),
            )
            if to == "queued":
                self._queue(change, unit_id, seq)
        self._lines.append({unit_id: Path(row["folder"])})

    def note(self, unit_id: str, owner: str, kind: str, data: Mapping[str, object]) -> None:
        with self._database.change() as change:
            row = self._owned(change, unit_id, owner)
            self._event(change, unit_id, kind, data)
        self._lines.append({unit_id: Path(row["folder"])})

    def finish(self, unit_id: str, owner: str, result: UnitResult) -> None:
        to: State = "cancelled" if result.outcome == "cancelled" else "done"
        with self._database.change() as change:
            row = self._owned(change, unit_id, owner)
            check_move(row["state"], to)
            text = jsonio.dumps(result)
            # Inside the transaction, which holds the lease: nobody else writes this file meanwhile.
            _write_result(Path(row["folder"]), result)
            change.execute(
                "UPDATE units SET state = ?, owner = NULL, lease_until = NULL, cancel = 0, result = ?"
                " WHERE unit_id = ?",
                (to, text, unit_id),
            )
            data: dict[str, object] = {"from": row["state"], "to": to, "outcome": result.outcome}
            data["message"] = result.message
            if result.attempts:
                # What a later attempt, by a user's wish, knows of this one.
                data["attempt_ended"] = result.attempts[-1]
            self._event(change, unit_id, "state", data)
        self._lines.append({unit_id: Path(row["folder"])})

    def release(self, owner: str) -> int:
        with self._database.change() as change:
            done = change.execute(
                "UPDATE units SET owner = NULL, lease_until = NULL WHERE owner = ?", (owner,)
            )
            return done.rowcount

    def ask_cancel(self, unit_id: str, reason: str = "") -> None:
        with self._database.change() as change:
            row = self._found(change, unit_id)
            if row["state"] in FINAL or (row["state"] in LIVE and row["cancel"]):
                return
            if row["state"] == "queued":
                data = {"from": "queued", "to": "cancelled", "reason": reason}
                self._event(change, unit_id, "state", data)
                change.execute(
                    "UPDATE units SET state = 'cancelled', cancel = 0 WHERE unit_id = ?", (unit_id,)
                )
            else:
                self._event(change, unit_id, "cancel", {"reason": reason})
                change.execute("UPDATE units SET cancel = 1 WHERE unit_id = ?", (unit_id,))
        self._lines.append({unit_id: Path(row["folder"])})

    def retry(self, unit_id: str) -> None:
        """Raises IllegalMove when the unit has not ended, UnknownName."""
        with self._database.change() as change:
            row = self._found(change, unit_id)
            check_move(row["state"], "queued")
            if row["state"] in LIVE:
                raise UsageError(f"{unit_id} is {row['state']}; cancel it before it is tried again")
            data = {
                "from": row["state"],
                "to": "queued",
                "reason": "a user asked for another attempt",
            }
            seq = self._event(change, unit_id, "state", data)
            change.execute(
                "UPDATE units SET state = 'queued', result = NULL WHERE unit_id = ?", (unit_id,)
            )
            self._queue(change, unit_id, seq)
        self._lines.append({unit_id: Path(row["folder"])})

    def amend(self, unit_id: str, result: UnitResult) -> None:
        """Another result in the place of one that is there. Raises UsageError without one, UnknownName."""
        with self._database.change() as change:
            row = self._found(change, unit_id)
            if row["result"] is None:
                raise UsageError(f"{unit_id} has no result; it is {row['state']}")
            _write_result(Path(row["folder"]), result)
            text = jsonio.dumps(result)
            change.execute("UPDATE units SET result = ? WHERE unit_id = ?", (text, unit_id))
            data = {"outcome": result.outcome, "message": result.message}
            self._event(change, unit_id, "regrade", data)
        self._lines.append({unit_id: Path(row["folder"])})

    def close(self) -> None:
        super().close()
        os.close(self._open)

    # ------------------------------------------------------------ inside

    def _check_new(self, group: Group, units: Sequence[UnitSpec]) -> None:
        names = [unit.unit_id for unit in units]
        if len(set(names)) < len(names):
            raise UsageError(f"group {group.group_id} has two units of one name")
        check_places(self.runs, group, units)
        if self._database.rows("SELECT 1 FROM groups WHERE group_id = ?", (group.group_id,)):
            raise UsageError(f"there is a group {group.group_id} already")
        for name in names:
            if self._database.rows("SELECT 1 FROM units WHERE unit_id = ?", (name,)):
                raise UsageError(f"there is a unit {name} already")

    def _found(self, change: sqlite3.Connection, unit_id: str) -> sqlite3.Row:
        row = change.execute("SELECT * FROM units WHERE unit_id = ?", (unit_id,)).fetchone()
        if row is None:
            raise self._unknown("unit", unit_id)
        return row

    def _owned(self, change: sqlite3.Connection, unit_id: str, owner: str) -> sqlite3.Row:
        """The row, when this owner still has it. A lease that is over but that nobody took still
        counts.
        """
        row = self._found(change, unit_id)
        if row["owner"] != owner or row["state"] not in LIVE:
            raise LeaseLost(f"{unit_id} belongs to {row['owner'] or 'nobody'} now, not to {owner}")
        return row

    def _queue(self, change: sqlite3.Connection, unit_id: str, seq: int) -> None:
        """Back into the queue, at its end. A wish to cancel it that came meanwhile is kept."""
        change.execute(
            "UPDATE units SET owner = NULL, lease_until = NULL, handle = NULL, queued = ?"
            " WHERE unit_id = ?",
            (seq, unit_id),
        )

    def _event(
        self, change: sqlite3.Connection, unit_id: str, kind: str, data: Mapping[str, object]
    ) -> int:
        """Its seq. The unit's row says when it last changed."""
        at = self._clock()
        change.execute("UPDATE units SET updated = ? WHERE unit_id = ?", (at, unit_id))
        done = change.execute(
            "INSERT INTO events (unit, kind, data, at) VALUES (?, ?, ?, ?)",
            (unit_id, kind, jsonio.dumps(data), at),
        )
        return int(done.lastrowid or 0)


def check_places(runs: Path, group: Group, units: Sequence[UnitSpec]) -> None:
    """Names that any backend takes, and folders that `reindex` finds. Raises UsageError."""
    if Path(group.folder).resolve().parent != runs:
        raise UsageError(f"the folder of a group lies in {runs}, not at {group.folder}")
    for unit in units:
        if not _UNIT_ID.fullmatch(unit.unit_id) or len(unit.unit_id) > _LONGEST_ID:
            raise UsageError(
                f"{unit.unit_id!r} is no name of a unit: lower-case letters, digits and hyphens, at "
                f"most {_LONGEST_ID}"
            )
        if unit.group != group.group_id or Path(unit.folder).parent != Path(group.folder):
            raise UsageError(f"{unit.unit_id} does not lie in the folder of its group")


def insert_unit(change: sqlite3.Connection, unit: UnitSpec, at: float, queued: int) -> None:
    """A row of a unit that waits. Raises sqlite3.IntegrityError."""
    change.execute(
        "INSERT INTO units (unit_id, group_id, folder, spec, state, attempt, cancel, updated, queued)"
        " VALUES (?, ?, ?, ?, 'queued', 0, 0, ?, ?)",
        (unit.unit_id, unit.group, unit.folder, jsonio.dumps(unit), at, queued),
    )


def _write_specifications(group: Group, units: Sequence[UnitSpec]) -> None:
    """group.json last: without it, a group that was half written is none."""
    for unit in units:
        folder = Path(unit.folder)
        folder.mkdir(parents=True, exist_ok=True)
        files.write_atomic(folder / "spec.json", jsonio.dumps(unit, indent=1), durable=False)
    Path(group.folder).mkdir(parents=True, exist_ok=True)
    files.write_atomic(Path(group.folder) / "group.json", jsonio.dumps(group, indent=1))


def _write_result(folder: Path, result: UnitResult) -> None:
    """Raises StoreFull."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_atomic(folder / "result.json", jsonio.dumps(result, indent=1))
    except OSError as error:
        raise StoreFull(f"{folder / 'result.json'} cannot be written: {error}") from error


def group_values(group: Group) -> tuple[str, str]:
    return group.group_id, jsonio.dumps(group)


def _one(condition: str, unit_id: str | None) -> tuple[str, tuple[object, ...]]:
    """A query for one unit that meets a condition: the one that waits longest, or this one."""
    query = f"SELECT unit_id FROM units WHERE {condition}"
    if unit_id is None:
        return f"{query} ORDER BY queued LIMIT 1", ()
    return f"{query} AND unit_id = ?", (unit_id,)
