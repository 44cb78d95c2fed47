"""The SQLite file: schema, transactions, and errors in our words."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from swarm_host.errors import StoreBusy, StoreFull, StoreUnusable

# Counted up with every change of the tables. An older file is rebuilt by `reindex`.
VERSION = 2
Journal = Literal["wal", "delete"]
# Others may write meanwhile, or nobody does: without locks and without a look at the journal.
ReadWay = Literal["mode=ro", "immutable=1"]
# How the kernel calls file systems of networks.
_SHARED = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "9p", "afs")
_TABLES = """
CREATE TABLE groups (
    group_id TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;
CREATE TABLE units (
    unit_id TEXT PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES groups,
    folder TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    owner TEXT,
    lease_until REAL,
    cancel INTEGER NOT NULL,
    handle TEXT,
    result TEXT,
    updated REAL NOT NULL,
    -- seq of the event that queued it: who waits longest is claimed first.
    queued INTEGER NOT NULL,
    -- seq of an event up to which all stand in its folder. Of live units it lags behind.
    appended INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX units_by_state ON units (state, queued);
CREATE INDEX units_by_group ON units (group_id);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX events_by_unit ON events (unit, seq);
"""


def journal_for(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> Journal:
    """`delete` on a file system that other machines may have mounted, else `wal`.

    mounts: the kernel's table; without one, `wal`.
    """
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return "wal"
    place, kind = Path(), ""
    for line in lines:
        _, point, found = line.split()[:3]
        # Blanks are written as \\040.
        here = Path(point.encode().decode("unicode_escape"))
        # Of two mounts at one place, the later one is seen.
        if folder.is_relative_to(here) and len(here.parts) >= len(place.parts):
            place, kind = here, found
    return "delete" if kind.startswith(_SHARED) else "wal"


class Database:
    """One connection, used by one thread at a time. `path` is made when it is not there, unless it is
    only read.
    """

    def __init__(
        self,
        path: Path,
        busy_s: float = 10.0,
        journal: Journal = "wal",
        only_read: ReadWay | None = None,
    ) -> None:
        """busy_s: how long to wait for other processes. only_read: a parameter of SQLite's URIs with
        which nothing is written. Raises StoreBusy, StoreFull, StoreUnusable,
        and with `only_read` sqlite3.OperationalError when the file cannot be read in this way.
        """
        self._lock = threading.RLock()
        self._busy_s = busy_s
        self._path = path
        with self._our_errors():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?{only_read}" if only_read else path,
                uri=only_read is not None,
                timeout=busy_s,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.row_factory = sqlite3.Row
            if only_read is None:
                self._prepare(journal)
            else:
                self._check_version(self._version())

    def _prepare(self, journal: Journal) -> None:
        """Tables in a new file; a refusal of a file that is not ours."""
        try:
            # A switch of the journal fails at once while others look, instead of waiting for them.
            if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != journal:
                self._connection.execute(f"PRAGMA journal_mode = {journal}")
            # A loss of power may cost the last events of the table, never those of the folders.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self.change() as connection:
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    for statement in _TABLES.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            self._connection.close()
            raise
        if found != 0:
            self._check_version(found)

    def _version(self) -> int:
        """Of a file that is only read."""
        try:
            return int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        except BaseException:
            self._connection.close()
            raise

    def _check_version(self, found: int) -> None:
        if found != VERSION:
            self._connection.close()
            raise StoreUnusable(
                f"{self._path} was written by another version of this project ({found}, here "
                f"{VERSION}); `reindex` makes it anew from the folders"
            )

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing. Raises StoreBusy, StoreFull."""
        with self._lock, self._our_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Raises StoreBusy."""
        with self._lock, self._our_errors():
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _our_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise StoreBusy(
                    f"{self._path} was locked for more than {self._busy_s:g} s; another process of "
                    "this project hangs in it"
                ) from error
            if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise StoreFull(
                    f"{self._path} cannot be written ({error}); free some disk"
                ) from error
            if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                raise StoreUnusable(
                    f"{self._path} is damaged ({error}); `reindex` makes it anew from the folders"
                ) from error
            raise
