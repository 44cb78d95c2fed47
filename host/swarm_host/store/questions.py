"""What the store answers: rows of tables as records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from swarm_host.errors import UnknownName
from swarm_host.records import Event, Group, Handle, UnitResult, UnitRow, UnitSpec
from swarm_host.store.database import Database
from swarm_host.words import jsonio

_SHOWN_NAMES = 10


class Questions:
    """The reading half of protocols.Store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Specifications never change, results rarely: read again only when their text is another.
        self._specs: dict[str, UnitSpec] = {}
        self._results: dict[str, tuple[str, UnitResult]] = {}

    def unit(self, unit_id: str) -> UnitRow:
        found = self._database.rows("SELECT * FROM units WHERE unit_id = ?", (unit_id,))
        if not found:
            raise self._unknown("unit", unit_id)
        return self._row(found[0])

    def units(self, group: str | None = None) -> Sequence[UnitRow]:
        """In the order in which they were added."""
        query = "SELECT * FROM units WHERE group_id = coalesce(?, group_id) ORDER BY rowid"
        return [self._row(row) for row in self._database.rows(query, (group,))]

    def last_seq(self) -> int:
        """Of the newest event; it grows with every change. 0: nothing has happened yet."""
        return int(self._database.rows("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def group(self, group_id: str) -> Group:
        query = "SELECT document FROM groups WHERE group_id = ?"
        found = self._database.rows(query, (group_id,))
        if not found:
            raise self._unknown("group", group_id)
        return jsonio.loads(Group, found[0]["document"])

    def groups(self) -> Sequence[Group]:
        """In the order in which they were added."""
        found = self._database.rows("SELECT document FROM groups ORDER BY rowid")
        return [jsonio.loads(Group, row["document"]) for row in found]

    def events(
        self, after: int = 0, group: str | None = None, unit: str | None = None
    ) -> Sequence[Event]:
        query, values = "SELECT * FROM events WHERE seq > ?", [after, *filter(None, (unit, group))]
        if unit is not None:
            query += " AND unit = ?"
        if group is not None:
            query += " AND unit IN (SELECT unit_id FROM units WHERE group_id = ?)"
        found = self._database.rows(query + " ORDER BY seq", tuple(values))
        return [_event_of(row) for row in found]

    def close(self) -> None:
        self._database.close()

    def _unknown(self, what: str, name: str) -> UnknownName:
        table, column = ("units", "unit_id") if what == "unit" else ("groups", "group_id")
        query = f"SELECT {column} FROM {table} ORDER BY rowid DESC LIMIT {_SHOWN_NAMES}"
        names = [row[0] for row in self._database.rows(query)]
        there = f"the newest are {', '.join(names)}" if names else "there is none yet"
        return UnknownName(f"no {what} is called {name!r}; {there}")

    def _row(self, row: sqlite3.Row) -> UnitRow:
        handle = row["handle"]
        return UnitRow(
            spec=self._spec(row["unit_id"], row["spec"]),
            state=row["state"],
            attempt=row["attempt"],
            owner=row["owner"],
            lease_until=row["lease_until"],
            cancel=bool(row["cancel"]),
            handle=jsonio.loads(Handle, handle) if handle else None,
            result=self._result(row["unit_id"], row["result"]),
            updated=row["updated"],
        )

    def _spec(self, unit_id: str, text: str) -> UnitSpec:
        if unit_id not in self._specs:
            self._specs[unit_id] = jsonio.loads(UnitSpec, text)
        return self._specs[unit_id]

    def _result(self, unit_id: str, text: str | None) -> UnitResult | None:
        if text is None:
            return None
        known = self._results.get(unit_id)
        if known is None or known[0] != text:
            known = (text, jsonio.loads(UnitResult, text))
            self._results[unit_id] = known
        return known[1]


def _event_of(row: sqlite3.Row) -> Event:
    data: dict[str, Any] = json.loads(row["data"])
    return Event(row["seq"], row["unit"], row["kind"], data, row["at"])
