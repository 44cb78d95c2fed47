"""What a submission may cost: its lines, columns and cells are counted before it is parsed. Runs in
a worker process.

A file of 98 kB whose header had 100,000 columns took 6.5 s and 509 MiB, and a single long cell is
multiplied by the number of rows where cells are arrays of fixed width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.judging.statistic import Array

_TIMES_ROWS, _SPARE_ROWS = 4, 1_000
_TIMES_COLUMNS, _SPARE_COLUMNS = 4, 200
_SPARE_CHARS = 200


def fault_of_shape(
    text: str, delimiters: Sequence[str], rows: int, columns: int, quoted: bool
) -> str | None:
    """Why a file is not even parsed, in one line; None for one of a size that a submission may have.
    Takes time and memory in proportion to the text.

    rows, columns: of the sample submission. quoted: line breaks and separators within quotes are
    parts of cells, as in texts.
    """
    if quoted and '"' in text:
        text = '""'.join(text.split('"')[::2])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > _TIMES_ROWS * rows + _SPARE_ROWS:
        return f"the submission has {len(lines)} lines; the sample submission has {rows} rows"
    most = most_columns(columns)
    # A line holds no more separators than characters.
    for line in filter(lambda line: len(line) > most, lines):
        count = max(map(line.count, delimiters)) + 1
        if count > most:
            return f"a line has {count} columns; the sample submission has {columns}"
    return None


def most_columns(columns: int) -> int:
    """Of a file that answers a sample submission of so many columns."""
    return _TIMES_COLUMNS * columns + _SPARE_COLUMNS


def short_text(cells: Array, longest: int) -> Array:
    """Cells [rows, columns] of any kind as text of fixed width; what is longer than any cell that
    can be right, by the length of the longest of these, is cut, and equal to none of them.
    """
    most = longest + _SPARE_CHARS
    shown = [_cut(str(cell), most) for cell in cells.ravel()]
    return np.array(shown, dtype=str).reshape(cells.shape)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}..."


def texts(cells: pd.DataFrame) -> Array:
    """Cells [rows, columns] as texts of any length, each with the memory that it needs."""
    found = np.empty(cells.shape, dtype=object)
    found[:] = [list(map(str, row)) for row in cells.itertuples(index=False, name=None)]
    return found
