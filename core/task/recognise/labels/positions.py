"""Rule P7: a cell of train lists the answers of an item's positions, the sample has a row for each
position.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.task.folder.cells import numbers
from core.task.folder.loading import load
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
    key, table = evidence.submission.ids[0], labels.train
    if evidence.sample is None or evidence.roles.test is None or len(evidence.submission.ids) > 1:
        return None
    if key in table.columns or labels.classes:
        return None
    test = None
    for joint in (*JOINTS, "."):
        places = _places(evidence.sample[key], joint)
        if places is None:
            continue
        test = load(evidence.root, evidence.roles.test.table) if test is None else test
        known = set(places.items)
        names = [
            n
            for n in test.columns
            if n in table.columns and test[n].is_unique and known <= set(test[n])
        ]
        if names:
            return _label_table(evidence, labels, places, names[0], test)
    return None


def _places(ids: pd.Series, joint: str) -> _Places | None:
    code = next(split_at(ids, joint), None)
    if code is None or not bool(code.classes.str.fullmatch(_NUMBERED).all()):
        return None
    items, ends = code.items, code.classes
    spots = ends.astype(int).groupby(items)
    start, counts = int(spots.min().min()), spots.nunique()
    whole = bool((spots.min() == start).all() and (spots.max() - start + 1 == counts).all())
    plain = bool((ends == ends.astype(int).astype(str)).all())
    return (
        _Places(joint, start, items, counts)
        if whole and plain and start <= 1 and counts.max() > 1
        else None
    )


def _label_table(
    evidence: Evidence, labels: Labels, places: _Places, item: str, test: pd.DataFrame
) -> LabelTable | None:
    assert evidence.sample is not None
    assert evidence.roles.test is not None
    key, table = evidence.submission.ids[0], labels.train
    frame = load(evidence.root, table.table)
    # Ids that start anew in test would be those of other items.
    anew = test[item].isin(frame[item]).mean() > _ANEW
    if anew or not all(_hold_lists(frame[name]) for name in labels.columns):
        return None
    answers = zip(labels.targets, labels.columns, strict=True)
    lists = {target: [_elements(cell) for cell in frame[name]] for target, name in answers}
    lengths = [max(map(len, cells)) for cells in zip(*lists.values(), strict=True)]
    if not frame[item].is_unique or max(lengths, default=0) < 2:
        return None
    told = pd.DataFrame(
        {name: _one_after_another(column, lengths) for name, column in lists.items()}, dtype=object
    )
    told = told.where(told.apply(numbers).replace([np.inf, -np.inf], np.nan).notna(), "")
    if bool((told == "").to_numpy().mean() > _NO_ANSWER):
        return None
    known = test.set_index(item, drop=False).loc[places.counts.index].reset_index(drop=True)
    shared = [name for name in test.columns if name in frame.columns and name not in lists]
    sequences = [
        name for name in shared if name != item and _runs_along(known[name], places.counts)
    ]
    scalar = [
        n for n in frame.columns if n not in test.columns and not frame[n].str.startswith("[").any()
    ]
    rest = [*shared, *(name for name in scalar if name not in (*labels.columns, *lists))]
    taken = {key, _POSITION, *lists} & set(rest)
    made = sum(lengths) * (len(rest) + len(sequences) * (2 * _BESIDE + 1))
    size = sum(frame[name].str.len().mean() for name in rest) * sum(lengths)
    if taken or made > _MAX_CELLS or size > _MAX_BYTES:
        return None
    train = _long(frame[rest], item, key, lengths, sequences, places)
    train = pd.concat([train, told], axis=1)
    asked = _long(known[shared], item, key, places.counts.tolist(), sequences, places)
    asked = asked.set_index(key, drop=False).loc[evidence.sample[key]].reset_index(drop=True)
    beside = f", with {', '.join(sequences)} at each and beside it" if sequences else ""
    how = f"labels: P7, lists of {where(table)} become a row per position; the id is {item}{places.joint}{_POSITION}"
    return LabelTable(
        how + beside, train, (table.table.path,), asked, group=item, items=evidence.roles.test.table
    )


def _hold_lists(column: pd.Series) -> bool:
    filled = column[column != ""]
    return bool(filled.str.contains(_BETWEEN).mean() >= 1 - _NO_ANSWER) if len(filled) else False


def _one_after_another(column: Lists, lengths: Sequence[int]) -> list[str]:
    return [
        cell
        for cells, n in zip(column, lengths, strict=True)
        for cell in [*cells, *[""] * (n - len(cells))]
    ]


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
    rows = np.repeat(np.arange(len(frame)), counts)
    position = np.concatenate([np.arange(count) for count in counts])
    made = frame.iloc[rows].reset_index(drop=True)
    ordinal = pd.Series(position + places.start).astype(str)
    columns: dict[str, object] = {key: made[item] + places.joint + ordinal, _POSITION: ordinal}
    pad = [""] * _BESIDE
    for name in sequences:
        padded = [[*pad, *_elements(cell), *pad] for cell in frame[name]]
        short = [
            [*cells, *[""] * (count + 2 * _BESIDE - len(cells))]
            for cells, count in zip(padded, counts, strict=True)
        ]
        for offset in range(-_BESIDE, _BESIDE + 1):
            there = f"{name}_at{offset:+d}" if offset else f"{name}_at"
            columns[there] = [
                short[row][spot + _BESIDE + offset]
                for row, spot in zip(rows, position, strict=True)
            ]
    return pd.concat([pd.DataFrame(columns, dtype=object), made], axis=1).astype(object)
