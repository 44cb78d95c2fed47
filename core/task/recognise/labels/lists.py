"""Rule P3: a cell of the train table lists the classes of its row, and the sample has a column for
each class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from core.task.folder.loading import load
from core.task.folder.names import without
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import folded
from core.task.recognise.roles import where

_SPLIT = re.compile(r"\s*[,;|]\s*|\s+")
_KNOWN_SHARE = 0.95
_LOOKED_AT = 5000


def labels_in_cells(evidence: Evidence) -> LabelTable | None:
    """Lists become columns of 0 and 1 (multi-hot), named like the sample's."""
    targets, sources = evidence.submission.targets, evidence.submission.sources
    if len(targets) < 2:
        return None
    names = {folded(target): target for target in targets}
    for table in evidence.roles.trains:
        frame = load(evidence.root, table.table)
        if not set(sources) & set(frame.columns):
            continue
        for column in without(frame.columns, sources):
            words = frame[column].map(_words)
            known = words.head(_LOOKED_AT).map(lambda found: found and found <= names.keys())
            if known.astype(bool).mean() >= _KNOWN_SHARE:
                how = f"labels: P3, {column!r} of {where(table)} lists classes; a column of 0 and 1 for each"
                rest = frame.drop(columns=column)
                hot = pd.concat([rest, _hot(words, names)], axis=1)
                return LabelTable(how, hot, (table.table.path,))
    return None


def _words(cell: str) -> frozenset[str]:
    return frozenset(folded(word) for word in _SPLIT.split(cell.strip()) if word)


def _hot(words: pd.Series, names: Mapping[str, str]) -> pd.DataFrame:
    """A column of 0 and 1 for each name. names: columns by the word that is looked for."""
    columns = {}
    for word, target in names.items():
        columns[target] = words.map(lambda found, word=word: str(int(word in found)))
    return pd.DataFrame(columns, dtype=object)
