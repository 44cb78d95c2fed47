"""Tables of which a few lines are torn: their whole lines, and how many others there were."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from core.task.folder.loading import load
from core.task.folder.sniff import FoundTable
from utils.errors import SpecError

_MAX_BYTES = 200 << 20
_FEW, _FEW_SHARE = 3, 0.01


def whole_lines(data_dir: Path, found: FoundTable) -> tuple[pd.DataFrame, int] | None:
    """(the lines with as many cells as the header, cells as text; how many others). None where the
    table can be read as it is, is no plain csv, or has more than a few torn lines.
    """
    if found.size > _MAX_BYTES or not _is_plain(found) or _can_be_read(data_dir, found):
        return None
    table = found.table
    with (data_dir / table.path).open(encoding=table.encoding, newline="") as file:
        lines = [line for line in file if line.strip()]
    whole = []
    # Each line for itself: a quote that is not closed takes all lines up to the next one.
    for line in lines[1:]:
        row = _cells(line, table.delimiter)
        if row is not None and len(row) == len(found.columns):
            whole.append(row)
    torn = len(lines) - 1 - len(whole)
    if not whole or torn > max(_FEW, _FEW_SHARE * len(lines)):
        return None
    return pd.DataFrame(whole, columns=list(found.columns), dtype=object), torn


def _is_plain(found: FoundTable) -> bool:
    """A csv that is a file of its own, without equal names in its header."""
    table = found.table
    return (
        table.format == "csv"
        and table.member is None
        and Path(table.path).suffix.lower() in (".csv", ".tsv")
        and len(set(found.columns)) == len(found.columns)
    )


def _can_be_read(data_dir: Path, found: FoundTable) -> bool:
    try:
        load(data_dir, found.table)
    except SpecError:
        return False
    return True


def _cells(line: str, delimiter: str) -> list[str] | None:
    """None where a quote is not closed."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None
