"""Rule P4: the column by which the official split was made, told from train and test rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.task.folder.cells import is_numeric, parse_times
from core.task.folder.names import among, without

_MIN_GROUPS = 10
# Fewer cannot be cut into windows that follow each other.
_MIN_MOMENTS = 4
_MIN_TEST = 3
_REPEATED_SHARE = 0.5
_FEW_SHARED = 0.05
_LOOKED_AT = 200
_MAX_TEXT = 60
_FLOAT = re.compile(r"-?\d*\.\d*[1-9]0*(?:[eE][-+]?\d+)?|-?\d+[eE][-+]?\d+")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}(?: .*)?|"
    r"[A-Z][a-z]{2,8} \d{1,2},? \d{4}.*"
)
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[012]\d|3[01])")
_TIME_NAME = re.compile(
    r"(?:^|_|\b)(?:date|time|timestamp|datetime|second|minute|hour|day|week|month|quarter|season|year|period|epoch)s?"
    r"(?:$|_|\b)|(?:Date|Time|Hour|Month|Season|Year)$",
    re.I,
)
_GROUP_NAME = re.compile(
    r"(?:patient|subject|participant|person|user|customer|client|speaker|author|study|session|visit|location|site|"
    r"group|family|household|breath|molecule|sentence|sequence|series|game|play|trip|scene|drive)"
    r"(?:[ _-]?(?:id|uid|no|nr|code|key|name|number))?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class SplitColumns:
    """At most one of both is set. how: lines for the notes."""

    group: str | None = None
    time: str | None = None
    how: tuple[str, ...] = ()


def recognise_split(
    train: pd.DataFrame,
    test: pd.DataFrame | None,
    keys: Collection[str],
    answers: Collection[str],
    text: Sequence[str],
) -> SplitColumns:
    """Tables with cells as text. keys: id columns; answers: label and target columns; text: columns
    of free text.
    """
    names = without(train.columns, {*keys, *answers, *text, ""})
    if test is not None:
        shared = among(names, test.columns)
        found = _of_both(train, test, shared)
        if found is not None:
            return found
        names = without(names, shared)
    for name in names:
        if _is_named_for_groups(name) and _are_group_names(train[name]):
            why = f"{name!r} by its name and its values, of which rows share many; test does not show it"
            return SplitColumns(group=name, how=(f"split: group, {why}",))
    return SplitColumns()


def _of_both(train: pd.DataFrame, test: pd.DataFrame, names: Sequence[str]) -> SplitColumns | None:
    """Of these columns, which both have: one by which all of test is later, else the one of the
    fewest groups that are all in one of both.
    """
    first = _FirstRows(train[names].head(_LOOKED_AT), test[names].head(_LOOKED_AT))
    # Columns that are named for time first.
    for name in sorted(names, key=lambda name: not _TIME_NAME.search(name)):
        if first.timed(name) and is_later(train[name], test[name]):
            why = f"every test row is later than every train row by {name!r}"
            return SplitColumns(time=name, how=(f"split: time, {why}",))
    groups = []
    for name in filter(first.apart, names):
        if _is_disjoint(train[name], test[name]):
            groups.append((train[name].nunique(), name))
    if not groups:
        return None
    count, name = min(groups)
    why = f"none of the {count} values of {name!r} in train is in test"
    return SplitColumns(group=name, how=(f"split: group, {why}",))


def _is_named_for_groups(name: str) -> bool:
    """As it is, or with a sign where a capital begins a word."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return bool(_GROUP_NAME.fullmatch(name.strip()) or _GROUP_NAME.fullmatch(spaced))


