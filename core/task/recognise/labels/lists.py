"""Rule P3: a cell of the train table lists the classes of its row, and the sample has a column for
each class.
"""

from __future__ import annotations

import re

import pandas as pd

from core.task.folder.loading import load
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import folded
from core.task.recognise.roles import where

_SPLIT = re.compile(r"\s*[,;|]\s*|\s+")
_KNOWN_SHARE = 0.95
_LOOKED_AT = 5000


def labels_in_cells(evidence: Evidence) -> LabelTable | None:
    """Lists become columns of 0 and 1 (multi-hot), named like the sample's."""
    targets = evidence.submission.targets
    if len(targets) < 2:
        return None
    names = {folded(target): target for target in targets}
    for table in evidence.roles.trains:
        frame = load(evidence.root, table.table)
        for column in (
            frame.columns if set(evidence.submission.sources) & set(frame.columns) else ()
        ):
            cells = (
                frame[column]
                .str.strip()
                .map(lambda cell: [folded(word) for word in _SPLIT.split(cell) if word])
            )
            looked = cells.head(_LOOKED_AT)
            known = looked.map(
                lambda words: bool(words) and all(word in names for word in words)
            ).mean()
            if known >= _KNOWN_SHARE and column not in evidence.submission.sources:
                hot = pd.DataFrame(
                    {
                        target: cells.map(lambda words, key=key: str(int(key in words)))
                        for key, target in names.items()
                    },
                    dtype=object,
                )
                how = f"labels: P3, {column!r} of {where(table)} lists classes; a column of 0 and 1 for each"
                made = pd.concat([frame.drop(columns=column), hot], axis=1)
                return LabelTable(how, made, (table.table.path,))
    return None
