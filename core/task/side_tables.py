"""Tables beside train, test and sample: what of them a view may show. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.records import TableFile
from core.task.rows import id_columns_in, key_of, text_of
from core.task.sniff import FoundTable
from core.task.source import Source
from core.task.view_tables import Cut, blank_in
from utils.tables import read_table

_NONE = -1
# A column of other name holds ids when its values are mostly ids and cover a good part of them.
_ARE_IDS = 0.5
_COVERED = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class SideTable:
    """A table by row id. train, official: row of each record, -1 for none. feature: it holds official test ids.

    keys: its id columns. dropped: answer columns, which go. blanks: columns that are empty for every official row.
    """

    table: TableFile
    frame: pd.DataFrame
    keys: tuple[str, ...]
    train: npt.NDArray[np.int64]
    official: npt.NDArray[np.int64]
    feature: bool
    dropped: tuple[str, ...]
    blanks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a table: cut by row (`side`), left out of views because of `reason`, or copied (both None)."""

    side: SideTable | None = None
    reason: str | None = None


def judge(source: Source, found: FoundTable, group: str | None = None) -> Judged:
    """A table with train ids only loses held-out rows; one with official ids as well is feature data.

    group: the column by which rows are split; a table may be about groups (rule P10).
    """
    table = found.table
    try:
        frame = read_table(
            source.root / table.path, table.format, table.delimiter, table.encoding, table.member
        ).reset_index(drop=True)
    except (ValueError, OSError, EOFError, MemoryError):
        return Judged(reason="unreadable table")
    keys, train, official = _find_keys(source, frame)
    if table.path in source.spec.label_files:
        return _judge_labels(source, table, frame, keys, train, group)
    if not (train >= 0).any() and group is not None:
        keys, train, official = _find_groups(source, frame, group) or (keys, train, official)
    if not keys or not (train >= 0).any():
        return _judge_unkeyed(source, frame, bool((official >= 0).any()))
    if source.rows.ambiguous:
        return Judged(reason="ids of train and test cannot be told apart")
    if table.member is not None:
        return Judged(reason="archive with train ids")
    feature = bool((official >= 0).any())
    answers = {*source.spec.label_columns, *source.spec.target_columns}
    dropped = tuple(name for name in frame.columns if name in answers and name not in keys) if feature else ()
    blanks = tuple(blank_in(frame[official >= 0])) if feature else ()
    return Judged(SideTable(table, frame, keys, train, official, feature, dropped, blanks))


def _judge_labels(
    source: Source,
    table: TableFile,
    frame: pd.DataFrame,
    keys: tuple[str, ...],
    train: npt.NDArray[np.int64],
    group: str | None,
) -> Judged:
    """The table that the labels were taken from: it keeps the rows of train and no others."""
    if not (train >= 0).any() and group is not None:
        keys, train, _ = _find_groups(source, frame, group) or (keys, train, train)
    if not (train >= 0).all() or table.member is not None:
        return Judged(reason="the labels were taken from it")
    none = np.full(len(frame), _NONE, dtype=np.int64)
    return Judged(SideTable(table, frame, keys, train, none, False, (), ()))


