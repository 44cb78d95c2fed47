"""The tables of one competition in memory, and what in them contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.inventory import FoundFile, folder_digest
from core.task.folder.loading import load
from core.task.folder.names import among
from core.task.folder.sniff import FoundTable
from core.task.hints import Hints
from core.task.recognise.label_columns import Labels
from core.task.recognise.recognition import Recognition, recognise
from core.task.recognise.respelled import by_value
from core.task.recognise.roles import Roles, where
from core.task.recognise.submission_columns import SubmissionColumns
from utils.errors import SpecError


@dataclass(frozen=True, slots=True)
class LoadedTables:
    """The tables of one competition in memory: cells as text; test is None where there is none.

    shown: some answers, where the train table only names them.
    """

    roles: Roles
    submission: SubmissionColumns
    labels: Labels
    sample: pd.DataFrame | None
    test: pd.DataFrame | None
    train: pd.DataFrame
    shown: pd.DataFrame | None = None

    @property
    def official(self) -> pd.DataFrame:
        """The sample submission, else the test table; there is one of them."""
        found = self.test if self.sample is None else self.sample
        assert found is not None
        return found


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


def digest_of(data_dir: Path, original: Sequence[FoundFile], tables: Iterable[FoundTable]) -> str:
    """folder_digest of the competition's own files and of those of the tables that are among
    them.
    """
    own = {file.path for file in original}
    return folder_digest(data_dir, original, among((it.table.path for it in tables), own))


def _read(found: Recognition) -> LoadedTables:
    """The columns that matter; a train table of moderate size is read whole, so that torn rows are
    found.
    """
    data_dir, roles = found.root, found.roles
    submission, labels = found.submission, found.labels
    parts = submission.composite.columns if submission.composite else ()
    keys = [*submission.sources, *parts]
    matter = {*labels.columns, *submission.ids, *keys}
    train = load(data_dir, labels.train.table, among(labels.train.columns, matter))
    sample = test = None
    if roles.sample is not None:
        sample = load(data_dir, roles.sample.table)
    if roles.test is not None:
        test = load(data_dir, roles.test.table, among(keys, roles.test.columns) or None)
    shown = found.label_table.answers if found.label_table else None
    return LoadedTables(roles, submission, labels, sample, test, train, shown)


def check(tables: LoadedTables) -> list[str]:
    """Lines for the notes. Raises SpecError where the tables contradict each other."""
    train, table = tables.train, where(tables.labels.train)
    if len(train) == 0:
        raise SpecError(f"{table} has no rows")
    notes = []
    if tables.labels.train.table.decimal == ",":
        notes.append(f"numbers have a decimal comma in {table}")
    for name in tables.labels.columns:
        empty = int((train[name] == "").sum())
        if empty == len(train):
            raise SpecError(f"column {name!r} of {table} is empty in every row")
        if empty:
            notes.append(f"{name!r} is empty in {empty} train rows")
    if tables.sample is not None and tables.test is not None:
        notes += _compare(tables.sample, tables.test, tables.submission)
    return notes


def _compare(sample: pd.DataFrame, test: pd.DataFrame, submission: SubmissionColumns) -> list[str]:
    for mine, theirs in zip(submission.ids, submission.sources, strict=True):
        if theirs not in test.columns:
            continue
        if not set(sample[mine]) & set(by_value(test[theirs], sample[mine])):
            raise SpecError(
                f"sample and test table contradict each other: no id of column {mine!r} is in both"
            )
    if len(sample) == len(test):
        return []
    return [f"the sample has {len(sample)} rows, the test table {len(test)}"]
