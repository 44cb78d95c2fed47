"""Rule P3: ids of the sample that are cells of several test columns, joined."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_JOINTS = ("_", "-", ":", "/", "|", ".", " ", ",")
_MAX_PARTS = 5
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Composite:
    """columns of the test table whose cells, joined by `joint`, are the ids of the sample."""

    columns: tuple[str, ...]
    joint: str


def composite_of(ids: pd.Series, test: pd.DataFrame) -> Composite | None:
    """ids: of the sample, as text. None when no columns of the test table make them."""
    if not len(ids) or not len(test):
        return None
    aligned = len(ids) == len(test)
    for joint in _JOINTS:
        count = str(ids.iloc[0]).count(joint) + 1
        if not 2 <= count <= _MAX_PARTS:
            continue
        pieces = ids.head(_LOOKED_AT).str.split(joint, expand=True)
        if pieces.shape[1] != count or bool(pieces.isna().any(axis=None)):
            continue
        columns = tuple(_column_of(pieces[k], test, aligned) for k in range(count))
        if all(columns) and len(set(columns)) == count:
            if set(join_columns(test, columns, joint)) == set(ids):
                return Composite(columns, joint)
    return None


def join_columns(frame: pd.DataFrame, columns: tuple[str, ...], joint: str) -> pd.Series:
    """One text per row; the columns hold text."""
    joined = frame[columns[0]]
    for name in columns[1:]:
        joined = joined + joint + frame[name]
    return joined


def _column_of(piece: pd.Series, test: pd.DataFrame, aligned: bool) -> str:
    """The column with these cells in these rows (aligned), or with all of these values; "" for
    none.
    """
    values = set(piece)
    for name in test.columns:
        cells = test[name]
        if aligned:
            fits = bool((cells.head(len(piece)).array == piece.array).all())
        else:
            fits = values <= set(cells)
        if fits:
            return str(name)
    return ""
