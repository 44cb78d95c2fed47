"""Warnings about leaks in the competition's tables: adversarial checks on a sample of rows. Runs in
a worker process.

A warning changes nothing by itself: some competitions are won by such columns. It is shown and
logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.judging.ranks import ranked
from core.judging.statistic import Array
from core.metric_names import predicts
from core.records import CompetitionSpec, TableFile
from utils.big_csv import BigCsv, is_big
from utils.tables import as_numbers, read_table

SAMPLE_ROWS = 4000
SEED = 7
PERFECT = 0.995
ID_CORRELATION = 0.25
MAX_NAMED = 8


def leak_warnings(spec: CompetitionSpec) -> list[str]:
    """One line per suspicion; [] without a train table. Raises ValueError or OSError when a table
    is unreadable.
    """
    if spec.tables.train is None:
        return []
    whole = _labelled(_read(spec, spec.tables.train), spec)
    train = as_numbers(_sampled(whole), spec.tables.train.decimal)
    target = _target(train, spec)
    found = []
    if spec.tables.test is not None:
        test = _read(spec, spec.tables.test)
        found += list(
            _column_warnings(train, as_numbers(_sampled(test), spec.tables.test.decimal), spec)
        )
        found += list(_overlap_warnings(whole, test, spec))
    if target is not None:
        found += list(_feature_warnings(train, target, spec))
        found += list(_order_warnings(train, target, spec))
    return found


def _read(spec: CompetitionSpec, table: TableFile) -> pd.DataFrame:
    path = Path(spec.data_dir) / table.path
    if is_big(path, table.format, table.encoding, table.member):
        big = BigCsv(path, table.delimiter, table.encoding)
        return big.rows(big.draw())
    frame = read_table(path, table.format, table.delimiter, table.encoding, table.member)
    if table.format == "csv":
        return frame
    return frame.map(_countable)


def _countable(cell: object) -> object:
    """Lists and mappings as text, because they cannot be counted."""
    if isinstance(cell, list | dict | np.ndarray):
        return str(cell)
    return cell


def _labelled(train: pd.DataFrame, spec: CompetitionSpec) -> pd.DataFrame:
    """The rows that have their labels: an empty one says nothing about what gives the answer away."""
    labels = train[[name for name in spec.answers.labels if name in train.columns]]
    return train[~(labels.isna() | (labels == "")).any(axis=1)]


def _sampled(frame: pd.DataFrame) -> pd.DataFrame:
    """At most SAMPLE_ROWS random rows in the order of the table; the index is the row number in it."""
    frame = frame.reset_index(drop=True)
    if len(frame) <= SAMPLE_ROWS:
        return frame
    rows = np.random.default_rng(SEED).choice(len(frame), SAMPLE_ROWS, replace=False)
    return frame.iloc[np.sort(rows)]


def _target(train: pd.DataFrame, spec: CompetitionSpec) -> Array | None:
    """Class codes, or numbers for a real target; None when there is not exactly one label column."""
    if len(spec.answers.labels) != 1 or spec.answers.labels[0] not in train.columns:
        return None
    column = train[spec.answers.labels[0]]
    if _real(spec):
        if not pd.api.types.is_numeric_dtype(column):
            return None
        return column.to_numpy(dtype=float)
    return np.asarray(pd.factorize(column, sort=True)[0])


def _real(spec: CompetitionSpec) -> bool:
    return spec.value_kind == "real" and predicts(spec) != "label"


# ---------------------------------------------------------------- columns


def _column_warnings(
    train: pd.DataFrame, test: pd.DataFrame, spec: CompetitionSpec
) -> Iterator[str]:
    known = {*spec.answers.labels, *spec.answers.targets, *spec.ids.columns}
    absent, dead = [], []
    for name in train.columns:
        if name in known:
            continue
        if name not in test.columns:
            absent.append(name)
        elif _varies(train[name]) and not _varies(test[name]):
            dead.append(name)
    if absent:
        yield f"train columns that test lacks: {_few(absent)}"
    if dead and len(test) > 1:
        yield f"columns that are empty or constant in test and vary in train: {_few(dead)}"


def _varies(column: pd.Series) -> bool:
    return column.nunique(dropna=False) > 1


def _overlap_warnings(
    train: pd.DataFrame, test: pd.DataFrame, spec: CompetitionSpec
) -> Iterator[str]:
    ids = [name for name in spec.ids.columns if name in train.columns and name in test.columns]
    if ids:
        both = len(_keys(train[ids]).intersection(_keys(test[ids])))
        if both:
            yield f"{both} ids occur in train and in test"
    time = spec.features.time
    if time is not None and time in train.columns and time in test.columns:
        moments = _moments(pd.concat([train[time], test[time]], ignore_index=True))
        if _overlap(moments[: len(train)], moments[len(train) :]):
            yield f"test begins before train ends by {time!r}: the future of test rows is in train"


def _keys(ids: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(ids.astype(str)).unique()


def _overlap(train: Array, test: Array) -> bool:
    """Some moment of test is not after all of train."""
    if np.isnan(test).all() or np.isnan(train).all():
        return False
    return bool(np.nanmin(test) <= np.nanmax(train))


def _moments(column: pd.Series) -> Array:
    """Points in time as numbers: the column's own, or nanoseconds of dates; NaN where a cell is
    neither.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if not np.isnan(numbers).any():
        return numbers
    dates = pd.to_datetime(column.astype(str), errors="coerce", format="mixed", utc=True)
    return np.where(dates.isna(), np.nan, dates.astype("int64").to_numpy(dtype=float))


