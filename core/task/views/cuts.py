"""Names of views, and the rows that each one shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, SplitKind, SplitSpec, ViewKind
from core.task.folder.cells import Mask, parse_times, text_of
from core.task.hints import UNSET
from core.task.views.source import Source, with_notes
from core.task.views.splits import FOLDS, MIN_ROWS, Part, assign, assign_final, decide
from core.task.views.tables import Cut
from core.task.views.train_rows import key_of
from utils.config_schema import TaskConfig
from utils.errors import ConfigError

PROBE_ROWS = 2_000
PROBE_CLASSES = 200
# Links in a probe view, one or more per row.
PROBE_FILES = 2_000
# Rows of a submission that one view may hold out, where items are images.
PIXEL_ROWS = 2_000_000
ONE_FOLD_ABOVE_FILES = 50_000
_PROBE_PER_CLASS = 2
# Share of the rows that windows in time must hold out, and may.
_LEAST_HELD, _MOST_HELD = 0.05, 0.75
_NUMBERED = re.compile(r"(search|final)(\d+)")


def plan(source: Source, seed: int, holdout_max_rows: int, task: TaskConfig = UNSET) -> SplitSpec:
    """The split of a competition. task: what the user says of it; only split, group_column and
    time_column count.

    Raises ConfigError when they contradict each other or the train table.
    """
    group, time, wish = task.group_column, task.time_column, task.split
    if group is None and time is None and wish in (None, "group", "time"):
        group, time = _recognised(source.spec, wish)
    kind = _kind(source, wish, group, time)
    if kind != "group":
        group = None
    if kind != "time":
        time = None
    for name in (group, time):
        if name is not None and name not in source.train.columns:
            raise ConfigError(f"the train table has no column {name!r} to split by")
    wanted = SplitSpec(kind, 0, 0, 0, seed, "", group, time)
    # Rows that are images are worth many rows of a submission each.
    limit = min(holdout_max_rows, max(1, PIXEL_ROWS // source.rows_per_item))
    many_pixels = limit < holdout_max_rows and limit * FOLDS < len(source.train)
    single = many_pixels or len(source.files) > ONE_FOLD_ABOVE_FILES
    horizon = None
    if time is not None:
        horizon = _horizon(source, time)
    split = decide(kind, source.splittable(wanted), seed, limit, group, time, single, horizon)
    asked_for = wish is not None or task.time_column is not None
    if kind == "time" and not asked_for and _is_poor(split, len(source.train), limit):
        kind = _by_answers(source)
        split = decide(
            kind, source.splittable(replace(wanted, kind=kind)), seed, limit, single=single
        )
    return with_notes(split, *source.rows.notes)


def names_of_run(split: SplitSpec) -> list[str]:
    """The views that a run starts with."""
    return ["probe", *(f"search{fold}" for fold in range(split.folds)), "full"]


def cut_for(source: Source, split: SplitSpec, name: str) -> Cut:
    """The rows of the view of this name. Raises ValueError when the split has no such view."""
    everything = np.ones(len(source.sample), dtype=bool)
    if name == "probe":
        return Cut(name, "probe", -1, *_probe(source, split.seed), split.seed)
    match = _NUMBERED.fullmatch(name)
    if match is None:
        raise ValueError(f"there is no view {name!r}")
    fold, rows = int(match.group(2)), source.splittable(split)
    kind: ViewKind = "search"
    if match.group(1) == kind:
        parts = assign(rows, split)
    else:
        kind, parts = "final", assign_final(rows, split)
    if fold >= len(parts):
        raise ValueError(f"the split has {len(parts)} {kind} views, there is no {name!r}")
    return Cut(name, kind, fold, parts[fold], everything, split.seed)


def _recognised(spec: CompetitionSpec, wish: str | None) -> tuple[str | None, str | None]:
    """Group and time column as they were recognised: one at most, the group first."""
    features = spec.features
    if wish == "group" or (wish is None and features.group is not None):
        return features.group, None
    return None, features.time


def _horizon(source: Source, column: str) -> float | None:
    """How far the rows that are asked for reach beyond the last train row, in the unit of the split's
    times; None where they do not all follow it.
    """
    if source.test is None or column not in source.test.columns:
        return None
    cells = [text_of(frame[column]).reset_index(drop=True) for frame in (source.train, source.test)]
    # Together: ranks of text are of one list.
    times = parse_times(pd.concat(cells, ignore_index=True))
    train, test = np.split(times, [len(cells[0])])
    known = test[np.isfinite(test)]
    if not len(known) or known.min() < train.max():
        return None
    return float(known.max() - train.max())


def _is_poor(split: SplitSpec, total: int, limit: int) -> bool:
    """Most of `total` rows are of a few moments, so that windows hold too little or leave too
    little to train on.
    """
    held = split.holdout_rows + split.locked_rows
    return held < max(MIN_ROWS, min(limit, _LEAST_HELD * total)) or held > _MOST_HELD * total


def _kind(source: Source, wish: str | None, group: str | None, time: str | None) -> SplitKind:
    kinds: Sequence[SplitKind] = get_args(SplitKind)
    if wish is not None and wish not in kinds:
        raise ConfigError(f"task.split={wish} is none of {', '.join(kinds)}")
    for kind, column in (("group", group), ("time", time)):
        if wish == kind and column is None:
            raise ConfigError(f"task.split={wish} needs task.{kind}_column")
    if wish is not None:
        return next(kind for kind in kinds if kind == wish)
    if group is not None and time is not None:
        raise ConfigError(
            "task.group_column and task.time_column are both set; task.split says which one counts"
        )
    if group is not None:
        return "group"
    if time is not None:
        return "time"
    return _by_answers(source)


def _by_answers(source: Source) -> SplitKind:
    return "stratified" if source.stratifiable else "random"


def _probe(source: Source, seed: int) -> tuple[Part, Mask]:
    """At most PROBE_ROWS train and official rows at random, fewer where rows have files; every
    class is kept, up to PROBE_CLASSES of them.
    """
    rng = np.random.default_rng([seed, 2])
    count, rows = len(source.train), probe_rows(source)
    order = rng.permutation(count)
    if source.stratifiable:
        order = _classes_first(source, order)
    train = np.zeros(count, dtype=bool)
    train[order[:rows]] = True
    codes, items = pd.factorize(source.official)
    shown = np.zeros(len(items), dtype=bool)
    shown[rng.permutation(len(items))[:rows]] = True
    official = shown[codes]
    none = np.zeros(count, dtype=bool)
    return Part(train, none, none), official


def probe_rows(source: Source) -> int:
    """Rows of each part in a probe view."""
    if source.spec.files.pixels is not None:
        return max(2, PROBE_ROWS // source.rows_per_item)
    if source.spec.files.by_id is None:
        return PROBE_ROWS
    per_row = max(1.0, len(source.files) / max(len(source.train) + len(source.sample), 1))
    return max(50, min(PROBE_ROWS, int(PROBE_FILES / per_row / 2)))


def _classes_first(source: Source, order: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same rows with a few of each of the commonest classes in front."""
    classes = key_of(source.rows.labels, source.spec.answers.labels)
    codes = pd.Series(pd.factorize(classes)[0])[order]
    common = codes.value_counts().index[:PROBE_CLASSES]
    first = (codes.groupby(codes).cumcount() < _PROBE_PER_CLASS) & codes.isin(common)
    chosen = first.to_numpy()
    return np.concatenate([order[chosen], order[~chosen]])
