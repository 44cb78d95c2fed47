"""Tells sample submission, train and test tables apart by name, else by shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.loading import head, load
from core.task.folder.names import among
from core.task.folder.sniff import FoundTable
from utils.errors import SpecError
from utils.tables import unpacked_bytes

_SAMPLE = re.compile(r"ample.*ubmission|ubmission.*(?:ample|format)", re.I)
_SUBMISSION = re.compile(r"submission", re.I)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TRAIN = ("train", "training")
# Tables named for test and one of these hold its answers, or both parts.
_NOT_TEST = ("train", "labels", "label", "solution", "answers")
_SIGN = re.compile(r"[\W_]|$")
# Tables of one folder that the sample must name to be taken for rows.
_MIN_RECORDS = 3
# Rows that a shape test looks at: enough to tell ids from features.
_LOOKED_AT = 2000
# A larger file is more than a header.
_LOOKED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Roles:
    """Which table is what. trains: tables that may hold the labels, the likeliest first. how: lines
    for the notes.
    """

    sample: FoundTable | None
    test: FoundTable | None
    trains: tuple[FoundTable, ...]
    how: tuple[str, ...]


def assign_roles(data_dir: Path, tables: Sequence[FoundTable]) -> Roles:
    sample = find_sample(data_dir, tables)
    rest = [table for table in tables if table is not sample and not is_sample_name(table)]
    rest = _without_records(data_dir, rest, sample)
    test = _test_by_name(rest, sample)
    if sample is not None:
        how = [f"sample submission: {where(sample)}, by name"]
    elif (sample := _sample_by_shape(data_dir, rest, test)) is not None:
        how = [f"sample submission: {where(sample)}, by shape"]
        rest = _others(rest, sample)
    else:
        how = ["no sample submission"]
    if test is not None:
        how.append(f"test table: {where(test)}, by name")
    elif (test := _test_by_shape(data_dir, rest, sample)) is not None:
        how.append(f"test table: {where(test)}, by shape")
    else:
        how.append("no test table")
    return Roles(sample, test, _trains(data_dir, rest, test), tuple(how))


def _trains(
    data_dir: Path, tables: Sequence[FoundTable], test: FoundTable | None
) -> tuple[FoundTable, ...]:
    """Tables that may hold the labels, the likeliest first; those of a header only where they are
    named for train and there are no others.
    """
    others = [table for table in _others(tables, test) if not _named(table, "test")]
    trains = [table for table in others if _has_rows(data_dir, table)]
    trains = trains or _named_for_train(others)
    return tuple(sorted(trains, key=lambda table: _train_rank(table, test)))


def _others(tables: Sequence[FoundTable], table: FoundTable | None) -> list[FoundTable]:
    """All but this one."""
    return [other for other in tables if other is not table]


def _named_for_train(tables: Sequence[FoundTable]) -> list[FoundTable]:
    return [table for table in tables if _named(table, *_TRAIN)]


def find_sample(data_dir: Path, tables: Sequence[FoundTable]) -> FoundTable | None:
    """The sample submission by name: at least two columns and one row, the plainest name and place
    first.
    """
    named = sorted(filter(is_sample_name, tables), key=_plainness)
    return _first(named, lambda table: _is_answer_sheet(data_dir, table))


def is_sample_name(table: FoundTable) -> bool:
    return bool(_SAMPLE.search(table.name)) and not _named(table, "train")


def where(found: FoundTable) -> str:
    """Path for a person: `a.zip/b.csv` inside an archive."""
    path, member = found.table.path, found.table.member
    return f"{path}/{member}" if member else path


def _without_records(
    data_dir: Path, tables: list[FoundTable], sample: FoundTable | None
) -> list[FoundTable]:
    """Without tables that are each one row: the sample names several of one folder, and others look
    like them.
    """
    inner = [table for table in tables if _folder(table)]
    if sample is None or len(inner) < _MIN_RECORDS:
        return tables
    beginnings = _beginnings(data_dir, sample)
    named = [table for table in inner if table.name in beginnings]
    crowds = Counter(map(_folder, named))
    headers = {table.columns for table in named if crowds[_folder(table)] >= _MIN_RECORDS}
    return [table for table in tables if not _folder(table) or table.columns not in headers]


def _folder(table: FoundTable) -> str:
    """The folder or archive that holds the table, "" for the top."""
    return where(table).rpartition("/")[0]


def _beginnings(data_dir: Path, sample: FoundTable) -> set[str]:
    """Cells of the sample, without folders, and what stands before each sign in them: ids name
    files and more.
    """
    cells = pd.unique(head(data_dir, sample.table, _LOOKED_AT).to_numpy(dtype=object).ravel())
    found = set()
    for cell in cells:
        name = str(cell).rpartition("/")[2]
        for sign in _SIGN.finditer(name):
            found.add(name[: sign.start()])
    return found


def _is_answer_sheet(data_dir: Path, table: FoundTable) -> bool:
    if len(table.columns) < 2:
        return False
    try:
        return len(head(data_dir, table.table, 5)) > 0
    except SpecError:
        return False


def _plainness(table: FoundTable) -> tuple[int, int, str]:
    return table.depth, len(table.name), table.name


def _named(table: FoundTable, *words: str) -> bool:
    """True when a word of the file name or of a folder on its path is one of `words`, digits aside."""
    path = table.table.member or table.table.path
    found = map(str.lower, _WORD.findall(path.rsplit(".", 1)[0]))
    return not set(words).isdisjoint(found)


def _has_rows(data_dir: Path, table: FoundTable) -> bool:
    """False where there is a header and nothing else."""
    try:
        size = max(table.size, unpacked_bytes(data_dir / table.table.path, table.table.member))
        return size > _LOOKED_BYTES or len(head(data_dir, table.table, 1)) > 0
    except SpecError:
        return True


def _train_rank(
    table: FoundTable, test: FoundTable | None
) -> tuple[bool, int, int, int, bool, int, str]:
    """Named for train first, then what has most of the features."""
    features = set(test.columns) if test is not None else set[str]()
    return (
        not _named(table, *_TRAIN),
        len(features.difference(table.columns)),
        table.depth,
        len(table.name),
        table.table.member is not None,
        -table.size,
        table.name,
    )


def _test_by_name(tables: Sequence[FoundTable], sample: FoundTable | None) -> FoundTable | None:
    """The table named test; one that holds every column of the sample is rather the answers."""
    named = []
    for table in tables:
        if _named(table, "test", "testing") and not _named(table, *_NOT_TEST):
            named.append(table)
    columns = set(sample.columns) if sample else set()

    def rank(table: FoundTable) -> tuple[bool, bool, int, int, str]:
        shared = columns.intersection(table.columns)
        return shared == columns, not shared, *_plainness(table)

    return min(named, key=rank, default=None)


def _sample_by_shape(
    data_dir: Path, tables: Sequence[FoundTable], test: FoundTable | None
) -> FoundTable | None:
    """A table with the rows of the test table and columns that train has and test lacks; a
    `submission` first.
    """
    if test is None:
        return None
    others = _others(tables, test)
    trains = _named_for_train(tables) or others
    fits = []
    for table in others:
        if any(_answers(table, test, train) for train in _others(trains, table)):
            fits.append(table)
    fits.sort(key=lambda table: (not _SUBMISSION.search(table.name), *_plainness(table)))
    return _first(fits, lambda table: _same_rows(data_dir, table, test))


def _answers(table: FoundTable, test: FoundTable, train: FoundTable) -> bool:
    """It has ids of test and, beside them, nothing but columns of train."""
    ids = set(table.columns) & set(test.columns)
    targets = set(table.columns) - ids
    if not ids or not targets or not targets <= set(train.columns):
        return False
    return len(table.columns) <= len(train.columns)


def _same_rows(data_dir: Path, table: FoundTable, test: FoundTable) -> bool:
    """Both have the same rows in the columns that they share."""
    shared = among(table.columns, test.columns)
    try:
        left = load(data_dir, table.table, shared)[shared]
        right = load(data_dir, test.table, shared)[shared]
    except (SpecError, KeyError):
        return False
    if len(left) != len(right):
        return False
    return set(left.itertuples(index=False)) == set(right.itertuples(index=False))


def _test_by_shape(
    data_dir: Path, tables: Sequence[FoundTable], sample: FoundTable | None
) -> FoundTable | None:
    """A table without the answers whose columns train has and whose ids are the sample's."""
    if sample is None:
        return None
    fits = [table for table in tables if _may_be_test(table, tables, sample)]
    return _first(sorted(fits, key=_plainness), lambda table: _covers(data_dir, table, sample))


def _may_be_test(table: FoundTable, tables: Sequence[FoundTable], sample: FoundTable) -> bool:
    ids = among(sample.columns, table.columns)
    if not ids or len(ids) == len(sample.columns) or _named(table, *_TRAIN):
        return False
    features = set(table.columns).difference(ids)
    return any(features < set(other.columns) for other in _others(tables, table))


def _covers(data_dir: Path, table: FoundTable, sample: FoundTable) -> bool:
    """All of the sample's first ids are in the table."""
    key = among(sample.columns, table.columns)[0]
    try:
        ids = set(head(data_dir, sample.table, _LOOKED_AT)[key])
        return ids <= set(load(data_dir, table.table, [key])[key])
    except SpecError:
        return False


def _first(tables: Sequence[FoundTable], holds: Callable[[FoundTable], bool]) -> FoundTable | None:
    return next(filter(holds, tables), None)
