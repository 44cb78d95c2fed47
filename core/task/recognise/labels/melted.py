"""Rule P7: the train table has a column for each question, the sample a row."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from core.task.folder.loading import load
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
    if (
        evidence.sample is None
        or len(evidence.submission.ids) != 1
        or len(evidence.submission.targets) != 1
    ):
        return None
    ids = evidence.sample[evidence.submission.ids[0]]
    for table in evidence.roles.trains:
        for joint in _JOINTS:
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
    endings = sorted((name for name in columns if name), key=len, reverse=True)
    found = [next((name for name in endings if key.endswith(joint + name)), "") for key in ids]
    if "" in found or len(set(found)) < 2:
        return None
    items = [key[: -len(joint + name)] for key, name in zip(ids, found, strict=True)]
    return pd.Series(items, dtype=object), pd.Series(found, dtype=object)


def _melted(
    evidence: Evidence, table: FoundTable, joint: str, items: pd.Series, asked: pd.Series
) -> LabelTable | None:
    frame = load(evidence.root, table.table)
    test = (
        load(evidence.root, evidence.roles.test.table) if evidence.roles.test is not None else None
    )
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    item = _item_column(frame, test, items, set(asked))
    if item is None or (test is not None and not {item, key} & set(test.columns)):
        return None
    named, name = _free(item, key, target), _question_name(test, asked)
    questions = list(dict.fromkeys(asked))
    frame = frame.rename(columns={item: named})
    others = [n for n in frame.columns if n not in questions]
    if {key, target, name} & set(others) or name in (key, target):
        return None
    long = frame.melt(id_vars=others, value_vars=questions, var_name=name, value_name=target)
    long.insert(0, key, long[named] + joint + long[name])
    how = f"labels: P7, {len(questions)} columns of {where(table)} become rows; the id is {item}{joint}{name}"
    derived = LabelTable(how, long.astype(object), (table.table.path,), group=named)
    if test is None or not _has_items(test, item, items):
        return derived
    rows = (
        test.rename(columns={item: named})
        .set_index(named, drop=False)
        .loc[items]
        .reset_index(drop=True)
    )
    rows = (
        pd.DataFrame({key: items + joint + asked}, dtype=object).join(rows).assign(**{name: asked})
    )
    assert evidence.roles.test is not None
    how += f"; the rows of {where(evidence.roles.test)} are repeated for each of them"
    return replace(
        derived, how=how, test=rows, items=evidence.roles.test.table if named == item else None
    )


def _item_column(
    frame: pd.DataFrame, test: pd.DataFrame | None, items: pd.Series, questions: set[str]
) -> str | None:
    """The column of train without repeated cells that holds items: the one that does in the test
    table, else one whose cells look like them.
    """
    names = [n for n in frame.columns if n not in questions and frame[n].is_unique]
    known = [
        n for n in names if test is not None and n in test.columns and set(items) <= set(test[n])
    ]
    looks = set(shapes(items))
    alike = [n for n in names if shapes(frame[n]).isin(looks).mean() >= _ALIKE]
    return next(iter([*known, *alike]), None)


def _has_items(test: pd.DataFrame, item: str, items: pd.Series) -> bool:
    """One row for each item, where the sample has several."""
    return item in test.columns and test[item].is_unique and set(items) <= set(test[item])


def _free(item: str, *taken: str) -> str:
    return item if item not in taken else _ITEM


def _question_name(test: pd.DataFrame | None, asked: pd.Series) -> str:
    """The test table's column that says which question a row is, if it has one."""
    if test is not None and len(test) == len(asked):
        for name in test.columns:
            if set(test[name]) == set(asked):
                return str(name)
    return _QUESTION
