"""Rule P7: the train table has several rows per item, each with one of its labels."""

from __future__ import annotations

import re

import pandas as pd

from core.task.folder.loading import load
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import Labels
from core.task.recognise.roles import where

_SEVERAL_SHARE = 0.05
_LIST = re.compile(r"\S+(?:\s+\S+)+")


def labels_in_rows(evidence: Evidence, labels: Labels) -> LabelTable | None:
    """One row per item: a column of 0 and 1 per class, or the list of its labels. None where items
    have one row.
    """
    sample, sources = evidence.sample, evidence.submission.sources
    if sample is None or evidence.roles.test is not None:
        return None
    if len(sources) != 1 or len(labels.columns) != 1:
        return None
    key, column, mine = sources[0], labels.columns[0], evidence.submission.ids[0]
    if key not in labels.train.columns or not sample[mine].is_unique:
        return None
    frame = load(evidence.root, labels.train.table)
    if frame[key].duplicated().mean() < _SEVERAL_SHARE:
        return None
    if frame.groupby(key)[column].nunique().max() < 2:
        return None
    if labels.classes:
        items, form = _hot(frame, key, column, labels), "a column of 0 and 1 per class"
    elif bool(sample[evidence.submission.targets[0]].str.fullmatch(_LIST).any()):
        lists = frame.groupby(key, sort=False)[column].agg(_listed)
        items, form = lists.rename(labels.targets[0]).reset_index(), "a list per item"
    else:
        return None
    items = items.rename(columns={key: mine})
    how = f"labels: P7, several rows per {key!r} in {where(labels.train)} become {form}"
    return LabelTable(how, items.astype(object), (labels.train.table.path,))


def _listed(cells: pd.Series) -> str:
    """Each label once, in their order."""
    return " ".join(dict.fromkeys(cells))


def _hot(frame: pd.DataFrame, key: str, column: str, labels: Labels) -> pd.DataFrame:
    table = pd.crosstab(frame[key], frame[column]).clip(upper=1)
    items = pd.DataFrame({key: table.index.to_numpy()}, dtype=object)
    for target, name in zip(labels.targets, labels.classes, strict=True):
        cells = table[name].to_numpy() if name in table.columns else 0
        items[target] = pd.Series(cells, index=items.index).astype(str)
    return items