def _find_groups(
    source: Source, frame: pd.DataFrame, group: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """The column that names groups, with a train row and a row of the sample of each; None without one."""
    if group not in frame.columns or group not in source.train.columns:
        return None
    values = text_of(frame[group]).reset_index(drop=True)
    ours, theirs = pd.Index(text_of(source.train[group])), pd.Index(source.official_cells(group))
    train = _positions(ours, values)
    return ((group,), train, _positions(theirs, values)) if (train >= 0).any() else None


def cut_table(source: Source, cut: Cut, side: SideTable) -> pd.DataFrame:
    """The records of the view's rows; held-out ones under the ids that they have among the test rows."""
    part = cut.part
    may_train = part.train | part.held if side.feature else part.train
    shown = np.ones(len(side.frame), dtype=bool)
    shown[side.train >= 0] = may_train[side.train[side.train >= 0]]
    tested = (side.official >= 0) & (side.train < 0)
    shown[tested] = cut.official[side.official[tested]]
    frame = side.frame.drop(columns=list(side.dropped))
    if side.feature:
        held = (side.train >= 0) & part.held[np.maximum(side.train, 0)]
        frame = _disguise(source, side, frame, held)
    return frame[shown]


def _disguise(source: Source, side: SideTable, frame: pd.DataFrame, held: npt.NDArray[np.bool_]) -> pd.DataFrame:
    changed: dict[str, Any] = {}
    for name in side.blanks:
        if name in frame.columns and name not in side.keys:
            blank = "" if pd.api.types.is_string_dtype(frame[name]) else None
            changed[name] = frame[name].mask(held, blank)
    if source.rows.renamed and len(side.keys) == 1 and side.keys[0] != source.spec.group_column:
        new = source.rows.shown.iloc[side.train[held], 0]
        column = text_of(frame[side.keys[0]])
        column = column.mask(held, pd.Series(new.to_numpy(), index=column.index[held]))
        changed[side.keys[0]] = column
    return frame.assign(**changed)


def _judge_unkeyed(source: Source, frame: pd.DataFrame, has_official: bool) -> Judged:
    answers = {*source.spec.label_columns, *source.spec.target_columns}
    if has_official:
        return Judged()
    if len(frame) == len(source.train):
        return Judged(reason="as many rows as the train table")
    if answers & set(frame.columns):
        return Judged(reason="answer columns without train ids")
    if _mentions_ids(source, frame):
        return Judged(reason="train ids in a column of mixed content")
    return Judged()


def _mentions_ids(source: Source, frame: pd.DataFrame) -> bool:
    """Some cells are train ids although no column is an id column; plain numbers are ids by chance."""
    ids = pd.Index(source.rows.ids.unique())
    if not len(ids) or bool(pd.Series(ids).str.fullmatch(r"-?\d+(\.\d+)?").mean() > 0.5):
        return False
    return any(bool(text_of(frame[name]).isin(ids[ids != ""]).any()) for name in frame.columns)


def _find_keys(
    source: Source, frame: pd.DataFrame
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    train, official = pd.Index(source.rows.ids), pd.Index(source.official)
    for keys in _candidates(source, frame):
        values = key_of(frame, keys)
        in_train, in_official = _positions(train, values), _positions(official, values)
        named = keys in (source.spec.id_columns, source.spec.id_sources)
        if named and ((in_train >= 0).any() or (in_official >= 0).any()):
            return keys, in_train, in_official
        if not named and _are_ids(values, in_train, in_official, len(train)):
            return keys, in_train, in_official
    none = np.full(len(frame), _NONE, dtype=np.int64)
    return (), none, none


def _candidates(source: Source, frame: pd.DataFrame) -> Sequence[tuple[str, ...]]:
    """Columns named like the ids, in any case; then, where one column is the id, each other column."""
    by_name = [id_columns_in(source.spec, frame)] if id_columns_in(source.spec, frame) else []
    if len(source.spec.id_columns) > 1:
        return by_name
    wanted = {name.casefold() for name in (*source.spec.id_columns, *source.spec.id_sources)}
    alike = [(name,) for name in frame.columns if str(name).casefold() in wanted]
    others = [(name,) for name in frame.columns if str(name).casefold() not in wanted]
    return [*by_name, *alike, *others]


def _are_ids(
    values: pd.Series, in_train: npt.NDArray[np.int64], in_official: npt.NDArray[np.int64], count: int
) -> bool:
    known = (in_train >= 0) | (in_official >= 0)
    distinct = values[known].nunique()
    if not distinct or distinct < _ARE_IDS * values.nunique():
        return False
    return pd.Series(in_train[in_train >= 0]).nunique() >= _COVERED * count


def _positions(ids: pd.Index, values: pd.Series) -> npt.NDArray[np.int64]:
    """First row with each value, -1 for none or an empty value."""
    first = pd.Series(np.arange(len(ids)), index=ids)
    first = first[~first.index.duplicated()]
    found = first.reindex(pd.Index(values)).fillna(_NONE).to_numpy(dtype=np.int64)
    return np.where(values.to_numpy() == "", _NONE, found)