# ---------------------------------------------------------------- single features


def _feature_warnings(train: pd.DataFrame, target: Array, spec: CompetitionSpec) -> Iterator[str]:
    skip = {*spec.answers.labels, *spec.answers.targets, *spec.ids.columns}
    features = [name for name in train.columns if name not in skip]
    presence, telling = [], []
    for name in features:
        if _presence_tells(train[name], target, _real(spec)):
            presence.append(name)
        elif _tells(train[name], target, _real(spec)):
            telling.append(name)
    if presence:
        yield f"whether a column is filled nearly gives the answer: {_few(presence)}"
    if telling:
        yield f"a single column nearly gives the answer: {_few(telling)}"


def _tells(column: pd.Series, target: Array, real: bool) -> bool:
    if not _varies(column):
        return False
    if real:
        return pd.api.types.is_numeric_dtype(column) and abs(_correlation(column, target)) > PERFECT
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 20:
        return _separates(column.to_numpy(dtype=float), target)
    return _predicts_class(pd.factorize(column, use_na_sentinel=False)[0], target)


def _separates(values: Array, target: Array) -> bool:
    """Some class that is not rare stands apart: its AUC against the rest is beyond PERFECT, by
    value.
    """
    placed = ranked(np.where(np.isnan(values), -np.inf, values))
    counts = np.bincount(target[target >= 0])
    for label in np.flatnonzero(counts >= max(10, len(target) // 100)):
        inside = target == label
        size, rest = int(inside.sum()), int((~inside).sum())
        if rest:
            area = (placed[inside].sum() - size * (size + 1) / 2) / (size * rest)
            if max(area, 1 - area) > PERFECT:
                return True
    return False


def _predicts_class(codes: Array, target: Array) -> bool:
    """The commonest class per value, learnt on every other row, is nearly always right on the
    remaining rows.
    """
    table = np.zeros((codes.max() + 1, target.max() + 1))
    np.add.at(table, (codes[::2], target[::2]), 1)
    guess, known = table.argmax(axis=1), table.sum(axis=1) > 0
    check = np.arange(1, len(codes), 2)
    check = check[known[codes[check]]]
    if len(check) < 0.25 * len(codes):
        return False
    commonest = np.bincount(target[check]).max() / len(check)
    hits = float((guess[codes[check]] == target[check]).mean())
    return hits > PERFECT and 1 - hits < 0.1 * (1 - commonest)


def _presence_tells(column: pd.Series, target: Array, real: bool) -> bool:
    filled = (column.notna() & (column != "")).to_numpy()
    if real or filled.all() or not filled.any():
        return False
    return _predicts_class(filled.astype(int), target)


# ---------------------------------------------------------------- ids and order


def _order_warnings(train: pd.DataFrame, target: Array, spec: CompetitionSpec) -> Iterator[str]:
    """Ids or row numbers that follow the answer. A time-ordered competition has that by nature."""
    if len(target) < 100 or spec.features.time is not None:
        return
    if not _real(spec) and target.max() > 1:
        return
    for name in spec.ids.columns:
        if name in train.columns and pd.api.types.is_numeric_dtype(train[name]):
            rho = _correlation(train[name], target)
            if abs(rho) > ID_CORRELATION:
                yield f"the id {name!r} correlates with the answer ({rho:.2f})"
                return
    rho = _correlation(pd.Series(train.index), target)
    if abs(rho) > ID_CORRELATION:
        yield f"the row order of train correlates with the answer ({rho:.2f})"


def _correlation(column: pd.Series, target: Array) -> float:
    """Spearman's; 0 where either does not vary."""
    values = column.to_numpy(dtype=float)
    known = ~np.isnan(values) & ~np.isnan(target.astype(float))
    a, b = ranked(values[known]), ranked(target[known])
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    if len(names) > MAX_NAMED:
        shown += f" and {len(names) - MAX_NAMED} more"
    return shown
