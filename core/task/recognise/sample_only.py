"""A competition of which only the sample submission is understood."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from core.metric_names import BY_NAME, WORDS, MetricName
from core.records import CompetitionSpec, MetricSpec, SplitSpec, ValueKind, View
from core.task.folder.archives import to_unpack
from core.task.folder.inventory import folder_digest, list_files
from core.task.folder.loading import load
from core.task.folder.prepared import Preparation
from core.task.folder.sniff import find_tables
from core.task.hints import Hints
from core.task.metric.answers import Answers
from core.task.metric.choice import choose_metric
from core.task.metric.value_kinds import kind_of
from core.task.recognise.roles import assign_roles, where
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
    made = Preparation(data_dir, original, workspace)
    archives, notes = to_unpack(data_dir, original)
    made.unpack(archives)
    tables = find_tables(made.root, made.files())
    roles = assign_roles(made.root, tables)
    if roles.sample is None:
        raise SpecError(why)
    sample = load(made.root, roles.sample.table)
    ids, targets = _columns(sample, hints, where(roles.sample))
    answers = Answers(sample[list(targets)], sample[list(targets)], False)
    metric, said = _metric(description, answers, hints)
    plain = {file.path for file in original}
    digest = folder_digest(
        data_dir, original, [table.table.path for table in tables if table.table.path in plain]
    )
    return CompetitionSpec.of(
        data_dir=str(made.root),
        data_digest=digest,
        description=description,
        metric=metric,
        modality="files",
        value_kind=_kind(BY_NAME[metric.name], answers),
        sample=roles.sample.table,
        train=None,
        test=None,
        id_columns=ids,
        target_columns=targets,
        label_columns=(),
        classes=(),
        feature_columns=(),
        text_columns=(),
        rows_train=0,
        rows_test=len(sample),
        notes=(why, *made.notes, *notes, *said),
        id_sources=ids,
        original_dir=str(data_dir) if made.changed else "",
    )


def _metric(description: str, answers: Answers, hints: Hints) -> tuple[MetricSpec, tuple[str, ...]]:
    """As ever, but that the cells of a sample submission say no more than whether they are numbers."""
    metric, said = choose_metric(description, answers, hints)
    if metric.source != "fallback" or not answers.numeric or hints.user.direction:
        return metric, tuple(said)
    return MetricSpec("rmse", "minimize", "fallback", metric.why), (
        f"metric: {metric.why}; rmse stands in",
    )


def _kind(metric: MetricName, answers: Answers) -> ValueKind:
    """What a submission is checked for; cells that are no numbers may be anything that the metric
    can score.
    """
    if not answers.numeric:
        for kind in WORDS:
            if kind in metric.kinds:
                return kind
    return kind_of(metric, answers)[0]


def _columns(sample: pd.DataFrame, hints: Hints, table: str) -> tuple[tuple[str, ...], ...]:
    """(ids, targets): the leading columns that tell the rows apart, and the others."""
    columns = tuple(str(name) for name in sample.columns)
    targets = hints.target_columns
    ids = hints.id_columns or tuple(name for name in columns if targets and name not in targets)
    if not ids:
        counts = range(1, len(columns))
        count = next((n for n in counts if not sample.duplicated(list(columns[:n])).any()), None)
        if count is None:
            raise SpecError(f"no leading columns of {table} tell its rows apart")
        ids = columns[:count]
    targets = targets or tuple(name for name in columns if name not in ids)
    if not targets or not {*ids, *targets} <= set(columns):
        raise SpecError(f"{table} has no target column")
    return ids, targets


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
