"""How the answers are distributed: classes, numbers, and answers that are neither."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.folder.cells import NO_PIXEL, numbers
from core.task.look.columns import MISSING, percent, shares
from utils.text import exact
from utils.untrusted import one_line

_NAMED, _CLASSES = 12, 8
_OFTEN = 0.05


def target_lines(spec: CompetitionSpec, train: pd.DataFrame) -> tuple[str, ...]:
    """A line for each of the first label columns."""
    names = [name for name in spec.answers.labels if name in train.columns]
    lines = [f"{one_line(name, 40)}: {_words(spec, train, name)}" for name in names[:_NAMED]]
    if len(names) > _NAMED:
        lines.append(f"and {len(names) - _NAMED} more answer columns")
    return tuple(lines)


def _words(spec: CompetitionSpec, train: pd.DataFrame, name: str) -> str:
    column = train[name]
    if spec.files.pixels is not None:
        scale = exact(spec.files.pixels.scale)
        return f"an image per row, e.g. {one_line(str(column.iloc[0]), 60)}; its pixels / {scale} are the values"
    if spec.value_kind == "mask":
        return _masks(column)
    if spec.value_kind == "list":
        return _lists(column)
    if spec.value_kind == "text":
        return _texts(spec, train, name)
    return _distribution(spec, column)


def _masks(column: pd.Series) -> str:
    blank = column.isin(NO_PIXEL)
    filled = column[~blank]
    line = f"masks; {percent(float(blank.mean()))} of rows have none"
    if len(filled):
        line += f"; {exact(float(filled.str.split().str.len().median()))} numbers in a mask in the median"
        line += f", e.g. {one_line(filled.iloc[0], 60)}"
    return line


def _lists(column: pd.Series) -> str:
    parts = column[column != ""].str.split()
    lengths, items = parts.str.len(), parts.explode()
    if not len(items):
        return "empty"
    return (
        f"lists of {lengths.min()} .. {lengths.max()} items, median {exact(float(lengths.median()))};"
        f" {items.nunique():,} different ones: {shares(items, _CLASSES)}"
    )


def _texts(spec: CompetitionSpec, train: pd.DataFrame, name: str) -> str:
    """What is copied from a column must not be learned."""
    column = train[name]
    line = f"{column.nunique():,} different texts: {shares(column, _CLASSES)}"
    for other in spec.features.names:
        if other in train.columns and other != name:
            same = float((train[other] == column).mean())
            if same >= _OFTEN:
                line = f"equal to `{one_line(other, 30)}` in {percent(same)} of rows; {line}"
    return line


def _distribution(spec: CompetitionSpec, column: pd.Series) -> str:
    blank = column.isin(MISSING) if spec.value_kind == "real" else column == ""
    filled = column[~blank]
    empty = f"; empty in {int(blank.sum()):,} rows" if blank.any() else ""
    values = numbers(filled).dropna().to_numpy(dtype=float)
    distinct = int(filled.nunique())
    if len(values) == len(filled) and distinct > 20:
        return _numbers(values, distinct) + empty
    counts = filled.value_counts()
    rare = int(counts.min()) if distinct else 0
    rows = f"{rare:,} rows" if rare != 1 else "1 row"
    kinds = f"{distinct} values, the rarest has {rows}: {shares(filled, _CLASSES)}"
    if distinct > 1 and int(counts.max()) == rare:
        kinds = f"{distinct} values with {rare:,} rows each: {shares(filled, _CLASSES)}"
    return kinds + empty


def _numbers(values: np.ndarray, distinct: int) -> str:
    points = [exact(float(point)) for point in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]
    line = f"{points[0]} .. {points[4]}, quartiles {points[1]}, {points[2]}, {points[3]}"
    line += f", mean {exact(float(values.mean()))}, sd {exact(float(values.std()))}, {distinct:,} distinct"
    if bool((values == np.round(values)).all()):
        line += ", whole numbers"
    levels, counts = np.unique(values, return_counts=True)
    share = float(counts.max() / len(values))
    if share >= _OFTEN:
        line += f"; {exact(float(levels[counts.argmax()]))} in {percent(share)} of rows"
    return line
