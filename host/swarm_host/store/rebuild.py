"""The store, made anew from nothing but the folders of groups and units."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swarm_host.errors import SpecError
from swarm_host.records import Event, Group, UnitResult, UnitSpec
from swarm_host.states import FINAL
from swarm_host.store import journal
from swarm_host.store.database import Database
from swarm_host.store.questions import Questions
from swarm_host.store.sqlite import (
    DATABASE,
    SqliteStore,
    group_values,
    hold_open,
    insert_unit,
    state_folder,
)
from swarm_host.words import jsonio


def reindex(
    runs: Path,
    clock: Callable[[], float] = time.time,
    say: Callable[[str], None] = lambda text: None,
) -> SqliteStore:
    """A store of what the folders below `runs` hold; it takes the place of the one that was there.

    Nobody owns a unit in it: live ones are adopted by the next manager. say: is told of every file
    that cannot be read. Raises StoreBusy when another process has the store open, and leaves that
    store as it is.
    """
    state = state_folder(runs.resolve())
    handle = hold_open(state, alone=True)
    try:
        new = state / f"{DATABASE}.new"
        new.unlink(missing_ok=True)
        database = Database(new, journal="delete")
        try:
            _fill(database, list(_groups(runs.resolve(), say)), clock)
        finally:
            database.close()
        for ending in ("-wal", "-shm"):
            (state / f"{DATABASE}{ending}").unlink(missing_ok=True)
        new.replace(state / DATABASE)
    finally:
        os.close(handle)
    return SqliteStore(runs, clock)


def from_folders(runs: Path, clock: Callable[[], float] = time.time) -> Questions:
    """What the folders below `runs` hold, in memory: nothing is written."""
    database = Database(Path(":memory:"))
    _fill(database, list(_groups(runs.resolve(), lambda text: None)), clock)
    return Questions(database)


# ---------------------------------------------------------------- from folders


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit as its folder tells of it. events: oldest first, at least one."""

    spec: UnitSpec
    events: tuple[Event, ...]
    result: UnitResult | None


@dataclass(frozen=True, slots=True)
class FoundGroup:
    group: Group
    units: tuple[FoundUnit, ...]

    @property
    def first(self) -> tuple[float, float]:
        """By what groups are put into the order in which they were added."""
        seqs = [unit.events[0].seq for unit in self.units]
        return (min(seqs, default=float("inf")), self.group.created)


def _groups(runs: Path, say: Callable[[str], None]) -> Iterator[FoundGroup]:
    for path in sorted(runs.glob("*/group.json")):
        group = _read(Group, path, say)
        if group is not None:
            units = tuple(_units(path.parent, say))
            yield FoundGroup(replace(group, folder=str(path.parent)), units)


def _units(folder: Path, say: Callable[[str], None]) -> Iterator[FoundUnit]:
    for path in sorted(folder.glob("*/spec.json")):
        spec = _read(UnitSpec, path, say)
        try:
            events = tuple(journal.read(path.parent))
        except OSError:
            events = ()
        # Without events it was never queued: the process that was adding it died.
        if spec is None or not events:
            continue
        result = None
        if is_ended_with_result(events):
            result = _read(UnitResult, path.parent / "result.json", say)
        yield FoundUnit(replace(spec, folder=str(path.parent)), events, result)


def _read(kind: type[Any], path: Path, say: Callable[[str], None]) -> Any:
    try:
        return jsonio.loads(kind, path.read_bytes(), str(path))
    except (OSError, SpecError) as error:
        say(f"left out: {error}")
        return None


def is_ended_with_result(events: Iterable[Event]) -> bool:
    """The last state is final and was reached with a result. A unit that was cancelled in the queue
    has none.
    """
    last = [event.data for event in events if event.kind == "state"][-1:]
    return bool(last) and last[0].get("to") in FINAL and "outcome" in last[0]


# ---------------------------------------------------------------- into tables


def standing(events: Iterable[Event]) -> dict[str, object]:
    """The columns of a unit that follow from its events."""
    columns: dict[str, object] = {"attempt": 0, "cancel": 0, "handle": None}
    for event in events:
        columns["updated"] = event.at
        if event.kind == "cancel":
            columns["cancel"] = 1
        if event.kind == "state":
            columns.update(_after_move(event))
    return columns


def _after_move(event: Event) -> dict[str, object]:
    to, data = event.data.get("to"), event.data
    columns: dict[str, object] = {"state": to}
    if data.get("handle") is not None:
        columns["handle"] = jsonio.dumps(data["handle"])
    if to == "queued":
        columns |= {"handle": None, "queued": event.seq}
    if to == "claimed":
        columns |= {"handle": None, "attempt": data["attempt"]}
    if to in FINAL:
        columns["cancel"] = 0
    return columns


def _fill(database: Database, groups: list[FoundGroup], clock: Callable[[], float]) -> None:
    ordered = sorted(groups, key=lambda found: found.first)
    with database.change() as change:
        for found in ordered:
            change.execute("INSERT INTO groups VALUES (?, ?)", group_values(found.group))
            for unit in sorted(found.units, key=lambda unit: unit.events[0].seq):
                insert_unit(change, unit.spec, clock(), unit.events[0].seq)
                columns = standing(unit.events)
                columns["result"] = jsonio.dumps(unit.result) if unit.result else None
                names = ", ".join(f"{name} = ?" for name in columns)
                change.execute(
                    f"UPDATE units SET {names} WHERE unit_id = ?",
                    (*columns.values(), unit.spec.unit_id),
                )
        for event in numbered(found.units for found in ordered):
            change.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                (event.seq, event.unit, event.kind, jsonio.dumps(event.data), event.at),
            )


def numbered(groups: Iterable[Iterable[FoundUnit]]) -> list[Event]:
    """All events by their number. One that two units claim, after a loss of power, goes to the end
    with a new one.
    """
    events = [event for units in groups for unit in units for event in unit.events]
    events.sort(key=lambda event: (event.seq, event.at))
    known: Mapping[int, Event] = {event.seq: event for event in reversed(events)}
    late = [event for event in events if known[event.seq] is not event]
    last = events[-1].seq if events else 0
    moved = [replace(event, seq=last + place) for place, event in enumerate(late, start=1)]
    return [*known.values(), *moved]
