"""A competition of which only the sample submission is understood."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from core.metric_names import BY_NAME, WORDS, MetricName
from core.records import (
    AnswerColumns,
    CompetitionFiles,
    CompetitionSpec,
    CompetitionTables,
    FeatureColumns,
    IdColumns,
    MetricSpec,
    SplitSpec,
    ValueKind,
    View,
)
from core.task.folder.archives import to_unpack
from core.task.folder.inventory import list_files
from core.task.folder.loading import load
from core.task.folder.names import without
from core.task.folder.prepared import Preparation
from core.task.folder.sniff import find_tables
from core.task.hints import Hints
from core.task.metric.answers import Answers
from core.task.metric.choice import choose_metric
from core.task.metric.value_kinds import kind_of
from core.task.recognise.roles import assign_roles, where
from core.task.recognise.tables import digest_of
from core.task.view_digest import view_digest
from utils.errors import SpecError


def inspect_bare(
    data_dir: Path,
    description: str,
    hints: Hints,
    workspace: Path | None,
    why: str,
) -> CompetitionSpec:
    """The competition without train and test table. why: what the recogniser said, the first of the
    notes.

    hints, workspace and errors as in core.task.recognise.spec; SpecError where there is no
    sample submission either.
    """
    original = list_files(data_dir)
    folder = Preparation(data_dir, original, workspace)
    archives, notes = to_unpack(data_dir, original)
    folder.unpack(archives)
    tables = find_tables(folder.root, folder.files())
    roles = assign_roles(folder.root, tables)
    if roles.sample is None:
        raise SpecError(why)
    sample = load(folder.root, roles.sample.table)
    ids, targets = _columns(sample, hints, where(roles.sample))
    answers = Answers(sample[list(targets)], sample[list(targets)], False)
    metric, reasons = _metric(description, answers, hints)
    return CompetitionSpec(
        data_dir=str(folder.root),
        data_digest=digest_of(data_dir, original, tables),
        description=description,
        metric=metric,
        modality="files",
        value_kind=_kind(BY_NAME[metric.name], answers),
        ids=IdColumns(ids, ids),
        tables=CompetitionTables(roles.sample.table, None, None, 0, len(sample)),
        answers=AnswerColumns((), targets, ()),
        features=FeatureColumns((), ()),
        files=CompetitionFiles(),
        notes=(why, *folder.notes, *notes, *reasons),
        original_dir=str(data_dir) if folder.changed else "",
    )


def _metric(description: str, answers: Answers, hints: Hints) -> tuple[MetricSpec, list[str]]:
    """As ever, but that the cells of a sample submission say no more than whether they are numbers."""
    metric, reasons = choose_metric(description, answers, hints)
    if metric.source != "fallback" or not answers.numeric or hints.user.direction:
        return metric, reasons
    stand_in = MetricSpec("rmse", "minimize", "fallback", metric.why)
    return stand_in, [f"metric: {metric.why}; rmse stands in"]


def _kind(metric: MetricName, answers: Answers) -> ValueKind:
    """What a submission is checked for; cells that are no numbers may be anything that the metric
    can score.
    """
    if not answers.numeric:
        for kind in WORDS:
            if kind in metric.kinds:
                return kind
    return kind_of(metric, answers)[0]


def _columns(
    sample: pd.DataFrame, hints: Hints, table: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(ids, targets): the leading columns that tell the rows apart, and the others."""
    columns = tuple(map(str, sample.columns))
    ids, targets = hints.id_columns, hints.target_columns
    if targets and not ids:
        ids = tuple(without(columns, targets))
    if not ids:
        ids = columns[: _leading_keys(sample, table)]
    if not targets:
        targets = tuple(without(columns, ids))
    if not targets or not {*ids, *targets} <= set(columns):
        raise SpecError(f"{table} has no target column")
    return ids, targets


def _leading_keys(sample: pd.DataFrame, table: str) -> int:
    """How many of the first columns tell the rows apart; not all of them, something is asked for."""
    for count in range(1, len(sample.columns)):
        if not sample.duplicated(list(sample.columns[:count])).any():
            return count
    raise SpecError(f"no leading columns of {table} tell its rows apart")


def bare_split(spec: CompetitionSpec, seed: int) -> SplitSpec:
    """Nothing is held out."""
    return SplitSpec("none", 0, 0, 0, seed, spec.notes[0] if spec.notes else "no train table")


def bare_view(spec: CompetitionSpec) -> View:
    """The folder as it is."""
    assert spec.tables.sample is not None
    root = Path(spec.data_dir).resolve()
    readable = (str(Path(spec.original_dir).resolve()),) if spec.original_dir else ()
    counts = (0, 0, spec.tables.rows_test)
    return View(
        "full",
        "full",
        -1,
        str(root),
        view_digest(root),
        None,
        spec.tables.sample,
        *counts,
        readable,
    )
