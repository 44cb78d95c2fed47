"""Rule P7: the train table has a column for each question, the sample a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from core.task.folder.loading import load
from core.task.folder.names import among, without
from core.task.folder.sniff import FoundTable
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.new_ids import shapes
from core.task.recognise.roles import where

_JOINTS = ("_", "-", ":", "/", "|", ".", " ")
_QUESTION, _ITEM = "question", "item"
# The least share of cells of a column that look like items.
_ALIKE = 0.9


def labels_in_columns(evidence: Evidence) -> LabelTable | None:
    """ids `<item>_<column of train>`, one target: wide rows become long ones."""
    submission = evidence.submission
    if evidence.sample is None or len(submission.ids) != 1 or len(submission.targets) != 1:
        return None
    ids = evidence.sample[submission.ids[0]]
    for table, joint in product(evidence.roles.trains, _JOINTS):
        split = _split(ids, joint, table.columns)
        if split is not None:
            found = _melted(evidence, table, joint, *split)
            if found is not None:
                return found
    return None


def _split(
    ids: pd.Series, joint: str, columns: tuple[str, ...]
) -> tuple[pd.Series, pd.Series] | None:
    """(item, column of train) of each id; a column's name may hold the joint itself."""
    names = sorted(without(columns, {""}), key=len, reverse=True)
    items, found = [], []
    for key in ids:
        name = _ending(key, joint, names)
        if name is None:
            return None
        items.append(key[: -len(joint + name)])
        found.append(name)
    if len(set(found)) < 2:
        return None
    return pd.Series(items, dtype=object), pd.Series(found, dtype=object)


def _ending(key: str, joint: str, names: Sequence[str]) -> str | None:
    """The first of the names that stands behind a joint at the end of the id."""
    for name in names:
        if key.endswith(joint + name):
            return name
    return None


def _melted(
    evidence: Evidence, table: FoundTable, joint: str, items: pd.Series, questions: pd.Series
) -> LabelTable | None:
    """items, questions: of each row of the sample."""
    frame, found = load(evidence.root, table.table), evidence.roles.test
    test = load(evidence.root, found.table) if found is not None else None
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    item = _item_column(frame, test, items, set(questions))
    if item is None or (test is not None and not {item, key} & set(test.columns)):
        return None
    named = _ITEM if item in (key, target) else item
    name = _question_name(test, questions)
    columns = list(dict.fromkeys(questions))
    frame = frame.rename(columns={item: named})
    others = without(frame.columns, columns)
    if {key, target, name} & set(others) or name in (key, target):
        return None
    long = frame.melt(id_vars=others, value_vars=columns, var_name=name, value_name=target)
    long.insert(0, key, long[named] + joint + long[name])
    how = f"labels: P7, {len(columns)} columns of {where(table)} become rows; the id is {item}{joint}{name}"
    label_table = LabelTable(how, long.astype(object), (table.table.path,), group=named)
    if found is None or test is None or not _has_items(test, item, items):
        return label_table
    rows = test.rename(columns={item: named}).set_index(named, drop=False)
    rows = rows.loc[items].reset_index(drop=True)
    ids = pd.DataFrame({key: items + joint + questions}, dtype=object)
    return replace(
        label_table,
        how=f"{how}; the rows of {where(found)} are repeated for each of them",
        test=ids.join(rows).assign(**{name: questions}),
        items=found.table if named == item else None,
    )


def _item_column(
    frame: pd.DataFrame, test: pd.DataFrame | None, items: pd.Series, questions: set[str]
) -> str | None:
    """The column of train without repeated cells that holds items: the one that does in the test
    table, else one whose cells look like them.
    """
    names = [name for name in without(frame.columns, questions) if frame[name].is_unique]
    if test is not None:
        for name in among(names, test.columns):
            if set(items) <= set(test[name]):
                return name
    looks = set(shapes(items))
    for name in names:
        if shapes(frame[name]).isin(looks).mean() >= _ALIKE:
            return name
    return None


def _has_items(test: pd.DataFrame, item: str, items: pd.Series) -> bool:
    """One row for each item, where the sample has several."""
    return item in test.columns and test[item].is_unique and set(items) <= set(test[item])


def _question_name(test: pd.DataFrame | None, questions: pd.Series) -> str:
    """The test table's column that says which question a row is, if it has one."""
    if test is not None and len(test) == len(questions):
        for name in test.columns:
            if set(test[name]) == set(questions):
                return str(name)
    return _QUESTION
