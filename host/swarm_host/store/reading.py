"""The store of a folder of runs that cannot be written: another user's, or on a read-only disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from swarm_host.store.database import Database, ReadWay
from swarm_host.store.questions import Questions
from swarm_host.store.rebuild import from_folders
from swarm_host.store.sqlite import DATABASE
from swarm_host.words.places import STATE_FOLDER


def read_only(runs: Path) -> Questions:
    """Answers and writes nothing. Raises StoreBusy, HostError for a store of another version."""
    path = runs.resolve() / STATE_FOLDER / DATABASE
    for way in ways(path):
        try:
            return Questions(Database(path, only_read=way))
        # SQLite needs files beside its own to read a journal, and cannot make them here.
        except sqlite3.OperationalError:
            continue
    return from_folders(runs)


def ways(path: Path) -> tuple[ReadWay, ...]:
    """How the file may be read. What a journal still holds is missed without a look at it."""
    journals = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    if any(one.exists() and one.stat().st_size for one in journals):
        return ("mode=ro",)
    return ("mode=ro", "immutable=1")
