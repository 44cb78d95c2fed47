"""Makes a CompetitionSpec of a folder and a description. Runs in a worker process: it imports pandas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.metric_names import BY_NAME
from core.records import CompetitionSpec, FilesById, Modality
from core.task.files_by_id import FileIndex, Matched, modality_of, place
from core.task.inventory import folder_digest, list_files
from core.task.loading import head, load
from core.task.metric_choice import choose_metric
from core.task.roles import Roles, assign_roles, where
from core.task.sniff import FoundTable, find_tables
from core.task.targets import Asked, Labels, decide_columns, find_labels, names_of
from core.task.values import Answers, classes_of, text_columns
from utils.errors import ConfigError, SpecError


@dataclass(frozen=True, slots=True)
class _Parts:
    """The tables of one competition in memory: cells as text; test is None where there is none."""

    roles: Roles
    asked: Asked
    labels: Labels
    sample: pd.DataFrame | None
    test: pd.DataFrame | None
    train: pd.DataFrame


def inspect_competition(data_dir: Path, description_text: str, overrides: Mapping[str, object]) -> CompetitionSpec:
    """What can be known about the competition without training anything.

    overrides: metric, direction, id_column, target_columns, group_column, time_column; empty ones are not set.
    Raises DataError when the folder is missing or empty, SpecError when no competition can be made of it, and
    ConfigError when an override names what does not exist.
    """
    files = list_files(data_dir)
    tables = find_tables(data_dir, files)
    roles = assign_roles(data_dir, tables)
    if roles.sample is None and roles.test is None:
        raise SpecError("no sample submission and no test table: what should be predicted is not known")
    index = FileIndex(files)
    asked = decide_columns(data_dir, roles, index, overrides)
    labels = find_labels(data_dir, roles, asked)
    parts = _read(data_dir, roles, asked, labels)
    notes = [*roles.how, *asked.how, labels.how, *_check(parts)]
    digest = folder_digest(data_dir, files, [table.table.path for table in tables])
    return _assemble(data_dir, digest, description_text, overrides, parts, index, notes)


def _read(data_dir: Path, roles: Roles, asked: Asked, labels: Labels) -> _Parts:
    """The columns that matter; a train table of moderate size is read whole, so that torn rows are found."""
    wanted = [name for name in labels.train.columns if name in {*labels.columns, *asked.sources, *asked.ids}]
    train = load(data_dir, labels.train.table, wanted)
    sample = load(data_dir, roles.sample.table) if roles.sample else None
    known = [name for name in asked.sources if roles.test and name in roles.test.columns]
    test = load(data_dir, roles.test.table, known or None) if roles.test else None
    return _Parts(roles, asked, labels, sample, test, train)


def _assemble(
    data_dir: Path,
    digest: str,
    description: str,
    overrides: Mapping[str, object],
    parts: _Parts,
    index: FileIndex,
    notes: list[str],
) -> CompetitionSpec:
    labels, roles = parts.labels, parts.roles
    answers = _answers(parts)
    metric, said = choose_metric(description, answers, overrides)
    kind = BY_NAME[metric.name].predicts
    matched, files, sources = _files(parts, index)
    features, texts, about_text = _features(data_dir, parts, sources)
    modality: Modality = modality_of(matched.suffix) if matched else ("text" if about_text else "tabular")
    group, time = (_column(overrides, key, labels.train) for key in ("group_column", "time_column"))
    notes += [*said, *_notes_on_files(files, modality), f"values: {kind}, by the metric {metric.name}"]
    return CompetitionSpec(
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
        classes=labels.classes or classes_of(kind, answers),
        feature_columns=features,
        text_columns=texts,
        rows_train=len(parts.train),
        rows_test=len(parts.test if parts.sample is None and parts.test is not None else parts.sample),  # type: ignore[arg-type]
        files=files,
        group_column=group,
        time_column=time,
        notes=tuple(notes),
        id_sources=sources,
    )


def _answers(parts: _Parts) -> Answers:
    columns, targets = list(parts.labels.columns), list(parts.labels.targets)
    sample = parts.sample[targets] if parts.sample is not None else None
    return Answers(parts.train[columns], sample, bool(parts.labels.classes))


def _check(parts: _Parts) -> list[str]:
    """Lines for the notes. Raises SpecError where the tables contradict each other."""
    train, table = parts.train, where(parts.labels.train)
    if len(train) == 0:
        raise SpecError(f"{table} has no rows")
    for name in parts.labels.columns:
        empty = int((train[name] == "").sum())
        if empty == len(train):
            raise SpecError(f"column {name!r} of {table} is empty in every row")
    notes = [f"{name!r} is empty in {n} train rows" for name in parts.labels.columns if (n := _empty(train[name]))]
    if parts.sample is not None and parts.test is not None:
        notes += _compare(parts.sample, parts.test, parts.asked)
    return notes


def _empty(column: pd.Series) -> int:
    return int((column == "").sum())


def _compare(sample: pd.DataFrame, test: pd.DataFrame, asked: Asked) -> list[str]:
    pairs = [(mine, theirs) for mine, theirs in zip(asked.ids, asked.sources, strict=True) if theirs in test.columns]
    for mine, theirs in pairs:
        if not set(sample[mine]) & set(test[theirs]):
            raise SpecError(f"sample and test table contradict each other: no id of column {mine!r} is in both")
    if len(sample) == len(test):
        return []
    return [f"the sample has {len(sample)} rows, the test table {len(test)}"]


def _files(parts: _Parts, index: FileIndex) -> tuple[Matched | None, FilesById | None, tuple[str, ...]]:
    """Files of both parts, and the id columns of the train table: the sample's, or the one that names files."""
    sources = parts.asked.sources
    if len(sources) != 1:
        return None, None, sources
    official = parts.sample if parts.sample is not None else parts.test
    assert official is not None
    test = index.match(list(official[parts.asked.ids[0]]))
    names = [name for name in (*sources, *parts.train.columns) if name in parts.train.columns]
    if test is None:
        names = [name for name in names if name in sources]
    for name in names:
        train = index.match(list(parts.train[name]))
        if train is not None:
            return test or train, place(train, test), (name,)
    return test, place(None, test), sources


def _features(data_dir: Path, parts: _Parts, sources: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Feature columns (those that the official test table has), free text among them, and whether text leads."""
    if parts.roles.test is None:
        return (), (), False
    table, first = parts.labels.train, head(data_dir, parts.labels.train.table)
    answers = {*parts.labels.columns, *parts.labels.targets}
    both = [name for name in parts.roles.test.columns if name in table.columns and name not in answers]
    texts, about_text = text_columns(first, both)
    keys = {*parts.asked.ids, *sources}
    features = tuple(name for name in both if name not in keys or name in texts)
    if not features and set(parts.roles.test.columns) - keys:
        raise SpecError(f"{where(table)} and {where(parts.roles.test)} have no feature column in common")
    return features, texts, about_text


def _column(overrides: Mapping[str, object], key: str, train: FoundTable) -> str | None:
    names = names_of(overrides.get(key))
    if not names:
        return None
    if names[0] not in train.columns:
        raise ConfigError(f"task.{key}={names[0]} is no column of {where(train)}")
    return names[0]


def _notes_on_files(files: FilesById | None, modality: Modality) -> list[str]:
    if files is None:
        return [f"modality: {modality}, no files belong to the ids"]
    folders = f"train in {', '.join(files.train_dirs) or 'none'}, test in {', '.join(files.test_dirs) or 'none'}"
    return [f"modality: {modality}, files by id ({files.suffix or 'ids are file names'}): {folders}"]
