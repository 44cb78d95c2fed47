"""Which columns of a submission are ids, and which are asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.task.folder.files_by_id import FileIndex
from core.task.folder.loading import load
from core.task.folder.names import among, without
from core.task.folder.sniff import FoundTable
from core.task.hints import Hints
from core.task.recognise.composite import Composite, composite_of
from core.task.recognise.roles import Roles, where
from utils.errors import ConfigError, SpecError

TARGET_NAME = re.compile(
    r"^(?:target|label|class|category|y|outcome|response|score|output|value)s?(?:_?id)?$", re.I
)
_ID_NAME = re.compile(
    r"(?:^|_|\b)(?:id|key|index|name|uuid)(?:s|_code)?$|^$|(?<=[a-z])I[Dd]$", re.I
)


@dataclass(frozen=True, slots=True)
class SubmissionColumns:
    """What a submission looks like. ids, targets: columns of the sample submission (or of the test
    table).

    sources: the column of train and test behind each id where its name differs, else the id itself.
    composite: columns whose cells, joined, are the id.
    """

    ids: tuple[str, ...]
    targets: tuple[str, ...]
    sources: tuple[str, ...]
    how: tuple[str, ...] = ()
    composite: Composite | None = None


def decide_columns(
    data_dir: Path, roles: Roles, files: FileIndex, hints: Hints
) -> SubmissionColumns:
    """Ids and targets of a submission. Raises SpecError when they cannot be told, ConfigError where
    the user names what does not exist.
    """
    ids, targets = hints.id_columns, hints.target_columns
    if roles.sample is None:
        return _from_test(data_dir, roles, ids, targets)
    frame = load(data_dir, roles.sample.table)
    _check_known((*ids, *targets), tuple(frame.columns), where(roles.sample))
    if len(frame) == 0:
        raise SpecError(f"{where(roles.sample)} has no rows")
    found = _find_ids(data_dir, frame, roles, files, targets)
    if ids and ids != found.ids:
        found = SubmissionColumns(ids, (), ids)
    targets = targets or tuple(without(frame.columns, found.ids))
    if not targets:
        raise SpecError(f"{where(roles.sample)} has no target column")
    _check_rows(frame, found.ids, where(roles.sample))
    return replace(found, targets=targets)


def listed(names: Sequence[str]) -> str:
    """The names for a person: at most six of them, and how many more there are."""
    shown = ", ".join(map(repr, names[:6]))
    if len(names) > 6:
        return f"{shown} and {len(names) - 6} more"
    return shown


def _check_known(names: Sequence[str], columns: Sequence[str], table: str) -> None:
    unknown = without(names, columns)
    if unknown:
        raise ConfigError(
            f"task overrides name {listed(unknown)}, but {table} has the columns {listed(columns)}"
        )


def _check_rows(frame: pd.DataFrame, ids: tuple[str, ...], table: str) -> None:
    if ids and bool(frame.duplicated(list(ids)).any()):
        raise SpecError(f"{table} contradicts itself: several rows have the same {listed(ids)}")


# ---------------------------------------------------------------- with a sample


def _find_ids(
    data_dir: Path, sample: pd.DataFrame, roles: Roles, files: FileIndex, targets: tuple[str, ...]
) -> SubmissionColumns:
    """The id columns; targets are still to be told."""
    columns = without(sample.columns, targets)
    known = roles.test.columns if roles.test else ()
    ids = tuple(among(columns, known))
    if ids and len(ids) == len(sample.columns):
        ids = _without_targets(sample, ids)
    if ids:
        return _of_ids(ids, f"{listed(ids)}, columns of sample and test table")
    ids = tuple(name for name in columns if files.match(list(sample[name])))
    if ids:
        return _of_ids(ids, f"{listed(ids)}, names of files")
    if roles.test is not None:
        found = _made_of_test(load(data_dir, roles.test.table), sample, columns)
        if found is not None:
            return found
    likely = _likely_id(sample, columns)
    return _of_ids((likely,), f"{likely!r}, by its values; no test table or file has them")


def _of_ids(
    ids: tuple[str, ...],
    why: str,
    sources: tuple[str, ...] = (),
    composite: Composite | None = None,
) -> SubmissionColumns:
    """sources: where they have other names in train and test."""
    return SubmissionColumns(ids, (), sources or ids, (f"ids: {why}",), composite)


def _made_of_test(
    test: pd.DataFrame, sample: pd.DataFrame, columns: Sequence[str]
) -> SubmissionColumns | None:
    """A column of the sample whose values are those of a test column of another name, or of
    several, joined.
    """
    renamed = _renamed_id(test, sample, columns)
    if renamed is not None:
        mine, theirs = renamed
        return _of_ids((mine,), f"{mine!r}, the values of column {theirs!r} of test", (theirs,))
    for mine in columns:
        if not sample[mine].is_unique:
            continue
        found = composite_of(sample[mine], test)
        if found is not None:
            parts = f"{listed(found.columns)} of test, joined by {found.joint!r}"
            return _of_ids((mine,), f"P3, {mine!r} is {parts}", composite=found)
    return None


def _without_targets(sample: pd.DataFrame, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Every column of the sample is in the test table: those that repeat, or the last one, are the
    targets.
    """
    if len(sample) > 1:
        unique = _unique(sample, ids)
        if 0 < len(unique) < len(ids):
            return tuple(unique)
    return ids[:-1]


