"""Makes a CompetitionSpec of a folder and a description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.metric_names import BY_NAME
from core.records import CompetitionSpec, FilesById, Modality, ValueKind
from core.task.folder.big_tables import big_csv, distinct
from core.task.folder.files_by_id import IdMatch, modality_of, place
from core.task.folder.inventory import folder_digest
from core.task.folder.loading import head, load, rows_of
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
from core.task.metric.value_kinds import exclusive, kind_of
from core.task.recognise.evidence import DerivedLabels
from core.task.recognise.pixel_rows import item_of
from core.task.recognise.recognition import Recognition
from core.task.recognise.roles import where
from core.task.recognise.split_columns import SplitColumns, group_of_ids, recognise_split
from core.task.recognise.tables import LoadedTables, check, recognise_and_read
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
    found, parts = recognise_and_read(data_dir, description_text, hints, workspace)
    notes = [*found.notes, *check(parts)]
    plain = {file.path for file in found.original}
    tables = [table.table.path for table in found.tables if table.table.path in plain]
    digest = folder_digest(data_dir, found.original, tables)
    spec = _assemble(found, digest, description_text, hints, parts, notes)
    program = hints.tables.program if hints.tables is not None else ""
    original = str(data_dir) if found.prepared else ""
    return replace(spec, original_dir=original, split_program=program)


def _assemble(
    found: Recognition,
    digest: str,
    description: str,
    hints: Hints,
    parts: LoadedTables,
    notes: list[str],
) -> CompetitionSpec:
    labels, roles, data_dir = parts.labels, parts.roles, found.root
    answers = _answers(parts)
    metric, said = choose_metric(description, answers, hints, _row_columns(data_dir, parts))
    kind = kind_of(BY_NAME[metric.name], answers)[0]
    matched, files, sources = _files(parts, found)
    features = _features(data_dir, parts, sources)
    modality: Modality = (
        modality_of(matched.suffix) if matched else ("text" if features.about_text else "tabular")
    )
    split = _split_columns(hints.user, parts, found.derived, features.texts)
    composite = parts.asked.composite
    notes += [
        *said,
        *_notes_on_files(files, modality),
        *_notes_on_values(kind, metric.name, answers),
        *split.how,
    ]
    return CompetitionSpec.of(
        data_dir=str(data_dir),
        data_digest=digest,
        description=description,
        metric=metric,
        modality=modality,
        value_kind=kind,
        sample=roles.sample.table if roles.sample else None,
        train=labels.train.table,
        test=roles.test.table if roles.test else None,
        id_columns=parts.asked.ids,
        target_columns=labels.targets,
        label_columns=labels.columns,
        classes=labels.classes or _classes(data_dir, kind, parts, answers),
        feature_columns=features.names,
        text_columns=features.texts,
        rows_train=rows_of(data_dir, labels.train.table, parts.train),
        rows_test=len(_rows_to_answer(parts)),
        files=files,
        group_column=split.group,
        time_column=split.time,
        notes=tuple(notes),
        id_sources=sources,
        id_parts=composite.columns if composite else (),
        id_joint=composite.joint if composite else "_",
        label_files=found.derived.sources if found.derived else (),
        pixels=found.derived.pixels if found.derived else None,
        exclusive=exclusive(BY_NAME[metric.name], answers),
        items=found.items,
        words=features.words,
    )


def _rows_to_answer(parts: LoadedTables) -> pd.DataFrame:
    """The sample submission, else the test table; there is one of them."""
    found = parts.test if parts.sample is None else parts.sample
    assert found is not None
    return found


def _answers(parts: LoadedTables) -> Answers:
    columns, targets = list(parts.labels.columns), list(parts.labels.targets)
    sample = parts.sample[targets] if parts.sample is not None else None
    if parts.shown is not None:
        return Answers(parts.shown, sample, False)
    decimal = parts.labels.train.table.decimal
    labels = pd.DataFrame({name: with_point(parts.train[name], decimal) for name in columns})
    return Answers(labels, sample, bool(parts.labels.classes))


def _row_columns(data_dir: Path, parts: LoadedTables) -> RowColumns:
    """None where a row of the train table is no row of the answers."""
    if parts.shown is not None:
        return NO_COLUMNS
    table = parts.labels.train
    others = {*parts.labels.columns, *parts.asked.sources, *parts.asked.ids}

    def read(name: str) -> pd.Series:
        return (
            parts.train if name in parts.train.columns else load(data_dir, table.table, [name])
        )[name]

    return RowColumns([name for name in table.columns if name not in others], read)


def _classes(
    data_dir: Path, kind: ValueKind, parts: LoadedTables, answers: Answers
) -> tuple[str, ...]:
    """The distinct labels; of a table that is too large to hold, those of all of its rows."""
    found = classes_of(kind, answers)
    big = big_csv(data_dir, parts.labels.train.table)
    if big is None or not found or len(found) > _MANY_CLASSES:
        return found
    every = {value for name in parts.labels.columns for value in distinct(big, name)} - {""}
    return tuple(in_order(every))


def _files(
    parts: LoadedTables, found: Recognition
) -> tuple[IdMatch | None, FilesById | None, tuple[str, ...]]:
    """Files of both parts, and the id columns of the train table: the sample's, or the one that
    names files.
    """
    sources, index = parts.asked.sources, found.index
    if len(sources) != 1:
        return None, None, sources
    official = parts.sample if parts.sample is not None else parts.test
    assert official is not None
    ids = official[parts.asked.ids[0]]
    pixels = found.derived.pixels if found.derived else None
    test = index.match(list(ids if pixels is None else item_of(ids, pixels).unique()))
    names = [name for name in (*sources, *parts.train.columns) if name in parts.train.columns]
    if test is None:
        names = [name for name in names if name in sources]
    for name in names:
        train = index.match(list(parts.train[name]))
        if train is not None and pixels is not None:
            inputs = tuple(folder for folder in train.folders if folder != pixels.truth_dir)
            train = replace(train, folders=inputs or train.folders)
        if train is not None:
            return test or train, place(train, test), (name,)
    if test is None and parts.test is not None:
        for name in [
            n
            for n in parts.train.columns
            if n in parts.test.columns and n not in parts.labels.columns
        ]:
            theirs = index.match(list(parts.test[name].unique()))
            ours = index.match(list(parts.train[name].unique())) if theirs is not None else None
            if ours is not None and (places := place(ours, theirs)) is not None:
                return theirs, replace(places, column=name), sources
    return test, place(None, test), sources


@dataclass(frozen=True, slots=True)
class _Features:
    """names: columns that the official test table has. texts: free text among them; about_text: it
    leads. words: see CompetitionSpec.
    """

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    about_text: bool = False
    words: bool = False


def _features(data_dir: Path, parts: LoadedTables, sources: tuple[str, ...]) -> _Features:
    if parts.roles.test is None:
        return _Features()
    table, first = parts.labels.train, head(data_dir, parts.labels.train.table)
    answers = {*parts.labels.columns, *parts.labels.targets}
    both = [
        name for name in parts.roles.test.columns if name in table.columns and name not in answers
    ]
    texts, about_text = text_columns(first, both)
    # Columns that only together are the id say something of a row.
    keys = {*parts.asked.ids, *sources} if len(parts.asked.ids) == 1 else set[str]()
    features = tuple(name for name in both if name not in keys or name in texts)
    if not features and set(parts.roles.test.columns) - keys:
        raise SpecError(
            f"{where(table)} and {where(parts.roles.test)} have no feature column in common"
        )
    return _Features(
        features, texts, about_text, holds_words(first, [it for it in features if it not in texts])
    )


def _split_columns(
    task: TaskConfig,
    parts: LoadedTables,
    derived: DerivedLabels | None,
    texts: tuple[str, ...],
) -> SplitColumns:
    """The column to split by: the user's, the rule's that made the labels, or the one that the
    tables show.
    """
    train = parts.labels.train
    group = _column(task.group_column, "group_column", train)
    time = _column(task.time_column, "time_column", train)
    if group or time or task.split in ("random", "stratified", "none"):
        return SplitColumns(group, time)
    answers = {*parts.labels.columns, *parts.labels.targets}
    # Columns that are the id together may be what the parts were split by; one that is it alone is
    # not.
    keys = {*parts.asked.ids, *parts.asked.sources} if len(parts.asked.ids) == 1 else set[str]()
    if derived is not None and (derived.group or derived.time):
        named = recognise_split(parts.train, None, keys, answers, texts)
        wider = named.group and derived.group and _is_wider(parts.train, named.group, derived.group)
        return named if wider else SplitColumns(derived.group, derived.time)
    found = recognise_split(parts.train, parts.test, keys, answers, texts)
    if not found.time and (name := _repeated_id(parts)):
        return SplitColumns(
            group=name, how=(f"split: group, several train rows have the same {name!r}",)
        )
    composite = parts.asked.composite
    if composite is None or parts.test is None or found.group or found.time:
        return found
    return group_of_ids(parts.train, parts.test, composite.columns)


def _is_wider(train: pd.DataFrame, column: str, group: str) -> bool:
    """Its groups are made of whole groups of the other column."""
    if (
        not {column, group} <= set(train.columns)
        or train[column].nunique() >= train[group].nunique()
    ):
        return False
    return bool(train.groupby(group)[column].nunique().max() == 1)


def _repeated_id(parts: LoadedTables) -> str | None:
    """The id column of train where most rows share their id with another row."""
    known = [name for name in parts.asked.sources if name in parts.train.columns]
    if (
        len(parts.asked.ids) > 1
        or not known
        or parts.train[known[0]].duplicated(keep=False).mean() < 0.5
    ):
        return None
    return known[0]


def _column(name: str | None, key: str, train: FoundTable) -> str | None:
    """The column that the user names under `key`; None without one."""
    if name is not None and name not in train.columns:
        raise ConfigError(f"task.{key}={name} is no column of {where(train)}")
    return name


def _notes_on_files(files: FilesById | None, modality: Modality) -> list[str]:
    if files is None:
        return [f"modality: {modality}, no files belong to the ids"]
    folders = f"train in {', '.join(files.train_dirs) or 'none'}, test in {', '.join(files.test_dirs) or 'none'}"
    return [
        f"modality: {modality}, files by id ({files.suffix or 'ids are file names'}): {folders}"
    ]


def _notes_on_values(kind: ValueKind, metric: str, answers: Answers) -> list[str]:
    own = answers.sample is not None and has_own_answers(kind, answers.sample)
    return [
        f"values: {kind}, by the metric {metric}",
        *(["baseline: the sample, whose texts differ"] if own else []),
    ]
