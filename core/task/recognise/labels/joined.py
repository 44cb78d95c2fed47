"""Rule P7: rows for each item and class, whose ids join both, in train as in the sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    if evidence.sample is None or evidence.roles.test is not None:
        return None
    if len(evidence.submission.ids) > 1 or key not in table.columns:
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


def _believed(evidence: Evidence, codes: Iterable[Code]) -> Iterator[Code]:
    """Those whose items name files first, then those of words: numbers, dates and times fill a grid
    by chance.
    """
    joined = [code for code in codes if code.joint]
    if not joined:
        return
    index, others = FileIndex(evidence.files), []
    for code in joined:
        if index.match(list(code.items.unique())) is not None:
            yield code
        elif code.classes.str.contains("[A-Za-z]").all():
            others.append(code)
    yield from others


def _label_table(
    evidence: Evidence, labels: Labels, frame: pd.DataFrame, ours: Code, theirs: Code
) -> LabelTable | None:
    assert evidence.sample is not None
    key, table = evidence.submission.ids[0], labels.train
    taken = {*frame.columns, *evidence.sample.columns}
    item = ITEM_COLUMN if ITEM_COLUMN not in taken else f"{ITEM_COLUMN}_of_{key}"
    kind = CLASS_COLUMN if CLASS_COLUMN not in taken else f"{CLASS_COLUMN}_of_{key}"
    added = ""
    if is_full(ours):
        frame = frame.assign(**{item: ours.items, kind: ours.classes})
    else:
        target = asks_for_masks(evidence)
        if target is None or not frame[key].is_unique or labels.columns != (target,):
            return None
        frame = _all_rows(frame, key, ours, item, kind, theirs.classes)
        added = f"; {int(frame[target].isna().sum())} masks without a pixel are added"
        frame[target] = frame[target].fillna(mark_of(evidence.sample[target]))
        frame = frame.fillna("")
    test = pd.DataFrame(
        {key: evidence.sample[key], item: theirs.items, kind: theirs.classes}, dtype=object
    )
    count = theirs.classes.nunique()
    how = f"labels: P7, the ids of {where(table)} are {item}{ours.joint}{kind}, {count} of them for each {item}{added}"
    group: str | None = item
    time = None
    if are_dates(frame[item]) and is_later(frame[item], test[item]):
        group, time = None, item
    sources = (table.table.path,)
    return LabelTable(how, frame.astype(object), sources, test, group=group, time=time)


def _all_rows(
    frame: pd.DataFrame, key: str, code: Code, item: str, kind: str, classes: pd.Series
) -> pd.DataFrame:
    """A row for each item and each of the classes, in columns of these names; NaN where the table
    has none.
    """
    values = [code.items.unique(), classes.unique()]
    rows = pd.MultiIndex.from_product(values, names=[item, kind]).to_frame(index=False)
    rows.insert(0, key, code.ids(rows[item], rows[kind]))
    return rows.merge(frame, on=key, how="left")
