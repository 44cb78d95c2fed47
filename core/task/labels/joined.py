"""Rule P7: rows for each item and class, whose ids join both, in train as in the sample. Runs in a worker process."""

from __future__ import annotations

import pandas as pd

from core.task.big_tables import big_csv
from core.task.labels.codes import CLASS_COLUMN, ITEM_COLUMN, Code, codes_of
from core.task.loading import load
from core.task.roles import where
from core.task.seen import Derived, Seen
from core.task.targets import Labels


def labels_of_joined_ids(seen: Seen, labels: Labels) -> Derived | None:
    """The tables with both parts of their ids as columns: rows of an item stay together, and files may be named by it.

    None where a test table says more of its rows, or where train has other classes or the sample's items.
    """
    key, table = seen.asked.ids[0], labels.train
    if seen.sample is None or seen.roles.test is not None or len(seen.asked.ids) > 1 or key not in table.columns:
        return None
    # Numbers that only happen to fill a grid are no joined ids.
    codes = [code for code in codes_of(seen.sample[key]) if code.joint]
    if not codes or big_csv(seen.root, table.table) is not None:
        return None
    frame = load(seen.root, table.table)
    for code in codes:
        pieces = frame[key].str.rsplit(code.joint, n=1)
        if bool((pieces.str.len() == 2).all()):
            ours = Code(pieces.str[0], pieces.str[1], joint=code.joint)
            if set(ours.classes) == set(code.classes) and not set(ours.items) & set(code.items):
                return _derived(seen, labels, frame, ours, code)
    return None


def _derived(seen: Seen, labels: Labels, frame: pd.DataFrame, ours: Code, theirs: Code) -> Derived:
    assert seen.sample is not None
    key, table = seen.asked.ids[0], labels.train
    taken = {*frame.columns, *seen.sample.columns}
    item, kind = (name if name not in taken else f"{name}_of_{key}" for name in (ITEM_COLUMN, CLASS_COLUMN))
    frame = frame.assign(**{item: ours.items, kind: ours.classes})
    test = pd.DataFrame({key: seen.sample[key], item: theirs.items, kind: theirs.classes}, dtype=object)
    count = ours.classes.nunique()
    how = f"labels: P7, the ids of {where(table)} are {item}{ours.joint}{kind}, {count} of them for each {item}"
    return Derived(how, frame.astype(object), (table.table.path,), test, group=item)
