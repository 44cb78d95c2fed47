"""From a folder to its tables, columns and labels; the rules of `core.task.recognise.labels` help
where no table holds the labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from core.records import TableFile
from core.task.folder.archives import to_unpack
from core.task.folder.files_by_id import FileIndex
from core.task.folder.inventory import FoundFile, list_files
from core.task.folder.loading import load
from core.task.folder.names import without
from core.task.folder.prepared import Preparation
from core.task.folder.sniff import FoundTable, find_tables
from core.task.folder.torn_lines import whole_lines
from core.task.hints import Hints, WrittenTables
from core.task.recognise.evidence import Evidence, LabelTable, first
from core.task.recognise.label_columns import Labels, find_labels, guess_labels
from core.task.recognise.labels.rules import LATE_RULES, RULES
from core.task.recognise.respelled import respelled_test
from core.task.recognise.roles import Roles, assign_roles, where
from core.task.recognise.submission_columns import SubmissionColumns, decide_columns
from utils.errors import SpecError

_TABLE_NAME, _WRITTEN_TRAIN, _TEST_NAME, _MENDED_TRAIN = (
    "train_labels",
    "train_rows",
    "test_rows",
    "train_whole_lines",
)


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """What a folder is, before its tables are read."""

    # The folder that programs see.
    root: Path
    # It is another one than the competition's own.
    prepared: bool
    # Files of the competition itself.
    original: tuple[FoundFile, ...]
    # All that were found.
    tables: tuple[FoundTable, ...]
    # Files by the ids in their names.
    index: FileIndex
    # Which table is sample, train and test.
    roles: Roles
    # Columns of ids and targets.
    submission: SubmissionColumns
    # Where the answers are.
    labels: Labels
    # How the train table was made; None where the competition has one.
    label_table: LabelTable | None
    # What was decided, and why.
    notes: tuple[str, ...]
    # The competition's test table, where another stands for it.
    items: TableFile | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _FoundLabels:
    """Where the answers are, and the tables that this makes of the folder."""

    roles: Roles
    labels: Labels
    label_table: LabelTable | None


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
    folder = Preparation(data_dir, original, workspace)
    archives, notes = to_unpack(data_dir, original)
    folder.unpack(archives)
    files, unread = folder.files(), list[str]()
    tables = find_tables(folder.root, files, unread)
    roles = assign_roles(folder.root, tables)
    if roles.sample is None and roles.test is None:
        problems = "".join(f"; {line}" for line in (*folder.notes, *unread)[:3])
        raise SpecError(
            f"no sample submission and no test table: what should be predicted is not known{problems}"
        )
    if mend and folder.possible:
        roles = _mended(folder, roles)
    written = None
    if hints.tables is not None and roles.sample is not None:
        roles, written = _written(folder, roles, roles.sample, files, hints.tables)
    index = FileIndex(files)
    submission = decide_columns(folder.root, roles, index, hints)
    sample = load(folder.root, roles.sample.table) if roles.sample else None
    given = roles.test
    if written is None and folder.possible:
        roles = _respelled(folder, roles, submission, sample)
    evidence = Evidence(folder.root, files, roles, submission, sample, description)
    if written is not None:
        answers = _FoundLabels(roles, _labels(folder.root, roles, submission), written)
    else:
        answers = _answers(evidence, folder, unread)
    return Recognition(
        root=folder.root,
        prepared=folder.changed,
        original=original,
        tables=tables,
        index=index,
        roles=answers.roles,
        submission=submission,
        labels=answers.labels,
        label_table=answers.label_table,
        notes=(*folder.notes, *notes, *unread, *_how(answers, submission)),
        items=_items(given, roles.test, answers.label_table),
    )


def _how(answers: _FoundLabels, submission: SubmissionColumns) -> Iterator[str]:
    yield from answers.roles.how
    yield from submission.how
    if answers.label_table is not None:
        yield answers.label_table.how
    yield answers.labels.how


def _items(
    given: FoundTable | None, test: FoundTable | None, label_table: LabelTable | None
) -> TableFile | None:
    """The competition's own test table, where its ids were rewritten or rows were made of it."""
    if given is not None and given is not test:
        return given.table
    return label_table.items if label_table is not None else None


