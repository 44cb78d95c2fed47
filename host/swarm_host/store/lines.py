"""Lines of events that the store has committed, brought into the folders of units.

The store is ahead of the folders when a process dies between the two, or a disk is full: what is
missing is appended with the unit's next event, or by the next process that opens the store.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from swarm_host.errors import HostError, StoreBusy, StoreFull
from swarm_host.records import Event
from swarm_host.states import LIVE
from swarm_host.store import journal
from swarm_host.store.database import Database

_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))
_log = logging.getLogger("swarm_host")


class Lines:
    """events: the store's own question. It is asked with a seq, and the unit by name."""

    def __init__(self, database: Database, events: Callable[..., Sequence[Event]]) -> None:
        self._database = database
        self._events = events

    def append(self, folders: Mapping[str, Path]) -> None:
        """All that is missing in the folders of these units. A full disk or a lost folder costs the
        lines only.
        """
        appended = []
        for unit_id, folder in folders.items():
            try:
                last = journal.catch_up(folder, functools.partial(self._events, unit=unit_id))
                appended.append((last, unit_id))
            except (OSError, HostError) as error:
                _log.warning("%s: its events could not be appended yet: %s", unit_id, error)
        # Not worth a failure: the next process looks once more.
        with contextlib.suppress(StoreBusy, StoreFull), self._database.change() as change:
            # A live unit goes on, and its next event notices a gap.
            change.executemany(
                f"UPDATE units SET appended = ? WHERE unit_id = ? AND state NOT IN ({_LIVE})",
                appended,
            )

    def append_the_missing(self) -> None:
        """What a process committed that died before it could append it."""
        found = self._database.rows(
            "SELECT unit_id, folder FROM units"
            " WHERE appended < (SELECT max(seq) FROM events WHERE unit = unit_id)"
        )
        if found:
            self.append({row["unit_id"]: Path(row["folder"]) for row in found})
