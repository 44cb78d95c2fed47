"""Tables beside train, test and sample: what of them a view may show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.records import TableFile
from core.task.folder.broken import BROKEN
from core.task.folder.cells import text_of
from core.task.folder.sniff import FoundTable
from core.task.views.cell_mentions import Marks, marks_at, rows_mentioned
from core.task.views.id_mentions import Mentions
from core.task.views.source import Source
from core.task.views.tables import Cut, blank_in
from core.task.views.train_rows import id_columns_in, key_of
from utils.big_csv import BIG_BYTES
from utils.tables import read_table, unpacked_bytes

_NONE = -1
# A column of other name holds ids when its values are mostly ids and cover a good part of them.
_ARE_IDS = 0.5
_COVERED = 0.2
SAME_COLUMNS = "it has the train table's columns"


@dataclass(frozen=True, slots=True, eq=False)
class SideTable:
    """A table about rows. train, official: the rows that its records are about. feature: it holds
    official test ids.

    keys: its id columns, none where ids are parts of cells. dropped: answer columns, which go.
    blanks: columns that are empty for every official row.
    """

    table: TableFile
    frame: pd.DataFrame
    keys: tuple[str, ...]
    train: Marks
    official: Marks
    feature: bool
    dropped: tuple[str, ...]
    blanks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableFate:
    """What becomes of a table: cut by row (`side`), left out of views because of `reason`, or
    copied (both None).
    """

    side: SideTable | None = None
    reason: str | None = None


def judge(
    source: Source, mentions: Mentions, found: FoundTable, things: Sequence[str] = ()
) -> TableFate:
    """A table with train ids only loses held-out rows; one with official ids as well is feature
    data.

    things: columns of train that name what is held out as a whole, which a table may be about (rule
    P10).
    """
    table = found.table
    if unpacked_bytes(source.root / table.path, table.member) > BIG_BYTES:
        return TableFate(reason="too large to look into")
    try:
        frame = read_table(
            source.root / table.path, table.format, table.delimiter, table.encoding, table.member
        ).reset_index(drop=True)
    except BROKEN:
        return TableFate(reason="unreadable table")
    keys, train, official = _find_keys(source, frame)
    if table.path in source.spec.files.labels:
        return _judge_labels(source, table, frame, keys, train, things)
    if not (train >= 0).any():
        keys, train, official = _find_things(source, frame, things) or (keys, train, official)
    if not keys or not (train >= 0).any():
        return _judge_unkeyed(source, mentions, table, frame, bool((official >= 0).any()))
    feature = bool((official >= 0).any())
    return _cuttable(source, table, frame, keys, marks_at(train), marks_at(official), feature)


def _cuttable(
    source: Source,
    table: TableFile,
    frame: pd.DataFrame,
    keys: tuple[str, ...],
    train: Marks,
    official: Marks,
    feature: bool,
) -> TableFate:
    if source.rows.ambiguous:
        return TableFate(reason="ids of train and test cannot be told apart")
    if table.member is not None:
        return TableFate(reason="archive with train ids")
    dropped: list[str] = []
    blanks: list[str] = []
    if feature:
        answers = {*source.spec.answers.labels, *source.spec.answers.targets} - {*keys}
        dropped = [name for name in frame.columns if name in answers]
        blanks = blank_in(frame.iloc[np.unique(official.record)])
    side = SideTable(table, frame, keys, train, official, feature, tuple(dropped), tuple(blanks))
    return TableFate(side)


def _judge_labels(
    source: Source,
    table: TableFile,
    frame: pd.DataFrame,
    keys: tuple[str, ...],
    train: npt.NDArray[np.int64],
    things: Sequence[str],
) -> TableFate:
    """The table that the labels were taken from: it keeps the rows of train and no others."""
    if not (train >= 0).any():
        keys, train, _ = _find_things(source, frame, things) or (keys, train, train)
    if not (train >= 0).all() or table.member is not None:
        return TableFate(reason="the labels were taken from it")
    none = np.full(len(frame), _NONE, dtype=np.int64)
    return TableFate(SideTable(table, frame, keys, marks_at(train), marks_at(none), False, (), ()))


def _find_things(
    source: Source, frame: pd.DataFrame, things: Sequence[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """The column that names one of these, with a train row and a row of the sample of each; None
    without one. It has the same name, or any where ids are made of them.
    """
    for thing in things:
        ours = pd.Index(text_of(source.train[thing]))
        theirs = pd.Index(source.official_cells(thing))
        same_name = thing in frame.columns
        columns: Iterable[str] = ()
        if same_name:
            columns = (thing,)
        elif source.are_in_ids(thing):
            columns = frame.columns
        for name in columns:
            values = text_of(frame[name]).reset_index(drop=True)
            train, official = _positions(ours, values), _positions(theirs, values)
            if same_name:
                names_it = bool((train >= 0).any())
            else:
                names_it = _are_ids(values, train, official, ours.nunique())
            if names_it:
                return (name,), train, official
    return None


def cut_table(source: Source, cut: Cut, side: SideTable) -> pd.DataFrame:
    """The records of the view's rows; held-out ones under the ids that they have among the test
    rows.
    """
    part, train, official = cut.part, side.train, side.official
    may_train = part.train
    # An id that is part of a cell cannot be replaced there.
    if side.feature and (side.keys or not source.rows.renamed):
        may_train = part.train | part.held
    shown, about_train = np.ones(len(side.frame), dtype=bool), np.zeros(len(side.frame), dtype=bool)
    shown[train.record[~may_train[train.row]]] = False
    about_train[train.record] = True
    absent = official.record[~cut.official[official.row]]
    shown[absent[~about_train[absent]]] = False
    frame = side.frame.drop(columns=list(side.dropped))
    if side.feature:
        frame = _disguise(source, side, frame, part.held[train.row])
    return frame[shown]


def _disguise(
    source: Source, side: SideTable, frame: pd.DataFrame, marks: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """marks: those of held-out rows."""
    changed: dict[str, Any] = {}
    held = np.zeros(len(frame), dtype=bool)
    held[side.train.record[marks]] = True
    for name in side.blanks:
        if name in frame.columns and name not in side.keys:
            blank = "" if pd.api.types.is_string_dtype(frame[name]) else None
            changed[name] = frame[name].mask(held, blank)
    if source.rows.renamed and len(side.keys) == 1:
        rows, column = side.train.row[marks], text_of(frame[side.keys[0]])
        # Names of what rows share stay as they are.
        if bool((column[held].to_numpy() == source.rows.ids.iloc[rows].to_numpy()).all()):
            new = source.rows.shown.iloc[rows, 0]
            changed[side.keys[0]] = column.mask(
                held, pd.Series(new.to_numpy(), index=column.index[held])
            )
    return frame.assign(**changed)


def _judge_unkeyed(
    source: Source, mentions: Mentions, table: TableFile, frame: pd.DataFrame, has_official: bool
) -> TableFate:
    """A table without a column of train ids; its cells may hold them beside other text."""
    found = rows_mentioned(mentions, frame)
    if isinstance(found, str):
        return TableFate(reason=found)
    answers = {*source.spec.answers.labels, *source.spec.answers.targets}
    if not has_official and (found is None or found.share < _ARE_IDS):
        if set(source.train.columns) <= set(frame.columns):
            return TableFate(reason=SAME_COLUMNS)
        if len(frame) == len(source.train):
            return TableFate(reason="as many rows as the train table")
        if answers & set(frame.columns):
            return TableFate(reason="answer columns without train ids")
        if found is None and _mentions_ids(source, frame):
            return TableFate(reason="train ids in a column of mixed content")
    if found is None:
        return TableFate()
    feature = has_official or len(np.unique(found.official.row)) >= _COVERED * mentions.official
    return _cuttable(source, table, frame, (), found.train, found.official, feature)


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
        named = keys in (source.spec.ids.columns, source.spec.ids.sources)
        if named and ((in_train >= 0).any() or (in_official >= 0).any()):
            return keys, in_train, in_official
        if not named and _are_ids(values, in_train, in_official, len(train)):
            return keys, in_train, in_official
    none = np.full(len(frame), _NONE, dtype=np.int64)
    return (), none, none


def _candidates(source: Source, frame: pd.DataFrame) -> Sequence[tuple[str, ...]]:
    """Columns named like the ids, in any case; then, where one column is the id, each other column."""
    ids = id_columns_in(source.spec, frame)
    by_name = [ids] if ids else []
    if len(source.spec.ids.columns) > 1:
        return by_name
    wanted = set(map(str.casefold, (*source.spec.ids.columns, *source.spec.ids.sources)))
    alike, others = [], []
    for name in frame.columns:
        if str(name).casefold() in wanted:
            alike.append((name,))
        else:
            others.append((name,))
    return [*by_name, *alike, *others]


def _are_ids(
    values: pd.Series,
    in_train: npt.NDArray[np.int64],
    in_official: npt.NDArray[np.int64],
    count: int,
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
