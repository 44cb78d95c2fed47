"""What a recipe must know of a competition, and the constants that its program starts with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.records import CompetitionSpec, TableFile
from utils.errors import SpecError

Task = Literal["binary", "multiclass", "multilabel", "regression"]
_LISTED_FEATURES = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """columns: number of label columns. classes: 0 for a regression.

    texts: number of text columns. timed: test continues train along a time column.
    constants: values for the preamble. locus_constants: values for the loci that have such a constant.
    """

    modality: str
    task: Task
    kind: str
    metric: str
    rows: int
    columns: int
    classes: int
    features: int
    constants: dict[str, Any]
    locus_constants: dict[str, Any]
    texts: int = 0
    timed: bool = False


def problem_of(spec: CompetitionSpec) -> Problem:
    """Raises SpecError where no recipe can work: without train table or label columns."""
    if spec.train is None or not spec.label_columns:
        raise SpecError("recipes need a train table with label columns")
    task = task_of(spec)
    modality = modality_of(spec)
    return Problem(
        modality=modality,
        task=task,
        kind=spec.value_kind,
        metric=spec.metric.name,
        rows=spec.rows_train,
        columns=len(spec.label_columns),
        classes=0 if task == "regression" else len(spec.classes),
        features=len(spec.feature_columns),
        constants=_constants(spec, task),
        locus_constants=_locus_constants(spec),
        texts=len(spec.text_columns),
        timed=_time(spec) is not None,
    )


def task_of(spec: CompetitionSpec) -> Task:
    """The kind of model; a probability that is no class share of two or more columns is a regression."""
    labels = spec.value_kind == "label"
    if spec.value_kind == "real" or not spec.classes:
        return "regression"
    if spec.one_hot:
        return "multiclass"
    if len(spec.classes) > 2 and not labels:
        return "regression"
    if len(spec.label_columns) > 1:
        return "multilabel"
    return "binary" if len(spec.classes) <= 2 else "multiclass"


def modality_of(spec: CompetitionSpec) -> str:
    """The modality whose fragments fit; tables stand in where texts or files cannot be found by column or id."""
    if spec.modality == "text" and not spec.text_columns:
        return "tabular"
    if spec.modality in ("image", "audio", "files") and spec.files is None:
        return "tabular"
    return spec.modality


def _constants(spec: CompetitionSpec, task: Task) -> dict[str, Any]:
    return {
        "TASK": task,
        "PREDICT": spec.value_kind,
        "METRIC": spec.metric.name,
        "TRAIN": _table(spec.train),
        "TEST": _table(spec.test),
        # Where the competition has no sample submission, every view has one under the usual name.
        "SAMPLE": _table(spec.sample or TableFile("sample_submission.csv")),
        "ID": list(spec.id_columns),
        "KEYS": list(spec.id_sources or spec.id_columns),
        "LABELS": list(spec.label_columns),
        "TARGETS": list(spec.target_columns),
        "CLASSES": [] if task == "regression" else list(spec.classes),
    }


def _locus_constants(spec: CompetitionSpec) -> dict[str, Any]:
    files = spec.files
    listed = len(spec.feature_columns) <= _LISTED_FEATURES
    return {
        "FEATURES": list(spec.feature_columns) if listed else [],
        "TEXTS": list(spec.text_columns),
        "TIME": _time(spec),
        "FILES": {"train": list(files.train_dirs) if files else [], "test": list(files.test_dirs) if files else []},
    }


def _time(spec: CompetitionSpec) -> str | None:
    """The time column, where both tables have it."""
    return spec.time_column if spec.test is not None and spec.time_column in spec.feature_columns else None


def _table(table: TableFile | None) -> dict[str, Any] | None:
    """Arguments of the program's `read`, those at their default left out."""
    if table is None:
        return None
    default = TableFile(table.path)
    names = ("format", "delimiter", "encoding", "member")
    changed = {name: getattr(table, name) for name in names if getattr(table, name) != getattr(default, name)}
    return {"path": table.path} | changed
