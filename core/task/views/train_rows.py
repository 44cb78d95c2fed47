"""The train rows as splits and views see them: ids, answers, strata, groups, times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, SplitKind
from core.task.folder.cells import (
    NO_PIXEL,
    Integers,
    Mask,
    is_numeric,
    parse_times,
    text_of,
)
from core.task.recognise.composite import join_columns
from core.task.recognise.new_ids import carries_label, fresh_ids, shapes
from core.task.views.splits import Rows
from utils.tables import with_point

_SEPARATOR = "\x1f"
_MAX_STRATA = 10_000
_SHAPE_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class TrainRows:
    """Facts of each train row, all as text, in file order.

    ids: key of the row in the competition's own files ("" where the train table has no id). shown:
    [n, id columns and id parts], the ids under which a held-out row stands among the test rows.
    labels: the label columns. usable: the row can be held out. renamed: `shown` differs from the
    competition's ids. ambiguous: train and test share ids, so that a record elsewhere cannot be
    told to belong to a train row. notes: decisions for `split.why`.
    """

    ids: pd.Series
    shown: pd.DataFrame
    labels: pd.DataFrame
    usable: Mask
    renamed: bool
    ambiguous: bool
    notes: tuple[str, ...]


def key_of(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """One text per row for its id columns."""
    key = text_of(frame[columns[0]])
    for name in columns[1:]:
        key = key + _SEPARATOR + text_of(frame[name])
    return key.reset_index(drop=True)


def id_columns_in(spec: CompetitionSpec, table: pd.DataFrame) -> tuple[str, ...]:
    """The columns of a train or test table that hold what the sample's id columns hold; () where it
    has none.
    """
    for columns in (spec.ids.sources, spec.ids.columns):
        if columns and len(columns) == len(spec.ids.columns) and set(columns) <= set(table.columns):
            return columns
    return ()


def own_ids(spec: CompetitionSpec, table: pd.DataFrame) -> pd.DataFrame | None:
    """The ids of a train or test table as text, under the names of the sample; with the columns
    that they are joined of, if any. None where the table has none.
    """
    if spec.ids.parts and set(spec.ids.parts) <= set(table.columns):
        return _with_joined(spec, cells_as_text(table, spec.ids.parts, spec.ids.parts))
    columns = id_columns_in(spec, table)
    if not columns:
        return None
    return cells_as_text(table, columns, spec.ids.columns)


def cells_as_text(
    table: pd.DataFrame, columns: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """These columns as text, in a frame of their own under other names."""
    pairs = zip(names, columns, strict=True)
    return pd.DataFrame(
        {name: text_of(table[column]).array for name, column in pairs}, dtype=object
    )


def _with_joined(spec: CompetitionSpec, parts: pd.DataFrame) -> pd.DataFrame:
    """The parts of ids, and the id column that is joined of them."""
    joined = join_columns(parts, spec.ids.parts, spec.ids.joint)
    return parts.assign(**{spec.ids.columns[0]: joined})


def describe(
    spec: CompetitionSpec, train: pd.DataFrame, official: pd.DataFrame, neutral: bool = True
) -> TrainRows:
    """official: id columns [m, ids] of the official test rows, as text.

    neutral: ids that carry the label are replaced (off only to show in a test that the leak is
    real).
    """
    labels = _labels(spec, train)
    usable = _answered(spec, labels)
    own = own_ids(spec, train)
    if own is None:
        return _without_ids(spec, len(train), labels, usable, official)
    columns = id_columns_in(spec, train)
    ids, theirs = key_of(own, spec.ids.columns), key_of(official, spec.ids.columns)
    usable = usable & (ids != "").to_numpy()
    repeated = ids.duplicated(keep=False).to_numpy()
    if len(columns) == 1 and spec.files.by_id is None and bool(repeated.mean() >= 0.5):
        again = f"train ids repeat in {int(repeated.sum())} rows: held-out rows got new ids"
        return TrainRows(
            ids, _numbered(spec, len(train), ids, theirs), labels, usable, True, True, (again,)
        )
    usable = usable & ~repeated
    clashes = ids.isin(set(theirs)).to_numpy()
    many = len(clashes) > 0 and bool(clashes.mean() >= 0.5)
    telling = (
        neutral and len(spec.ids.columns) == 1 and carries_label(ids, labels, theirs, _SHAPE_SEED)
    )
    if spec.ids.parts and bool(clashes.any()):
        notes = (f"train and test share ids: held-out rows got new {spec.ids.parts[0]!r}",)
        return TrainRows(ids, _renumbered(spec, own, official), labels, usable, True, True, notes)
    foreign = columns != spec.ids.columns and bool(
        shapes(theirs).isin(set(shapes(ids))).mean() < 0.5
    )
    if len(spec.ids.columns) > 1 or spec.ids.parts or not (many or telling or foreign):
        return TrainRows(ids, own, labels, usable & ~clashes, False, many, _clash_notes(clashes))
    shown = _numbered(spec, len(train), ids, theirs)
    why = "train ids look otherwise"
    if many:
        why = "train and test share ids"
    elif telling:
        why = "ids tell the label"
    return TrainRows(ids, shown, labels, usable, True, many, (f"{why}: held-out rows got new ids",))


def _labels(spec: CompetitionSpec, train: pd.DataFrame) -> pd.DataFrame:
    """The label columns as text, decimal commas as points."""
    decimal = spec.tables.train.decimal if spec.tables.train is not None else "."
    columns: dict[str, Any] = {}
    for name in spec.answers.labels:
        columns[name] = with_point(text_of(train[name]), decimal).array
    return pd.DataFrame(columns)


def split_rows(
    spec: CompetitionSpec,
    rows: TrainRows,
    train: pd.DataFrame,
    kind: SplitKind,
    group: str | None,
    time: str | None,
) -> Rows:
    """What core.task.views.splits needs for this kind of split."""
    usable, groups, times = rows.usable, None, None
    strata = np.zeros(len(usable), dtype=np.int64)
    if kind == "stratified":
        strata, lonely = _strata(spec, rows.labels)
        if len(spec.answers.labels) == 1:
            usable = usable & ~lonely
    elif kind == "group" and group:
        groups = pd.factorize(text_of(train[group]))[0].astype(np.int64)
    elif kind == "time" and time:
        times = parse_times(text_of(train[time]))
    return Rows(usable, strata, groups, times)


def can_stratify(spec: CompetitionSpec, rows: TrainRows) -> bool:
    """Answers are classes with, mostly, more than one row each."""
    if spec.value_kind == "real" or not len(rows.labels):
        return False
    strata, lonely = _strata(spec, rows.labels)
    return int(strata.max()) + 1 <= min(_MAX_STRATA, len(strata) // 2) and bool(lonely.mean() < 0.5)


def truth_of(spec: CompetitionSpec, every: pd.DataFrame, held: Integers) -> np.ndarray[Any, Any]:
    """Answers [n, target columns] of the held-out rows in the shape of the sample submission:
    one-hot floats, floats, or text. every: the labels of all rows; they are numbers in all views or
    in none.
    """
    labels = every.iloc[held]
    if spec.answers.one_hot:
        column = labels[spec.answers.labels[0]].to_numpy(dtype=str)
        return np.stack([column == name for name in spec.answers.classes], axis=1).astype(
            np.float64
        )
    if all(is_numeric(every[name]) for name in every.columns):
        return labels.apply(pd.to_numeric).to_numpy(dtype=np.float64)
    return labels.to_numpy(dtype=str)


def _answered(spec: CompetitionSpec, labels: pd.DataFrame) -> Mask:
    """Rows whose every label is there, and is a class of the sample submission where that has one
    column per class.

    An empty cell among masks is the mask without a pixel.
    """
    if spec.value_kind == "mask":
        return np.ones(len(labels), dtype=bool)
    usable = (labels != "").all(axis=1).to_numpy()
    if spec.answers.one_hot:
        usable = usable & labels[spec.answers.labels[0]].isin(spec.answers.classes).to_numpy()
    return usable


def _without_ids(
    spec: CompetitionSpec, count: int, labels: pd.DataFrame, usable: Mask, official: pd.DataFrame
) -> TrainRows:
    none = pd.Series([""] * count, dtype=object)
    shown = _numbered(spec, count, none, key_of(official, spec.ids.columns[:1]))
    return TrainRows(
        none,
        shown,
        labels,
        usable,
        True,
        False,
        ("train rows have no id: held-out rows got new ids",),
    )


def _numbered(
    spec: CompetitionSpec, count: int, ids: pd.Series, official: pd.Series
) -> pd.DataFrame:
    """New ids in the first id column; seeded by the count, so that every view shows the same ones."""
    new = fresh_ids(count, ids, official, np.random.default_rng([count, 7]))
    return pd.DataFrame(dict.fromkeys(spec.ids.columns, pd.Series(new, dtype=object)))


def _renumbered(spec: CompetitionSpec, own: pd.DataFrame, official: pd.DataFrame) -> pd.DataFrame:
    """New values of the first part, one per value, beyond those of train and test; rows of one stay
    together.
    """
    first = spec.ids.parts[0]
    codes, names = pd.factorize(own[first])
    theirs = official[spec.ids.columns[0]].str.split(spec.ids.joint, n=1).str[0]
    new = fresh_ids(len(names), own[first], theirs, np.random.default_rng([len(names), 7]))
    return _with_joined(spec, own.assign(**{first: np.array(new, dtype=object)[codes]}))


def _clash_notes(clashes: Mask) -> tuple[str, ...]:
    count = int(clashes.sum())
    if not count:
        return ()
    return (f"{count} train rows share an id with a test row and always train",)


def _strata(spec: CompetitionSpec, labels: pd.DataFrame) -> tuple[Integers, Mask]:
    """Class code of each row (all label columns together), and the rows that are alone in their
    class.

    Of masks only which have no pixel.
    """
    if spec.value_kind == "mask":
        labels = labels.isin(NO_PIXEL).astype(str)
    key = key_of(labels, tuple(labels.columns))
    codes = pd.factorize(key)[0].astype(np.int64)
    return codes, np.bincount(codes)[codes] < 2
