"""Rule P7: the train table has a column for each question, the sample a row. Runs in a worker process."""

from __future__ import annotations

import pandas as pd

from core.task.loading import load
from core.task.roles import where
from core.task.seen import Derived, Seen
from core.task.sniff import FoundTable

_JOINTS = ("_", "-", ":", "/", "|", ".", " ")
_QUESTION = "question"


def labels_in_columns(seen: Seen) -> Derived | None:
    """ids `<item>_<column of train>`, one target: wide rows become long ones."""
    if seen.sample is None or len(seen.asked.ids) != 1 or len(seen.asked.targets) != 1:
        return None
    ids = seen.sample[seen.asked.ids[0]]
    for table in seen.roles.trains:
        for joint in _JOINTS:
            split = _split(ids, joint, table.columns)
            if split is not None:
                found = _melted(seen, table, joint, *split)
                if found is not None:
                    return found
    return None


def _split(ids: pd.Series, joint: str, columns: tuple[str, ...]) -> tuple[pd.Series, pd.Series] | None:
    """(item, column of train) of each id; a column's name may hold the joint itself."""
    endings = sorted((name for name in columns if name), key=len, reverse=True)
    found = [next((name for name in endings if key.endswith(joint + name)), "") for key in ids]
    if "" in found or len(set(found)) < 2:
        return None
    items = [key[: -len(joint + name)] for key, name in zip(ids, found, strict=True)]
    return pd.Series(items, dtype=object), pd.Series(found, dtype=object)


def _melted(seen: Seen, table: FoundTable, joint: str, items: pd.Series, asked: pd.Series) -> Derived | None:
    frame = load(seen.root, table.table)
    key, target = seen.asked.ids[0], seen.asked.targets[0]
    item = _item_column(seen, frame, items, set(asked))
    if item is None:
        return None
    questions = list(dict.fromkeys(asked))
    long = frame.melt(
        id_vars=[n for n in frame.columns if n not in questions],
        value_vars=questions,
        var_name=_question_name(seen, items, asked),
        value_name=target,
    )
    name = _question_name(seen, items, asked)
    long.insert(0, key, long[item] + joint + long[name])
    how = f"labels: P7, {len(questions)} columns of {where(table)} become rows; the id is {item}{joint}{name}"
    return Derived(how, long.astype(object), (table.table.path,), group=item)


def _item_column(seen: Seen, frame: pd.DataFrame, items: pd.Series, questions: set[str]) -> str | None:
    """The unique column of train that holds items: named as in the test table, or the first."""
    names = [n for n in frame.columns if n not in questions and frame[n].is_unique]
    known = [n for n in names if seen.roles.test is not None and n in seen.roles.test.columns]
    return next(iter([*known, *names]), None)


def _question_name(seen: Seen, items: pd.Series, asked: pd.Series) -> str:
    """The test table's column that says which question a row is, if it has one."""
    if seen.roles.test is not None:
        test = load(seen.root, seen.roles.test.table)
        if len(test) == len(asked):
            for name in test.columns:
                if set(test[name]) == set(asked):
                    return str(name)
    return _QUESTION
