"""Makes a CompetitionSpec of a folder and a description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.metric_names import BY_NAME
from core.records import (
    AnswerColumns,
    CompetitionFiles,
    CompetitionSpec,
    CompetitionTables,
    FeatureColumns,
    FilesById,
    IdColumns,
    Modality,
    TableFile,
    ValueKind,
)
from core.task.folder.big_tables import big_csv, distinct
from core.task.folder.files_by_id import modality_of
from core.task.folder.loading import head, load, rows_of
from core.task.folder.names import among, without
from core.task.folder.sniff import FoundTable
from core.task.hints import Hints
from core.task.metric.answers import (
    Answers,
    classes_of,
    has_own_answers,
    holds_words,
    in_order,
    text_columns,
)
from core.task.metric.choice import choose_metric
from core.task.metric.columns import NO_COLUMNS, RowColumns
from core.task.metric.parameters import with_scale
from core.task.metric.value_kinds import exclusive, kind_of
from core.task.recognise.evidence import LabelTable
from core.task.recognise.files_of_rows import RowFiles, files_of_rows
from core.task.recognise.recognition import Recognition
from core.task.recognise.roles import where
from core.task.recognise.split_columns import (
    SplitColumns,
    group_of_ids,
    is_mostly_shared,
    is_wider,
    recognise_split,
)
from core.task.recognise.submission_columns import SubmissionColumns
from core.task.recognise.tables import LoadedTables, check, digest_of, recognise_and_read
from utils.config_schema import TaskConfig
from utils.errors import ConfigError, SpecError
from utils.tables import with_point

_MANY_CLASSES = 5000


def inspect_competition(
    data_dir: Path,
    description_text: str,
    hints: Hints,
    workspace: Path | None = None,
) -> CompetitionSpec:
    """What can be known about the competition without training anything.

    workspace: the run's folder, in which archives are unpacked and label tables made; None: neither
    is done. Raises DataError when the folder is missing or empty, SpecError when no competition can
    be made of it, and ConfigError when the user names what does not exist.
    """
    found, tables = recognise_and_read(data_dir, description_text, hints, workspace)
    notes = [*found.notes, *check(tables)]
    digest = digest_of(data_dir, found.original, found.tables)
    spec = _assemble(found, digest, description_text, hints, tables, notes)
    program = hints.tables.program if hints.tables is not None else ""
    original = str(data_dir) if found.prepared else ""
    return replace(spec, original_dir=original, split_program=program)


def _assemble(
    found: Recognition,
    digest: str,
    description: str,
    hints: Hints,
    tables: LoadedTables,
    notes: list[str],
) -> CompetitionSpec:
    answers = _answers(tables)
    columns = _row_columns(found.root, tables)
    metric, reasons = choose_metric(description, answers, hints, columns)
    kind = kind_of(BY_NAME[metric.name], answers)[0]
    files = files_of_rows(tables, found)
    features = _features(found.root, tables, files.sources)
    modality = _modality(files, features)
    split = _split_columns(hints.user, tables, found.label_table, features.texts)
    metric = with_scale(metric, answers.labels, columns, split.group, split.time)
    notes += [*reasons, _note_on_files(files.places, modality)]
    notes += [*_notes_on_values(kind, metric.name, answers), *split.how]
    return CompetitionSpec(
        data_dir=str(found.root),
        data_digest=digest,
        description=description,
        metric=metric,
        modality=modality,
        value_kind=kind,
        ids=_ids(tables.submission, files.sources),
        tables=_tables(found, tables),
        answers=AnswerColumns(
            tables.labels.classes or _classes(found.root, kind, tables, answers),
            tables.labels.targets,
            tables.labels.columns,
            exclusive(BY_NAME[metric.name], answers),
        ),
        features=FeatureColumns(
            features.names, features.texts, split.group, split.time, features.words
        ),
        files=_competition_files(files.places, found.label_table),
        notes=tuple(notes),
    )


def _ids(submission: SubmissionColumns, sources: tuple[str, ...]) -> IdColumns:
    composite = submission.composite
    if composite is None:
        return IdColumns(submission.ids, sources)
    return IdColumns(submission.ids, sources, composite.columns, composite.joint)


def _tables(found: Recognition, tables: LoadedTables) -> CompetitionTables:
    train, roles = tables.labels.train.table, tables.roles
    return CompetitionTables(
        sample=_file_of(roles.sample),
        train=train,
        test=_file_of(roles.test),
        rows_train=rows_of(found.root, train, tables.train),
        rows_test=len(tables.official),
        items=found.items,
    )


def _file_of(found: FoundTable | None) -> TableFile | None:
    return found.table if found is not None else None


def _competition_files(
    places: FilesById | None, label_table: LabelTable | None
) -> CompetitionFiles:
    if label_table is None:
        return CompetitionFiles(places)
    return CompetitionFiles(places, label_table.sources, label_table.pixels)


def _answers(tables: LoadedTables) -> Answers:
    labels, sample = tables.labels, None
    if tables.sample is not None:
        sample = tables.sample[list(labels.targets)]
    if tables.shown is not None:
        return Answers(tables.shown, sample, False)
    decimal = labels.train.table.decimal
    columns = {name: with_point(tables.train[name], decimal) for name in labels.columns}
    return Answers(pd.DataFrame(columns), sample, bool(labels.classes))


def _row_columns(data_dir: Path, tables: LoadedTables) -> RowColumns:
    """None where a row of the train table is no row of the answers."""
    if tables.shown is not None:
        return NO_COLUMNS
    table = tables.labels.train
    others = {*tables.labels.columns, *tables.submission.sources, *tables.submission.ids}

    def read(name: str) -> pd.Series:
        if name in tables.train.columns:
            return tables.train[name]
        return load(data_dir, table.table, [name])[name]

    return RowColumns(without(table.columns, others), read)


def _classes(
    data_dir: Path, kind: ValueKind, tables: LoadedTables, answers: Answers
) -> tuple[str, ...]:
    """The distinct labels; of a table that is too large to hold, those of all of its rows."""
    found = classes_of(kind, answers)
    big = big_csv(data_dir, tables.labels.train.table)
    if big is None or not found or len(found) > _MANY_CLASSES:
        return found
    every = set[str]()
    for name in tables.labels.columns:
        every.update(distinct(big, name))
    return tuple(in_order(every - {""}))


def _modality(files: RowFiles, features: _Features) -> Modality:
    if files.suffix is not None:
        return modality_of(files.suffix)
    return "text" if features.about_text else "tabular"


# ---------------------------------------------------------------- features and split


@dataclass(frozen=True, slots=True)
class _Features:
    """names: columns that the official test table has. texts: free text among them; about_text: it
    leads. words: see FeatureColumns.
    """

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    about_text: bool = False
    words: bool = False


def _features(data_dir: Path, tables: LoadedTables, sources: tuple[str, ...]) -> _Features:
    test, train = tables.roles.test, tables.labels.train
    if test is None:
        return _Features()
    first = head(data_dir, train.table)
    both = without(among(test.columns, train.columns), _answer_columns(tables))
    texts, about_text = text_columns(first, both)
    keys = _key_columns(tables.submission, sources)
    names = without(both, keys.difference(texts))
    if not names and set(test.columns) - keys:
        raise SpecError(f"{where(train)} and {where(test)} have no feature column in common")
    words = holds_words(first, without(names, texts))
    return _Features(tuple(names), texts, about_text, words)


def _answer_columns(tables: LoadedTables) -> set[str]:
    return {*tables.labels.columns, *tables.labels.targets}


def _key_columns(submission: SubmissionColumns, sources: tuple[str, ...]) -> set[str]:
    """Columns that say nothing but which row it is; columns that are the id only together say
    something of a row, and may be what the parts were split by.
    """
    if len(submission.ids) > 1:
        return set()
    return {*submission.ids, *sources}


def _split_columns(
    task: TaskConfig,
    tables: LoadedTables,
    label_table: LabelTable | None,
    texts: tuple[str, ...],
) -> SplitColumns:
    """The column to split by: the user's, the rule's that made the labels, or the one that the
    tables show.
    """
    train, submission = tables.train, tables.submission
    group = _column(task.group_column, "group_column", tables.labels.train)
    time = _column(task.time_column, "time_column", tables.labels.train)
    if group or time or task.split in ("random", "stratified", "none"):
        return SplitColumns(group, time)
    answers = _answer_columns(tables)
    keys = _key_columns(submission, submission.sources)
    if label_table is not None and (label_table.group or label_table.time):
        named = recognise_split(train, None, keys, answers, texts)
        if is_wider(train, named.group, label_table.group):
            return named
        return SplitColumns(label_table.group, label_table.time)
    found = recognise_split(train, tables.test, keys, answers, texts)
    if found.time:
        return found
    known = among(submission.sources, train.columns)
    if len(submission.ids) == 1 and known and is_mostly_shared(train[known[0]]):
        how = f"split: group, several train rows have the same {known[0]!r}"
        return SplitColumns(group=known[0], how=(how,))
    if submission.composite is None or tables.test is None or found.group:
        return found
    return group_of_ids(train, tables.test, submission.composite.columns)


def _column(name: str | None, key: str, train: FoundTable) -> str | None:
    """The column that the user names under `key`; None without one."""
    if name is not None and name not in train.columns:
        raise ConfigError(f"task.{key}={name} is no column of {where(train)}")
    return name


# ---------------------------------------------------------------- notes


def _note_on_files(files: FilesById | None, modality: Modality) -> str:
    if files is None:
        return f"modality: {modality}, no files belong to the ids"
    suffix = files.suffix or "ids are file names"
    train, test = ", ".join(files.train_dirs) or "none", ", ".join(files.test_dirs) or "none"
    return f"modality: {modality}, files by id ({suffix}): train in {train}, test in {test}"


def _notes_on_values(kind: ValueKind, metric: str, answers: Answers) -> list[str]:
    notes = [f"values: {kind}, by the metric {metric}"]
    if answers.sample is not None and has_own_answers(kind, answers.sample):
        notes.append("baseline: the sample, whose texts differ")
    return notes
