"""The store of a folder of runs that cannot be written: another user's, or on a read-only disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from swarm_host.errors import ReadOnlyRuns
from swarm_host.store.database import Database, ReadWay
from swarm_host.store.questions import Questions
from swarm_host.store.rebuild import from_folders
from swarm_host.store.sqlite import DATABASE
from swarm_host.words.places import STATE_FOLDER


def read_only(runs: Path) -> Questions:
    """Answers and writes nothing. A store that its user keeps to himself is made up from the folders.

    Raises StoreBusy, ReadOnlyRuns when these cannot be read either, HostError for a store of another
    version.
    """
    path = runs.resolve() / STATE_FOLDER / DATABASE
    for way in ways(path):
        try:
            return Questions(Database(path, only_read=way))
        # SQLite needs files beside its own to read a journal, and cannot make them here.
        except sqlite3.OperationalError:
            continue
    found = from_folders(runs)
    if not found.groups():
        found.close()
        raise ReadOnlyRuns(
            f"nothing in {runs} can be read: its store cannot be opened, and no folder of a group in it"
        )
    return found


def ways(path: Path) -> tuple[ReadWay, ...]:
    """How the file may be read. What a journal still holds is missed without a look at it."""
    journals = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    if any(_size(one) for one in journals):
        return ("mode=ro",)
    return ("mode=ro", "immutable=1")


def _size(path: Path) -> int:
    """In bytes; 0 also where nobody may look."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, PermissionError):
        return 0
