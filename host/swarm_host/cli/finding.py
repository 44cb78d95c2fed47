"""Units and groups by what users type: names, beginnings of names, folders, `last`."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from swarm_host.errors import ReadOnlyRuns, UnknownName, UsageError
from swarm_host.records import Group, UnitRow
from swarm_host.store.questions import Questions
from swarm_host.store.reading import read_only
from swarm_host.store.sqlite import DATABASE, SqliteStore
from swarm_host.words.names import nearest
from swarm_host.words.places import STATE_FOLDER, runs_folder

LAST = "last"
_SHOWN = 10


@contextlib.contextmanager
def opened(options: Namespace, environ: Mapping[str, str]) -> Iterator[SqliteStore]:
    """The store of the folder of runs, which must be there. Raises UsageError, ReadOnlyRuns for a
    folder that another user has for himself, and StoreBusy.
    """
    runs = runs_folder(options.runs, environ)
    try:
        is_there = (runs / STATE_FOLDER / DATABASE).exists()
    except PermissionError as error:
        raise ReadOnlyRuns(f"the store of {runs} cannot be opened: {error.strerror}") from error
    if not is_there:
        raise UsageError(
            f"there are no runs in {runs}; --runs or SWARM_HOST_RUNS names another folder, and "
            "`reindex` makes its store anew"
        )
    with contextlib.closing(SqliteStore(runs)) as store:
        yield store


@contextlib.contextmanager
def opened_to_read(options: Namespace, environ: Mapping[str, str]) -> Iterator[Questions]:
    """As opened, for questions only: also where the folder cannot be written."""
    with contextlib.ExitStack() as stack:
        store: Questions
        try:
            store = stack.enter_context(opened(options, environ))
        except ReadOnlyRuns:
            runs = runs_folder(options.runs, environ)
            store = stack.enter_context(contextlib.closing(read_only(runs)))
        yield store


def find_units(store: Questions, names: Sequence[str]) -> list[UnitRow]:
    """Units that are named, in the order of the store, each once; all of them without a name.

    Raises UnknownName, also for a beginning that several names share.
    """
    rows = store.units()
    if not names:
        return list(rows)
    wanted: set[str] = set()
    for name in names:
        wanted |= _find(store, rows, name)
    return [row for row in rows if row.spec.unit_id in wanted]


def find_unit(store: Questions, name: str) -> UnitRow:
    """One unit. Raises UnknownName, also when the name is that of several."""
    found = find_units(store, [name])
    if len(found) != 1:
        shown = ", ".join(row.spec.unit_id for row in found[:_SHOWN])
        raise UnknownName(f"{name!r} are {len(found)} units: {shown}")
    return found[0]


def find_groups(store: Questions, names: Sequence[str]) -> list[Group]:
    """Groups of the units that are named, in the order of the store."""
    if not names:
        return list(store.groups())
    wanted = {row.spec.group for row in find_units(store, names)}
    return [group for group in store.groups() if group.group_id in wanted]


def _find(store: Questions, rows: Sequence[UnitRow], name: str) -> set[str]:
    groups = store.groups()
    if name == LAST:
        return _units_of(rows, _newest(groups))
    units = _units_with(rows, name)
    if units:
        return units
    chosen = _groups_with(groups, name)
    if chosen:
        return _units_of(rows, chosen)
    known = {row.spec.unit_id for row in rows}
    for group in groups:
        known |= {group.group_id, group.sweep or group.group_id}
    beginnings = {one for one in known if name and one.startswith(name)}
    if len(beginnings) > 1:
        shown = ", ".join(sorted(beginnings)[:_SHOWN])
        raise UnknownName(f"{name!r} is the beginning of {len(beginnings)} names: {shown}")
    if beginnings:
        return _find(store, rows, beginnings.pop())
    near = nearest(name, known)
    raise UnknownName(f"no unit, group or sweep is called {name!r}{near}; `list` shows them all")


def _units_with(rows: Sequence[UnitRow], name: str) -> set[str]:
    """By id or by folder."""
    folder = _real(name)
    mine = (
        row.spec for row in rows if name == row.spec.unit_id or folder == _real(row.spec.folder)
    )
    return {spec.unit_id for spec in mine}


def _groups_with(groups: Sequence[Group], name: str) -> set[str]:
    """By id, by sweep or by folder."""
    folder = _real(name)
    found = set()
    for group in groups:
        if name in (group.group_id, group.sweep) or folder == _real(group.folder):
            found.add(group.group_id)
    return found


def _real(folder: str) -> str:
    """The folder without links; as it is when it cannot be one."""
    try:
        return str(Path(folder).resolve())
    except (OSError, ValueError, RuntimeError):
        return folder


def _newest(groups: Sequence[Group]) -> set[str]:
    """The newest sweep, or the newest group. Raises UnknownName when there is none."""
    if not groups:
        raise UnknownName("there are no runs yet")
    last = max(groups, key=lambda group: group.created)
    if last.sweep is None:
        return {last.group_id}
    return {group.group_id for group in groups if group.sweep == last.sweep}


def _units_of(rows: Sequence[UnitRow], groups: set[str]) -> set[str]:
    return {row.spec.unit_id for row in rows if row.spec.group in groups}
