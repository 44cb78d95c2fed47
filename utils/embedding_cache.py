"""Vectors on disk, by digest, in one SQLite file. Whatever is wrong with the file costs time, never
an answer.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds that another process's write is waited for.
_PATIENCE_S = 2.0
# None of our files, a torn one, or one with another table of this name. All else (locked, full,
# read-only) passes.
_BROKEN = frozenset(
    {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}
)
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
_READ = "SELECT vector FROM vectors WHERE key = ?"
_WRITE = "INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)"


class VectorCache:
    """The file is opened for each call, so that several processes may share it and one that is gone
    is made anew.

    A broken or foreign file is moved aside (`<name>.broken`). Where the place cannot be used, reads
    find nothing and writes are dropped. Each is said once. Nothing is raised. Not to be shared by
    threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: set[str] = set()

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What is there of these keys."""

        def read(database: sqlite3.Connection) -> dict[bytes, bytes]:
            rows = ((key, database.execute(_READ, (key,)).fetchone()) for key in keys)
            return {
                key: row[0] for key, row in rows if row is not None and isinstance(row[0], bytes)
            }

        return self._try(read) or {}

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        """Adds or replaces them, all or none."""

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(_WRITE, vectors.items())

        self._try(write)

    def _try(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """None where the file cannot be used. A broken one is moved aside, and the action is tried
        on a new one.
        """
        try:
            try:
                return self._run(action)
            except sqlite3.DatabaseError as error:
                if _code(error) not in _BROKEN:
                    raise
                self._move_aside(error)
                return self._run(action)
        except (OSError, sqlite3.Error) as error:
            self._say("works without", error)
            return None

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=_PATIENCE_S)) as database:
            # Not waiting for the disk: a file that a power failure tears is one more broken file.
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_TABLE)
            return action(database)

    def _move_aside(self, error: Exception) -> None:
        self._say("is begun anew", error)
        self._path.replace(self._path.with_name(f"{self._path.name}.broken"))
        # A torn file's journal would be applied to the new one.
        self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)

    def _say(self, what: str, error: Exception) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.warning("cache of embeddings %s: %s (%s)", what, error, self._path)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code; 0 for an error of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
