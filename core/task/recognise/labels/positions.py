"""Rule P7: a cell of train lists the answers of an item's positions, the sample has a row for each
position.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.task.folder.cells import numbers
from core.task.folder.loading import load
from core.task.folder.names import among, without
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import Labels
from core.task.recognise.labels.item_codes import JOINTS, split_at
from core.task.recognise.roles import where

_POSITION = "position"
# Elements before and behind a position that become columns, too.
_BESIDE = 2
# The share of elements that may be no number.
_NO_ANSWER = 0.1
_ANEW = 0.5
_MAX_CELLS = 50_000_000
_MAX_BYTES = 400_000_000
_BETWEEN = re.compile(r"[\s,;]+")
_NUMBERED = re.compile(r"\d{1,9}")

Lists = list[list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The sample's ids as item and position; all positions of an item from `start` on."""

    joint: str
    start: int
    items: pd.Series
    counts: pd.Series


def labels_in_sequences(evidence: Evidence, labels: Labels) -> LabelTable | None:
    """One row per item and position, with the elements of other sequences that stand there and
    beside it.
    """
    key, train = evidence.submission.ids[0], labels.train
    sample, found = evidence.sample, evidence.roles.test
    if sample is None or found is None or len(evidence.submission.ids) > 1:
        return None
    if key in train.columns or labels.classes:
        return None
    test = None
    for joint in (*JOINTS, "."):
        places = _places(sample[key], joint)
        if places is None:
            continue
        if test is None:
            test = load(evidence.root, found.table)
        item = _item_column(test, places, train.columns)
        if item is not None:
            return _label_table(evidence, labels, places, item, test)
    return None


def _item_column(test: pd.DataFrame, places: _Places, train: Sequence[str]) -> str | None:
    """The first column of both tables that has each of the sample's items once in test."""
    items = set(places.items)
    for name in among(test.columns, train):
        if test[name].is_unique and items <= set(test[name]):
            return name
    return None


def _places(ids: pd.Series, joint: str) -> _Places | None:
    """None where the ids do not end with all positions of their items, from 0 or 1 on."""
    code = next(split_at(ids, joint), None)
    if code is None or not bool(code.classes.str.fullmatch(_NUMBERED).all()):
        return None
    items, ends = code.items, code.classes
    if not bool((ends == ends.astype(int).astype(str)).all()):
        return None
    spots = ends.astype(int).groupby(items)
    first, last, counts = spots.min(), spots.max(), spots.nunique()
    start = int(first.min())
    if start > 1 or counts.max() < 2:
        return None
    if not bool((first == start).all() and (last - start + 1 == counts).all()):
        return None
    return _Places(joint, start, items, counts)


@dataclass(frozen=True, slots=True, eq=False)
class _PositionAnswers:
    """One number, or "", per item and position. lengths: positions of each item."""

    columns: pd.DataFrame
    lengths: Sequence[int]


def _answers(frame: pd.DataFrame, labels: Labels) -> _PositionAnswers | None:
    """None where the cells are no lists of numbers."""
    if not all(_hold_lists(frame[name]) for name in labels.columns):
        return None
    lists: dict[str, Lists] = {}
    for target, name in zip(labels.targets, labels.columns, strict=True):
        lists[target] = list(map(_elements, frame[name]))
    lengths = [max(map(len, cells)) for cells in zip(*lists.values(), strict=True)]
    if max(lengths, default=0) < 2:
        return None
    cells = {target: _one_after_another(column, lengths) for target, column in lists.items()}
    columns = pd.DataFrame(cells, dtype=object)
    known = columns.apply(numbers).replace([np.inf, -np.inf], np.nan).notna()
    columns = columns.where(known, "")
    if bool((columns == "").to_numpy().mean() > _NO_ANSWER):
        return None
    return _PositionAnswers(columns, lengths)


