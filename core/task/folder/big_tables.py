"""Train tables that are too large to hold: drawn rows stand for them, and views are copied as
bytes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import TableFile
from core.task.folder.cells import parse_times
from utils.big_csv import BigCsv, Numbers, is_big

# What was drawn last, by table and group column.
_LAST: dict[tuple[BigCsv, str | None], tuple[pd.DataFrame, Numbers]] = {}


def big_csv(root: Path, table: TableFile | None) -> BigCsv | None:
    """The table as a large csv; None where it can be held."""
    if table is None or not is_big(root / table.path, table.format, table.encoding, table.member):
        return None
    path = root / table.path
    return _opened(path, table.delimiter, table.encoding, path.stat().st_mtime_ns)


def drawn(big: BigCsv, group: str | None = None) -> tuple[pd.DataFrame, Numbers]:
    """Rows at random in the order of the file, cells as text, and their numbers. group: whole
    groups of this column.
    """
    key = (big, group)
    if key not in _LAST:
        _LAST.clear()  # Before the next is read: two of them at once would be the worker's peak.
        numbers = big.draw() if group is None else big.draw_groups(group)
        _LAST[key] = big.rows(numbers), numbers
    return _LAST[key]


def distinct(big: BigCsv, column: str) -> list[str]:
    """All values of a column."""
    return list(map(str, big.column(column).unique()))


def late_rows(big: BigCsv, column: str, since: float) -> Numbers:
    """The records at or after this time (see core.task.folder.cells.parse_times)."""
    cells = big.column(column)
    names = pd.Series(cells.cat.categories.to_numpy(), dtype=object)
    times = parse_times(names)[cells.cat.codes.to_numpy()]
    return np.flatnonzero(times >= since).astype(np.int64)


@lru_cache(maxsize=4)
def _opened(path: Path, delimiter: str, encoding: str, _stamp: int) -> BigCsv:
    return BigCsv(path, delimiter, encoding)