def _unique(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Those of the columns whose values are all different."""
    return [name for name in columns if frame[name].is_unique]


def _renamed_id(
    test: pd.DataFrame, sample: pd.DataFrame, columns: Sequence[str]
) -> tuple[str, str] | None:
    """(sample column, test column) with the same distinct values."""
    for mine in _unique(sample, columns):
        values = set(sample[mine])
        for theirs in test.columns:
            if test[theirs].is_unique and values == set(test[theirs]):
                return mine, str(theirs)
    return None


def _likely_id(sample: pd.DataFrame, columns: Sequence[str]) -> str:
    """The first column of different values that is named for an id, else the first of such values,
    else the first one.
    """
    unique = _unique(sample, columns)
    named = list(filter(_ID_NAME.search, unique))
    return next(iter([*named, *unique, *columns]), sample.columns[0])


# ---------------------------------------------------------------- without a sample


def _from_test(
    data_dir: Path, roles: Roles, ids: tuple[str, ...], targets: tuple[str, ...]
) -> SubmissionColumns:
    """Targets are what train has and test lacks."""
    test = roles.test
    if test is None:
        raise SpecError(
            "no sample submission and no test table: what should be predicted is not known"
        )
    if not roles.trains:
        raise SpecError(f"no train table besides {where(test)}")
    train = _train_like(test.columns, roles.trains)
    _check_known(targets, train.columns, where(train))
    _check_known(ids, test.columns, where(test))
    chosen = targets or _only_extra(train, test)
    frame = load(data_dir, test.table)
    ids = ids or (_likely_id(frame, list(frame.columns)),)
    _check_rows(frame, ids, where(test))
    why = f"targets: {listed(chosen)}, columns of {where(train)} that test lacks"
    return SubmissionColumns(ids, chosen, ids, (why,))


def _train_like(columns: Collection[str], trains: Sequence[FoundTable]) -> FoundTable:
    """The first one that shares a column, else the first one."""
    for train in trains:
        if among(train.columns, columns):
            return train
    return trains[0]


def _only_extra(train: FoundTable, test: FoundTable) -> tuple[str, ...]:
    """The one column that test lacks; of several the one that is named for a target. Raises
    SpecError.
    """
    extra = without(train.columns, test.columns)
    if len(extra) > 1:
        extra = list(filter(TARGET_NAME.match, extra))
    if len(extra) != 1:
        raise SpecError(
            f"no sample submission, and {where(train)} has no single column more than {where(test)}"
        )
    return tuple(extra)
