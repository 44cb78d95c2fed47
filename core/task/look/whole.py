"""Some columns of a table with all their rows: what is counted or follows in time cannot be told
from a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.records import TableFile
from core.task.folder.broken import BROKEN
from core.task.folder.cells import text_of
from core.task.look.sample import SampledRows
from utils.tables import read_table, unpacked_bytes

# A few columns of so much are read within about two seconds.
_MOST_BYTES = 192 << 20


def whole_columns(
    data_dir: Path, table: TableFile | None, sampled: SampledRows | None, names: Sequence[str]
) -> pd.DataFrame | None:
    """The columns as text, in the order of the file; None where the table lacks one of them, is too
    large or cannot be read.
    """
    if table is None or sampled is None:
        return None
    wanted = list(dict.fromkeys(names))
    if not set(wanted) <= set(sampled.frame.columns):
        return None
    if not sampled.how:
        return sampled.frame[wanted]
    path = data_dir / table.path
    if max(path.stat().st_size, unpacked_bytes(path, table.member)) > _MOST_BYTES:
        return None
    try:
        frame = read_table(
            path, table.format, table.delimiter, table.encoding, table.member, columns=wanted
        )
    except BROKEN:
        return None
    return frame[wanted].apply(text_of)
