"""The tables of one competition in memory, and what in them contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.loading import load
from core.task.hints import Hints
from core.task.recognise.columns import AskedColumns, Labels
from core.task.recognise.recognition import Recognition, recognise
from core.task.recognise.respelled import by_value
from core.task.recognise.roles import Roles, where
from utils.errors import SpecError


@dataclass(frozen=True, slots=True)
class LoadedTables:
    """The tables of one competition in memory: cells as text; test is None where there is none.

    shown: some answers, where the train table only names them.
    """

    roles: Roles
    asked: AskedColumns
    labels: Labels
    sample: pd.DataFrame | None
    test: pd.DataFrame | None
    train: pd.DataFrame
    shown: pd.DataFrame | None = None


def recognise_and_read(
    data_dir: Path, description: str, hints: Hints, workspace: Path | None
) -> tuple[Recognition, LoadedTables]:
    """Once more with torn lines left out where a table cannot be read for them."""
    try:
        found = recognise(data_dir, description, hints, workspace)
        return found, _read(found)
    except SpecError as error:
        if workspace is None or not isinstance(error.__cause__, pd.errors.ParserError):
            raise
        found = recognise(data_dir, description, hints, workspace, mend=True)
        return found, _read(found)


def _read(found: Recognition) -> LoadedTables:
    """The columns that matter; a train table of moderate size is read whole, so that torn rows are
    found.
    """
    data_dir, roles, asked, labels = found.root, found.roles, found.asked, found.labels
    parts = asked.composite.columns if asked.composite else ()
    wanted = [
        n
        for n in labels.train.columns
        if n in {*labels.columns, *asked.sources, *asked.ids, *parts}
    ]
    train = load(data_dir, labels.train.table, wanted)
    sample = load(data_dir, roles.sample.table) if roles.sample else None
    known = [name for name in (*asked.sources, *parts) if roles.test and name in roles.test.columns]
    test = load(data_dir, roles.test.table, known or None) if roles.test else None
    return LoadedTables(
        roles, asked, labels, sample, test, train, found.derived.answers if found.derived else None
    )


def check(parts: LoadedTables) -> list[str]:
    """Lines for the notes. Raises SpecError where the tables contradict each other."""
    train, table = parts.train, where(parts.labels.train)
    if len(train) == 0:
        raise SpecError(f"{table} has no rows")
    for name in parts.labels.columns:
        empty = int((train[name] == "").sum())
        if empty == len(train):
            raise SpecError(f"column {name!r} of {table} is empty in every row")
    notes = (
        [f"numbers have a decimal comma in {table}"]
        if parts.labels.train.table.decimal == ","
        else []
    )
    notes += [
        f"{name!r} is empty in {n} train rows"
        for name in parts.labels.columns
        if (n := _empty(train[name]))
    ]
    if parts.sample is not None and parts.test is not None:
        notes += _compare(parts.sample, parts.test, parts.asked)
    return notes


def _empty(column: pd.Series) -> int:
    return int((column == "").sum())


def _compare(sample: pd.DataFrame, test: pd.DataFrame, asked: AskedColumns) -> list[str]:
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(asked.ids, asked.sources, strict=True)
        if theirs in test.columns
    ]
    for mine, theirs in pairs:
        if not set(sample[mine]) & set(by_value(test[theirs], sample[mine])):
            raise SpecError(
                f"sample and test table contradict each other: no id of column {mine!r} is in both"
            )
    if len(sample) == len(test):
        return []
    return [f"the sample has {len(sample)} rows, the test table {len(test)}"]
