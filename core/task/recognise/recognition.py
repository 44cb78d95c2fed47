"""From a folder to its tables, columns and labels; the rules of `core.task.recognise.labels` help
where no table holds the labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from core.records import TableFile
from core.task.folder.archives import to_unpack
from core.task.folder.files_by_id import FileIndex
from core.task.folder.inventory import FoundFile, list_files
from core.task.folder.loading import load
from core.task.folder.prepared import Preparation
from core.task.folder.sniff import FoundTable, find_tables
from core.task.folder.torn_lines import whole_lines
from core.task.hints import Hints, WrittenTables
from core.task.recognise.columns import (
    AskedColumns,
    Labels,
    decide_columns,
    find_labels,
    guess_labels,
)
from core.task.recognise.evidence import DerivedLabels, Evidence, Rule, first
from core.task.recognise.labels.rules import LATE_RULES, RULES
from core.task.recognise.respelled import respelled_test
from core.task.recognise.roles import Roles, assign_roles, where
from utils.errors import SpecError

_TABLE_NAME, _WRITTEN_TRAIN, _TEST_NAME, _MENDED_TRAIN = (
    "train_labels",
    "train_rows",
    "test_rows",
    "train_whole_lines",
)


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """root: the folder that programs see. original: files of the competition itself. derived: how
    the train table was made, None where the competition has one. items: the competition's test
    table, where another stands for it.
    """

    root: Path
    prepared: bool
    original: tuple[FoundFile, ...]
    tables: tuple[FoundTable, ...]
    index: FileIndex
    roles: Roles
    asked: AskedColumns
    labels: Labels
    derived: DerivedLabels | None
    notes: tuple[str, ...]
    items: TableFile | None = None


def recognise(
    data_dir: Path,
    description: str,
    hints: Hints,
    workspace: Path | None,
    mend: bool = False,
) -> Recognition:
    """workspace: where archives may be unpacked and tables added. mend: train tables with a few
    torn lines are replaced by their whole lines. Errors as core.task.recognise.spec.
    """
    original = list_files(data_dir)
    made = Preparation(data_dir, original, workspace)
    archives, notes = to_unpack(data_dir, original)
    made.unpack(archives)
    files, unread = made.files(), list[str]()
    tables = find_tables(made.root, files, unread)
    roles = assign_roles(made.root, tables)
    if roles.sample is None and roles.test is None:
        problems = "".join(f"; {line}" for line in (*made.notes, *unread)[:3])
        raise SpecError(
            f"no sample submission and no test table: what should be predicted is not known{problems}"
        )
    if mend and made.possible:
        roles = _mended(made, roles)
    index = FileIndex(files)
    written = _written(made, roles, files, hints.tables)
    if written is not None:
        roles = written.roles
    asked = decide_columns(made.root, roles, index, hints)
    sample = load(made.root, roles.sample.table) if roles.sample else None
    given = roles.test
    if written is None and made.possible:
        roles = _respelled(made, roles, asked, sample)
    seen = Evidence(made.root, files, roles, asked, sample, description)
    roles, labels, derived = (
        _labels(seen, made, unread) if written is None else _of_written(seen, written.derived)
    )
    notes = [
        *made.notes,
        *notes,
        *unread,
        *roles.how,
        *asked.how,
        *([derived.how] if derived else []),
        labels.how,
    ]
    changed, items = (
        made.changed,
        given.table if given is not None and given is not seen.roles.test else None,
    )
    items = items or (derived.items if derived else None)
    return Recognition(
        made.root,
        changed,
        original,
        tables,
        index,
        roles,
        asked,
        labels,
        derived,
        tuple(notes),
        items,
    )


def _respelled(
    made: Preparation, roles: Roles, asked: AskedColumns, sample: pd.DataFrame | None
) -> Roles:
    frame = respelled_test(made.root, roles, asked, sample)
    if frame is None or roles.test is None:
        return roles
    how = (
        f"ids of {where(roles.test)} are rewritten as the sample has them, which are equal by value"
    )
    found = _table(made, _TEST_NAME, frame, roles.test.table.decimal)
    return replace(roles, test=found, how=(*roles.how, how))


def _mended(made: Preparation, roles: Roles) -> Roles:
    trains, how = [], list(roles.how)
    for train in roles.trains:
        found = whole_lines(made.root, train)
        if found is not None:
            how.append(f"{where(train)} has {found[1]} torn lines, which are left out")
            train = _table(made, _MENDED_TRAIN, found[0], train.table.decimal)
        trains.append(train)
    return replace(roles, trains=tuple(trains), how=tuple(how))


@dataclass(frozen=True, slots=True, eq=False)
class _LabelTable:
    roles: Roles
    derived: DerivedLabels


def _written(
    made: Preparation, roles: Roles, files: tuple[FoundFile, ...], tables: WrittenTables | None
) -> _LabelTable | None:
    """The tables of an accepted written program in the place of any other train and test table.

    All other files may hold answers of any row. None where there is no such program.
    """
    if tables is None or roles.sample is None:
        return None
    folder, found = Path(tables.folder), []
    frames = [load(folder, TableFile(name)) for name in ("train.csv", "test.csv")]
    for name, frame in zip((_WRITTEN_TRAIN, _TEST_NAME), frames, strict=True):
        found.append(_table(made, name, frame))
    sources = tuple(file.path for file in files if file.path != roles.sample.table.path)
    how = "tables of train and test rows: by a written program"
    derived = DerivedLabels(how, frames[0], sources, group=tables.group)
    return _LabelTable(Roles(roles.sample, found[1], (found[0],), roles.how[:1]), derived)


def _of_written(seen: Evidence, derived: DerivedLabels) -> tuple[Roles, Labels, DerivedLabels]:
    labels = find_labels(seen.root, seen.roles, seen.asked) or guess_labels(
        seen.root, seen.roles, seen.asked
    )
    return seen.roles, labels, derived


def _labels(
    seen: Evidence, made: Preparation, unread: list[str]
) -> tuple[Roles, Labels, DerivedLabels | None]:
    """The labels of a table of the competition; else those that a rule makes a table of; else a
    guess.
    """
    labels = find_labels(seen.root, seen.roles, seen.asked)
    rules = RULES if labels is None else _late(labels) if made.possible else ()
    derived = first(rules, seen)
    if derived is not None:
        return _added(seen, made, derived)
    if labels is not None:
        return seen.roles, labels, None
    try:
        return seen.roles, guess_labels(seen.root, seen.roles, seen.asked), None
    except SpecError as error:
        raise SpecError("; ".join([str(error), *unread[:3]])) from error


def _late(labels: Labels) -> list[Rule]:
    return [partial(rule, labels=labels) for rule in LATE_RULES]


def _added(
    seen: Evidence, made: Preparation, derived: DerivedLabels
) -> tuple[Roles, Labels, DerivedLabels]:
    """The derived table as a file of the folder that programs see, and its labels."""
    if not made.possible:
        raise SpecError(f"{derived.how}: there is no workspace to put such a table in")
    found = _table(made, _TABLE_NAME, derived.frame)
    roles = replace(seen.roles, trains=(found,))
    if derived.test is not None:
        roles = replace(roles, test=_table(made, _TEST_NAME, derived.test))
    if derived.pixels is not None:
        target = tuple(name for name in derived.frame.columns if name not in seen.asked.ids)[:1]
        how = f"labels: images that {where(found)} names"
        return roles, Labels(found, seen.asked.targets, target, (), how), derived
    labels = find_labels(made.root, roles, seen.asked) or guess_labels(made.root, roles, seen.asked)
    return roles, labels, derived


def _table(made: Preparation, name: str, frame: pd.DataFrame, decimal: str = ".") -> FoundTable:
    """A new file of the folder that programs see."""
    table = replace(made.add_table(name, frame), decimal=decimal)
    return FoundTable(
        table,
        tuple(str(column) for column in frame.columns),
        (made.root / table.path).stat().st_size,
    )