def _respelled(
    folder: Preparation,
    roles: Roles,
    submission: SubmissionColumns,
    sample: pd.DataFrame | None,
) -> Roles:
    frame = respelled_test(folder.root, roles, submission, sample)
    if frame is None or roles.test is None:
        return roles
    how = (
        f"ids of {where(roles.test)} are rewritten as the sample has them, which are equal by value"
    )
    found = _table(folder, _TEST_NAME, frame, roles.test.table.decimal)
    return replace(roles, test=found, how=(*roles.how, how))


def _mended(folder: Preparation, roles: Roles) -> Roles:
    trains, how = [], list(roles.how)
    for train in roles.trains:
        found = whole_lines(folder.root, train)
        if found is not None:
            how.append(f"{where(train)} has {found[1]} torn lines, which are left out")
            train = _table(folder, _MENDED_TRAIN, found[0], train.table.decimal)
        trains.append(train)
    return replace(roles, trains=tuple(trains), how=tuple(how))


def _written(
    folder: Preparation,
    roles: Roles,
    sample: FoundTable,
    files: tuple[FoundFile, ...],
    tables: WrittenTables,
) -> tuple[Roles, LabelTable]:
    """The tables of an accepted written program in the place of any other train and test table.

    All other files may hold answers of any row.
    """
    frame = load(Path(tables.folder), TableFile("train.csv"))
    train = _table(folder, _WRITTEN_TRAIN, frame)
    test = _table(folder, _TEST_NAME, load(Path(tables.folder), TableFile("test.csv")))
    sources = tuple(file.path for file in files if file.path != sample.table.path)
    how = "tables of train and test rows: by a written program"
    label_table = LabelTable(how, frame, sources, group=tables.group)
    return Roles(sample, test, (train,), roles.how[:1]), label_table


def _labels(root: Path, roles: Roles, submission: SubmissionColumns) -> Labels:
    """Raises SpecError where no table has them."""
    return find_labels(root, roles, submission) or guess_labels(root, roles, submission)


def _answers(evidence: Evidence, folder: Preparation, unread: list[str]) -> _FoundLabels:
    """The labels of a table of the competition; else those that a rule makes a table of; else a
    guess.
    """
    labels = find_labels(evidence.root, evidence.roles, evidence.submission)
    label_table = _by_rule(evidence, labels, folder.possible)
    if label_table is not None:
        return _added(evidence, folder, label_table)
    if labels is not None:
        return _FoundLabels(evidence.roles, labels, None)
    try:
        labels = guess_labels(evidence.root, evidence.roles, evidence.submission)
    except SpecError as error:
        raise SpecError("; ".join([str(error), *unread[:3]])) from error
    return _FoundLabels(evidence.roles, labels, None)


def _by_rule(evidence: Evidence, labels: Labels | None, can_add: bool) -> LabelTable | None:
    """Where a table has the labels, a rule may only improve on it, which takes a place to do so."""
    if labels is None:
        return first(RULES, evidence)
    if not can_add:
        return None
    return first([partial(rule, labels=labels) for rule in LATE_RULES], evidence)


def _added(evidence: Evidence, folder: Preparation, label_table: LabelTable) -> _FoundLabels:
    """The label table as a file of the folder that programs see, and its labels."""
    if not folder.possible:
        raise SpecError(f"{label_table.how}: there is no workspace to put such a table in")
    submission, frame = evidence.submission, label_table.frame
    found = _table(folder, _TABLE_NAME, frame)
    roles = replace(evidence.roles, trains=(found,))
    if label_table.test is not None:
        roles = replace(roles, test=_table(folder, _TEST_NAME, label_table.test))
    if label_table.pixels is not None:
        column = without(frame.columns, submission.ids)[0]
        how = f"labels: images that {where(found)} names"
        labels = Labels(found, submission.targets, (column,), (), how)
    else:
        labels = _labels(folder.root, roles, submission)
    return _FoundLabels(roles, labels, label_table)


def _table(folder: Preparation, name: str, frame: pd.DataFrame, decimal: str = ".") -> FoundTable:
    """A new file of the folder that programs see."""
    table = replace(folder.add_table(name, frame), decimal=decimal)
    size = (folder.root / table.path).stat().st_size
    return FoundTable(table, tuple(map(str, frame.columns)), size)
