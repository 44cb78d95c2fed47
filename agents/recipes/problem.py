"""What a recipe must know of a competition, and the constants that its program starts with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.metric_names import WORDS
from core.records import CompetitionSpec, TableFile
from utils.errors import SpecError

Task = Literal["binary", "multiclass", "multilabel", "regression", "texts"]
_LISTED_FEATURES = 60
# Words of a ranking that a classifier can tell apart, and the probabilities of them that fit into
# memory.
_RANKED_CLASSES = 500
_RANKED_CELLS = 20_000_000
# A table with so many features says more of a row than the row's file of this kind does.
_WIDE_TABLE = {"image": 11, "audio": 11, "files": 1}
# Cells of the train table that fit into memory as numbers.
_READ_CELLS = 100_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """A competition as fragments are chosen for it."""

    # Whose fragments fit, see catalog.MODALITIES.
    modality: str
    # The kind of model.
    task: Task
    # Of the submission's values, see records.ValueKind.
    kind: str
    # Name of the metric.
    metric: str
    # Of the train table.
    rows: int
    # Label columns.
    columns: int
    # 0 where none are predicted.
    classes: int
    # Feature columns.
    features: int
    # Values for the preamble, by name.
    constants: dict[str, Any]
    # Values for the loci that have such a constant, by name.
    locus_constants: dict[str, Any]
    # Text columns.
    texts: int = 0
    # Some feature column may hold words, each in many rows.
    words: bool = True
    # Test continues train along a time column.
    timed: bool = False
    # All tables are whole csv files that fit into memory.
    plain: bool = True


def problem_of(spec: CompetitionSpec) -> Problem:
    """Raises SpecError where no recipe can work: without train table or label columns."""
    if spec.tables.train is None or not spec.answers.labels:
        raise SpecError("recipes need a train table with label columns")
    task = task_of(spec)
    modality = modality_of(spec)
    return Problem(
        modality=modality,
        task=task,
        kind=spec.value_kind,
        metric=spec.metric.name,
        rows=spec.tables.rows_train,
        columns=len(spec.answers.labels),
        classes=len(_predicted_classes(spec, task)),
        features=len(spec.features.names),
        constants=_constants(spec, task),
        locus_constants=_locus_constants(spec),
        texts=len(spec.features.texts),
        words=spec.features.words,
        timed=_time(spec) is not None,
        plain=_plain(spec),
    )


def task_of(spec: CompetitionSpec) -> Task:
    """The kind of model; a probability that is no class share of two or more columns is a
    regression.
    """
    classes, labels = len(spec.answers.classes), spec.value_kind == "label"
    if ranked(spec):
        return "multiclass"
    if spec.value_kind in WORDS:
        return "texts"
    if spec.value_kind == "real" or classes == 0:
        return "regression"
    if spec.answers.one_hot:
        return "multiclass"
    if classes > 2 and not labels:
        return "regression"
    if spec.answers.exclusive and not _one_of_all(spec):
        return "regression"
    if len(spec.answers.labels) > 1:
        return "multilabel"
    return "binary" if classes <= 2 else "multiclass"


def _predicted_classes(spec: CompetitionSpec, task: Task) -> list[str]:
    if task in ("regression", "texts"):
        return []
    return list(spec.answers.classes)


def _one_of_all(spec: CompetitionSpec) -> bool:
    """Exclusive columns of 0 and 1, as many classes: log loss knows them by rows that sum to 1."""
    return (
        spec.metric.name == "log_loss"
        and len(spec.answers.classes) == 2
        and set(map(float, spec.answers.classes)) == {0, 1}
    )


def ranked(spec: CompetitionSpec) -> bool:
    """Answers are rankings of classes, of which one is right: a classifier's probabilities give the
    order.
    """
    if spec.value_kind != "list" or len(spec.answers.labels) != 1:
        return False
    classes = len(spec.answers.classes)
    return 1 < classes <= _RANKED_CLASSES and classes * spec.tables.rows_test <= _RANKED_CELLS


def modality_of(spec: CompetitionSpec) -> str:
    """The modality whose fragments fit: texts where answers are looked up, pixels where they are
    images; tables stand in where texts or files cannot be found by column or id, and where they say
    more than a file does.
    """
    if spec.value_kind in WORDS and not ranked(spec):
        return "texts"
    if spec.files.pixels is not None:
        return "pixels"
    if spec.modality == "text" and not spec.features.texts:
        return "tabular"
    if spec.modality in _WIDE_TABLE and (
        spec.files.by_id is None or len(spec.features.names) >= _WIDE_TABLE[spec.modality]
    ):
        return "tabular"
    return spec.modality


def _constants(spec: CompetitionSpec, task: Task) -> dict[str, Any]:
    train, share = _table(spec.tables.train) or {}, _share_read(spec)
    if share < 1:
        train["share"] = share
    constants = {
        "TASK": task,
        "PREDICT": spec.value_kind,
        "METRIC": spec.metric.name,
        "TRAIN": train,
        "TEST": _table(spec.tables.test),
        # Where the competition has no sample submission, every view has one under the usual name.
        "SAMPLE": _table(spec.tables.sample or TableFile("sample_submission.csv")),
        "ID": list(spec.ids.columns),
        "KEYS": list(spec.ids.sources or spec.ids.columns),
        "LABELS": list(spec.answers.labels),
        "TARGETS": list(spec.answers.targets),
        "CLASSES": _predicted_classes(spec, task),
        "EXCLUSIVE": spec.answers.exclusive,
    }
    if not _plain(spec):
        constants |= {"PARTS": list(spec.ids.parts), "JOINT": spec.ids.joint}
    return constants


def _locus_constants(spec: CompetitionSpec) -> dict[str, Any]:
    constants: dict[str, Any] = {
        "FEATURES": [],
        "TEXTS": list(spec.features.texts),
        "TIME": _time(spec),
        "PIXEL_IDS": {},
        "FILES": {"train": [], "test": []},
    }
    if len(spec.features.names) <= _LISTED_FEATURES:
        constants["FEATURES"] = list(spec.features.names)
    files, pixels = spec.files.by_id, spec.files.pixels
    if pixels is not None:
        constants["PIXEL_IDS"] = {
            "joint": pixels.joint,
            "first": pixels.first,
            "scale": pixels.scale,
        }
    if files is not None:
        constants["FILES"] = {"train": list(files.train_dirs), "test": list(files.test_dirs)}
    return constants


def _plain(spec: CompetitionSpec) -> bool:
    tables = (spec.tables.train, spec.tables.test, spec.tables.sample)
    looked_up = spec.value_kind in WORDS and not ranked(spec)
    return (
        all(table is None or _is_usual(table) for table in tables)
        and not spec.ids.parts
        and _share_read(spec) == 1
        and not looked_up
    )


def _is_usual(table: TableFile) -> bool:
    return (table.format, table.member, table.decimal) == ("csv", None, ".")


def _share_read(spec: CompetitionSpec) -> float:
    """Share of the train rows that a program reads; only a csv can be read in parts."""
    assert spec.tables.train is not None
    if spec.tables.train.format != "csv":
        return 1.0
    cells = spec.tables.rows_train * (len(spec.features.names) + 2)
    return round(min(1.0, _READ_CELLS / max(cells, 1)), 3)


def _time(spec: CompetitionSpec) -> str | None:
    """The time column, where both tables have it."""
    if spec.tables.test is None or spec.features.time not in spec.features.names:
        return None
    return spec.features.time


def _table(table: TableFile | None) -> dict[str, Any] | None:
    """Arguments of the program's `read`, those at their default left out."""
    if table is None:
        return None
    arguments, default = {"path": table.path}, TableFile(table.path)
    for name in ("format", "delimiter", "encoding", "member", "decimal"):
        value = getattr(table, name)
        if value != getattr(default, name):
            arguments[name] = value
    return arguments
