"""Tells sample submission, train and test tables apart by name, else by shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.loading import head, load
from core.task.folder.sniff import FoundTable
from utils.errors import SpecError
from utils.tables import unpacked_bytes

_SAMPLE = re.compile(r"ample.*ubmission|ubmission.*(?:ample|format)", re.I)
_SUBMISSION = re.compile(r"submission", re.I)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TRAIN = ("train", "training")
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
    how = [f"sample submission: {where(sample)}, by name"] if sample else []
    rest = [table for table in tables if table is not sample and not is_sample_name(table)]
    rest = _without_records(data_dir, rest, sample)
    test = _test_by_name(rest, sample)
    if sample is None:
        sample = _sample_by_shape(data_dir, rest, test)
        how += [
            f"sample submission: {where(sample)}, by shape" if sample else "no sample submission"
        ]
        rest = [table for table in rest if table is not sample]
    if test is not None:
        how.append(f"test table: {where(test)}, by name")
    else:
        test = _test_by_shape(data_dir, rest, sample)
        how.append(f"test table: {where(test)}, by shape" if test else "no test table")
    trains = [table for table in rest if table is not test and not _named(table, "test")]
    trains = [table for table in trains if _has_rows(data_dir, table)] or [
        t for t in trains if _named(t, *_TRAIN)
    ]
    return Roles(
        sample, test, tuple(sorted(trains, key=lambda table: _train_rank(table, test))), tuple(how)
    )


def find_sample(data_dir: Path, tables: Sequence[FoundTable]) -> FoundTable | None:
    """The sample submission by name: at least two columns and one row, the plainest name and place
    first.
    """
    named = sorted((table for table in tables if is_sample_name(table)), key=_plainness)
    return next((table for table in named if _is_answer_sheet(data_dir, table)), None)


def is_sample_name(table: FoundTable) -> bool:
    return bool(_SAMPLE.search(table.name)) and not _named(table, "train")


def where(found: FoundTable) -> str:
    """Path for a person: `a.zip/b.csv` inside an archive."""
    return f"{found.table.path}/{found.table.member}" if found.table.member else found.table.path


def _without_records(
    data_dir: Path, tables: list[FoundTable], sample: FoundTable | None
) -> list[FoundTable]:
    """Without tables that are each one row: the sample names several of one folder, and others look
    like them.
    """
    inner = [table for table in tables if _folder(table)]
    if sample is None or len(inner) < _MIN_RECORDS:
        return tables
    asked = _beginnings(data_dir, sample)
    named = [table for table in inner if table.name in asked]
    crowds = Counter(_folder(table) for table in named)
    alike = {table.columns for table in named if crowds[_folder(table)] >= _MIN_RECORDS}
    return [table for table in tables if not (_folder(table) and table.columns in alike)]


def _folder(table: FoundTable) -> str:
    """The folder or archive that holds the table, "" for the top."""
    return where(table).rpartition("/")[0]


def _beginnings(data_dir: Path, sample: FoundTable) -> set[str]:
    """Cells of the sample, without folders, and what stands before each sign in them: ids name
    files and more.
    """
    cells = pd.unique(head(data_dir, sample.table, _LOOKED_AT).to_numpy(dtype=object).ravel())
    names = [str(cell).rpartition("/")[2] for cell in cells]
    return {name[: sign.start()] for name in names for sign in _SIGN.finditer(name)}


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
    return any(word.lower() in words for word in _WORD.findall(path.rsplit(".", 1)[0]))


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
    zipped = table.table.member is not None
    lacking = len(set(test.columns) - set(table.columns)) if test is not None else 0
    return (
        not _named(table, *_TRAIN),
        lacking,
        table.depth,
        len(table.name),
        zipped,
        -table.size,
        table.name,
    )


def _test_by_name(tables: Sequence[FoundTable], sample: FoundTable | None) -> FoundTable | None:
    """The table named test; one that holds every column of the sample is rather the answers."""
    named = [table for table in tables if _named(table, "test", "testing")]
    named = [
        table
        for table in named
        if not _named(table, "train", "labels", "label", "solution", "answers")
    ]
    asked = set(sample.columns) if sample else set()

    def rank(table: FoundTable) -> tuple[bool, bool, int, int, str]:
        return asked <= set(table.columns), not asked & set(table.columns), *_plainness(table)

    return min(named, key=rank, default=None)


def _sample_by_shape(
    data_dir: Path, tables: Sequence[FoundTable], test: FoundTable | None
) -> FoundTable | None:
    """A table with the rows of the test table and columns that train has and test lacks; a
    `submission` first.
    """
    if test is None:
        return None
    trains = [table for table in tables if _named(table, *_TRAIN)] or [
        table for table in tables if table is not test
    ]
    fits = [
        t
        for t in tables
        if t is not test and any(_answers(t, test, train) for train in trains if train is not t)
    ]
    fits.sort(key=lambda table: (not _SUBMISSION.search(table.name), *_plainness(table)))
    return _first(fits, lambda table: _same_rows(data_dir, table, test))


def _answers(table: FoundTable, test: FoundTable, train: FoundTable) -> bool:
    ids = set(table.columns) & set(test.columns)
    targets = set(table.columns) - ids
    return (
        bool(ids and targets)
        and targets <= set(train.columns)
        and len(table.columns) < len(train.columns) + 1
    )


def _same_rows(data_dir: Path, table: FoundTable, test: FoundTable) -> bool:
    shared = [name for name in table.columns if name in test.columns]
    try:
        left, right = (load(data_dir, each.table, shared)[shared] for each in (table, test))
    except (SpecError, KeyError):
        return False
    return len(left) == len(right) and set(left.itertuples(index=False)) == set(
        right.itertuples(index=False)
    )


def _test_by_shape(
    data_dir: Path, tables: Sequence[FoundTable], sample: FoundTable | None
) -> FoundTable | None:
    """A table without the answers whose columns train has and whose ids are the sample's."""
    if sample is None:
        return None
    fits = []
    for table in tables:
        ids = [name for name in sample.columns if name in table.columns]
        others = [
            t for t in tables if t is not table and set(table.columns) - set(ids) < set(t.columns)
        ]
        if ids and len(ids) < len(sample.columns) and others and not _named(table, *_TRAIN):
            fits.append(table)
    return _first(sorted(fits, key=_plainness), lambda table: _covers(data_dir, table, sample))


def _covers(data_dir: Path, table: FoundTable, sample: FoundTable) -> bool:
    key = next(name for name in sample.columns if name in table.columns)
    try:
        asked = set(head(data_dir, sample.table, _LOOKED_AT)[key])
        return asked <= set(load(data_dir, table.table, [key])[key])
    except SpecError:
        return False


def _first(tables: Sequence[FoundTable], holds: Callable[[FoundTable], bool]) -> FoundTable | None:
    return next((table for table in tables if holds(table)), None)
