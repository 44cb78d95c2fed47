"""Rule P7: rows for each item and class, whose ids join both, in train as in the sample."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from core.task.folder.big_tables import big_csv
from core.task.folder.files_by_id import FileIndex
from core.task.folder.loading import load
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import Labels
from core.task.recognise.labels.item_codes import (
    CLASS_COLUMN,
    ITEM_COLUMN,
    Code,
    codes_of,
    is_full,
    split_at,
)
from core.task.recognise.labels.masks import asks_for_masks, mark_of
from core.task.recognise.roles import where
from core.task.recognise.split_columns import are_dates, is_later


def labels_of_joined_ids(evidence: Evidence, labels: Labels) -> LabelTable | None:
    """The tables with both parts of their ids as columns: rows of an item stay together, and files
    may be named by it.

    Of masks, train may list those with a pixel only; the others are added. None where a test table
    says more of its rows, or where train has other classes, the sample's items, or not all rows of
    its own.
    """
    key, table = evidence.submission.ids[0], labels.train
    if (
        evidence.sample is None
        or evidence.roles.test is not None
        or len(evidence.submission.ids) > 1
        or key not in table.columns
    ):
        return None
    codes = list(_believed(evidence, codes_of(evidence.sample[key])))
    if not codes or big_csv(evidence.root, table.table) is not None:
        return None
    frame = load(evidence.root, table.table)
    for theirs in codes:
        for ours in split_at(frame[key], theirs.joint):
            if set(ours.classes) == set(theirs.classes) and not set(ours.items) & set(theirs.items):
                return _label_table(evidence, labels, frame, ours, theirs)
    return None


def _believed(evidence: Evidence, codes: Iterator[Code]) -> Iterator[Code]:
    """Those whose items name files first, then those of words: numbers, dates and times fill a grid
    by chance.
    """
    found = [code for code in codes if code.joint]
    index = FileIndex(evidence.files) if found else None
    named = [
        code
        for code in found
        if index is not None and index.match(list(code.items.unique())) is not None
    ]
    yield from named
    yield from (
        code for code in found if code not in named and code.classes.str.contains("[A-Za-z]").all()
    )


def _label_table(
    evidence: Evidence, labels: Labels, frame: pd.DataFrame, ours: Code, theirs: Code
) -> LabelTable | None:
    assert evidence.sample is not None
    key, table = evidence.submission.ids[0], labels.train
    taken = {*frame.columns, *evidence.sample.columns}
    item, kind = (
        name if name not in taken else f"{name}_of_{key}" for name in (ITEM_COLUMN, CLASS_COLUMN)
    )
    count, added = theirs.classes.nunique(), ""
    frame = frame.assign(**{item: ours.items, kind: ours.classes})
    if not is_full(ours):
        target = asks_for_masks(evidence)
        if target is None or not frame[key].is_unique or labels.columns != (target,):
            return None
        pairs = pd.MultiIndex.from_product(
            [ours.items.unique(), theirs.classes.unique()], names=[item, kind]
        )
        every = pairs.to_frame(index=False)
        every.insert(0, key, ours.ids(every[item], every[kind]))
        frame = every.merge(frame.drop(columns=[item, kind]), on=key, how="left")
        added = f"; {int(frame[target].isna().sum())} masks without a pixel are added"
        frame[target] = frame[target].fillna(mark_of(evidence.sample[target]))
        frame = frame.fillna("")
    test = pd.DataFrame(
        {key: evidence.sample[key], item: theirs.items, kind: theirs.classes}, dtype=object
    )
    how = f"labels: P7, the ids of {where(table)} are {item}{ours.joint}{kind}, {count} of them for each {item}{added}"
    timed = are_dates(frame[item]) and is_later(frame[item], test[item])
    group, time = (None, item) if timed else (item, None)
    return LabelTable(how, frame.astype(object), (table.table.path,), test, group=group, time=time)
