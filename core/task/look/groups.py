"""How rows belong together: numbers and sizes of groups, and whether one is on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.look.columns import percent
from core.task.look.sample import SampledRows
from core.task.look.whole import whole_columns
from utils.text import exact
from utils.untrusted import one_line


def group_lines(
    spec: CompetitionSpec, root: Path, train: SampledRows, test: SampledRows | None
) -> tuple[str, ...]:
    """Of the column by which rows belong together; () without one, or where the table is too large."""
    name = spec.features.group
    if name is None:
        return ()
    labels = [label for label in spec.answers.labels if label in train.frame.columns]
    if spec.value_kind not in ("label", "probability"):
        labels = []
    ours = whole_columns(root, spec.tables.train, train, [name, *labels[:1]])
    if ours is None:
        return ()
    theirs = whole_columns(root, spec.tables.test, test, [name])
    return tuple(_lines(name, ours, labels[:1], None if theirs is None else theirs[name]))


def _lines(
    name: str, ours: pd.DataFrame, labels: list[str], theirs: pd.Series | None
) -> Iterator[str]:
    groups = ours[name]
    line = f"{one_line(name, 40)}: {groups.nunique():,} groups in train, {_sizes(groups)}"
    if theirs is not None:
        both = float(theirs.isin(set(groups)).mean())
        where = "none of them in train"
        if both:
            where = f"{percent(both)} of test rows under a name that train has too"
        line += f"; {theirs.nunique():,} in test, {_sizes(theirs)}, {where}"
    yield line
    if not labels:
        return
    alike = ours.groupby(name, sort=False)[labels[0]].agg(["size", "nunique"])
    alike = alike[alike["size"] > 1]
    if len(alike):
        same = percent(float((alike["nunique"] == 1).mean()))
        yield f"all rows have the same `{one_line(labels[0], 30)}` in {same} of groups with several rows"


def _sizes(groups: pd.Series) -> str:
    sizes = groups.value_counts().to_numpy()
    if not len(sizes) or sizes.min() == sizes.max():
        return f"{int(sizes.max()) if len(sizes) else 0:,} rows each"
    return f"{sizes.min():,} .. {sizes.max():,} rows each, median {exact(float(np.median(sizes)))}"