def group_of_ids(train: pd.DataFrame, test: pd.DataFrame, parts: Sequence[str]) -> SplitColumns:
    """The part of joined ids by which rows were split. Where both tables have the same ids, these
    start anew in each, and equal values of the first part are not the same thing; else a part of
    which both share almost no value.
    """
    columns = among(parts, train.columns)
    if len(columns) < len(parts):
        return SplitColumns()
    if len(train[columns].drop_duplicates().merge(test[columns].drop_duplicates())):
        name = columns[0]
        if train[name].duplicated().any():
            why = f"{name!r} is the first part of the ids, which start anew in test"
            return SplitColumns(group=name, how=(f"split: group, {why}",))
        return SplitColumns()
    for name in columns:
        theirs = pd.Series(test[name].unique())
        if _are_group_names(train[name]) and theirs.isin(train[name]).mean() <= _FEW_SHARED:
            why = f"{name!r} is part of the ids, and almost none of its values is in both parts"
            return SplitColumns(group=name, how=(f"split: group, {why}",))
    return SplitColumns()


def are_dates(cells: pd.Series) -> bool:
    """All are dates, with or without signs between year, month and day."""
    return bool((cells.str.fullmatch(_DATE) | cells.str.fullmatch(_DAY)).all())


class _FirstRows:
    """The first rows of both tables, which rule most columns out."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame) -> None:
        # One block each: cell by cell is slow where there are thousands of columns.
        blocks = train.to_numpy(dtype=object).T, test.to_numpy(dtype=object).T
        self._cells = {}
        for name, ours, theirs in zip(train.columns, *blocks, strict=True):
            self._cells[name] = list(ours), list(theirs)

    def timed(self, name: str) -> bool:
        """Dates, whatever the name; or numbers of a column that is named for time."""
        ours, theirs = self._cells[name]
        cells = list(filter(None, ours + theirs))
        if not cells or not (_DATE.fullmatch(cells[0]) or _TIME_NAME.search(name)):
            return False
        if all(map(_DATE.fullmatch, cells)):
            return True
        return is_numeric(pd.Series(cells, dtype=object))

    def apart(self, name: str) -> bool:
        """No value is in both, and they are no measurements."""
        ours, theirs = self._cells[name]
        if set(ours) & set(theirs) - {""}:
            return False
        return not any(map(_FLOAT.fullmatch, ours))


def is_later(train: pd.Series, test: pd.Series) -> bool:
    """Every moment of test is later than those of train, of which there are several."""
    ours, theirs = train[train != ""], test[test != ""]
    if len(ours) < 0.9 * len(train) or len(theirs) < 0.9 * len(test) or len(theirs) < _MIN_TEST:
        return False
    times = parse_times(pd.concat([ours, theirs], ignore_index=True))
    before, after = times[: len(ours)], times[len(ours) :]
    return len(np.unique(before)) >= _MIN_MOMENTS and bool(after.min() > before.max())


def _is_disjoint(train: pd.Series, test: pd.Series) -> bool:
    if not _are_group_names(train):
        return False
    theirs = set(test.unique()) - {""}
    return len(theirs) >= _MIN_TEST and not theirs & set(train.unique())


def _are_group_names(column: pd.Series) -> bool:
    """Names of groups: short, no measurements, most rows share theirs with another row, and there
    are enough.
    """
    filled = column[column != ""]
    if len(filled) < 0.9 * len(column) or not len(filled):
        return False
    looked = filled.head(_LOOKED_AT)
    if any(len(cell) > _MAX_TEXT or _FLOAT.fullmatch(cell) for cell in looked):
        return False
    counts = filled.value_counts()
    return len(counts) >= _MIN_GROUPS and bool(
        counts[counts > 1].sum() >= _REPEATED_SHARE * len(filled)
    )


def is_wider(train: pd.DataFrame, column: str | None, group: str | None) -> bool:
    """Its groups are made of whole groups of the other column."""
    if column not in train.columns or group not in train.columns:
        return False
    if train[column].nunique() >= train[group].nunique():
        return False
    return bool(train.groupby(group)[column].nunique().max() == 1)


def is_mostly_shared(column: pd.Series) -> bool:
    """Most rows share their value with another row."""
    return bool(column.duplicated(keep=False).mean() >= _REPEATED_SHARE)