def _label_table(
    evidence: Evidence, labels: Labels, places: _Places, item: str, test: pd.DataFrame
) -> LabelTable | None:
    assert evidence.sample is not None
    assert evidence.roles.test is not None
    key, table = evidence.submission.ids[0], labels.train
    frame = load(evidence.root, table.table)
    # Ids that start anew in test would be those of other items.
    if test[item].isin(frame[item]).mean() > _ANEW or not frame[item].is_unique:
        return None
    answers = _answers(frame, labels)
    if answers is None:
        return None
    known = test.set_index(item, drop=False).loc[places.counts.index].reset_index(drop=True)
    shared = without(among(test.columns, frame.columns), labels.targets)
    sequences = [
        name for name in without(shared, {item}) if _runs_along(known[name], places.counts)
    ]
    rest = [*shared, *_plain_columns(frame, {*test.columns, *labels.columns, *labels.targets})]
    taken = {key, _POSITION, *labels.targets}
    if not taken.isdisjoint(rest) or _is_too_large(frame[rest], answers.lengths, sequences):
        return None
    train = _long(frame[rest], item, key, answers.lengths, sequences, places)
    train = pd.concat([train, answers.columns], axis=1)
    rows = _long(known[shared], item, key, places.counts.tolist(), sequences, places)
    rows = rows.set_index(key, drop=False).loc[evidence.sample[key]].reset_index(drop=True)
    how = f"labels: P7, lists of {where(table)} become a row per position; the id is {item}{places.joint}{_POSITION}"
    if sequences:
        how += f", with {', '.join(sequences)} at each and beside it"
    files, items = (table.table.path,), evidence.roles.test.table
    return LabelTable(how, train, files, rows, group=item, items=items)


def _plain_columns(frame: pd.DataFrame, others: Collection[str]) -> list[str]:
    """Columns of train alone that hold no lists."""
    names = []
    for name in without(frame.columns, others):
        if not frame[name].str.startswith("[").any():
            names.append(name)
    return names


def _is_too_large(frame: pd.DataFrame, lengths: Sequence[int], sequences: Sequence[str]) -> bool:
    """So many cells, or bytes, would the rows of these columns for each position be."""
    rows = sum(lengths)
    cells = rows * (len(frame.columns) + len(sequences) * (2 * _BESIDE + 1))
    size = rows * sum(frame[name].str.len().mean() for name in frame.columns)
    return cells > _MAX_CELLS or size > _MAX_BYTES


def _hold_lists(column: pd.Series) -> bool:
    filled = column[column != ""]
    return len(filled) > 0 and bool(filled.str.contains(_BETWEEN).mean() >= 1 - _NO_ANSWER)


def _one_after_another(column: Lists, lengths: Sequence[int]) -> list[str]:
    """The elements of all cells; "" where a cell has fewer than its length."""
    elements: list[str] = []
    for cells, length in zip(column, lengths, strict=True):
        elements += cells
        elements += [""] * (length - len(cells))
    return elements


def _elements(cell: str) -> list[str]:
    """Of a list as JSON or with spaces, or the characters of a word."""
    text = cell.strip()
    if text.startswith("[") or _BETWEEN.search(text):
        return [part.strip("'\"") for part in _BETWEEN.split(text.strip("[] \n")) if part]
    return list(text)


def _runs_along(column: pd.Series, counts: pd.Series) -> bool:
    """Each cell has an element for every position."""
    return all(len(_elements(cell)) == count for cell, count in zip(column, counts, strict=True))


def _long(
    frame: pd.DataFrame,
    item: str,
    key: str,
    counts: Sequence[int],
    sequences: Sequence[str],
    places: _Places,
) -> pd.DataFrame:
    """Rows repeated for each position."""
    repeated = frame.iloc[np.repeat(np.arange(len(frame)), counts)].reset_index(drop=True)
    position = np.concatenate(list(map(np.arange, counts)))
    ordinal = pd.Series(position + places.start).astype(str)
    columns: dict[str, object] = {key: repeated[item] + places.joint + ordinal, _POSITION: ordinal}
    for name in sequences:
        padded = list(map(_padded, frame[name], counts))
        for offset in range(-_BESIDE, _BESIDE + 1):
            column = f"{name}_at{offset:+d}" if offset else f"{name}_at"
            columns[column] = _shifted(padded, counts, offset)
    return pd.concat([pd.DataFrame(columns, dtype=object), repeated], axis=1).astype(object)


def _padded(cell: str, count: int) -> list[str]:
    """The elements between nothing: _BESIDE before them, as many behind the last of `count`."""
    nothing = [""] * _BESIDE
    elements = [*nothing, *_elements(cell), *nothing]
    return elements + [""] * (count + 2 * _BESIDE - len(elements))


def _shifted(padded: Lists, counts: Sequence[int], offset: int) -> list[str]:
    """The element that stands `offset` behind each position."""
    start, found = _BESIDE + offset, list[str]()
    for elements, count in zip(padded, counts, strict=True):
        found += elements[start : start + count]
    return found
