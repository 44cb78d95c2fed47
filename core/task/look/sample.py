"""Rows of a table for a first look: all of a small one, a sample spread over a large one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import TableFile
from core.task.folder.broken import BROKEN
from core.task.folder.loading import head, load
from utils.big_csv import PACKED

WHOLE_BYTES = 16 << 20
MAX_ROWS = 50_000
MAX_CELLS = 1_000_000
_MIN_ROWS = 200
_BLOCKS = 16
_BLOCK_BYTES = 512 << 10
_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class SampledRows:
    """frame: cells as text ("" where empty), in the order of the file. how: which rows these are,
    "" for all.
    """

    frame: pd.DataFrame
    how: str


def sample_table(data_dir: Path, table: TableFile, columns: int) -> SampledRows:
    """At most MAX_ROWS rows and about MAX_CELLS cells of a table with so many columns.

    Raises SpecError when it cannot be read.
    """
    rows = min(MAX_ROWS, max(MAX_CELLS // max(columns, 1), _MIN_ROWS))
    path = data_dir / table.path
    plain = table.member is None and path.suffix.lower() not in PACKED
    if table.format == "parquet":
        return _of_parquet(data_dir, table, rows)
    if plain and path.stat().st_size <= WHOLE_BYTES:
        frame = load(data_dir, table)
        if len(frame) <= rows:
            return SampledRows(frame, "")
        return SampledRows(_thinned(frame, rows), f"{rows:,} random rows")
    first = head(data_dir, table, rows)
    if plain and table.encoding in ("utf-8", "utf-8-sig", "latin-1") and not _has_breaks(first):
        spread = _spread(path, table, list(first.columns))
        if spread is not None:
            spread = _thinned(spread, rows)
            return SampledRows(spread, f"{len(spread):,} rows from all over the file")
    if len(first) < rows:
        return SampledRows(first, "")
    return SampledRows(first, f"the first {len(first):,} rows")


def _of_parquet(data_dir: Path, table: TableFile, rows: int) -> SampledRows:
    from pyarrow import parquet

    count = parquet.ParquetFile(data_dir / table.path).metadata.num_rows
    frame = head(data_dir, table, rows)
    if len(frame) >= count:
        return SampledRows(frame, "")
    return SampledRows(frame, f"the first {len(frame):,} rows")


def _thinned(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    if len(frame) <= rows:
        return frame
    chosen = np.random.default_rng(_SEED).choice(len(frame), rows, replace=False)
    return frame.iloc[np.sort(chosen)].reset_index(drop=True)


def _has_breaks(frame: pd.DataFrame) -> bool:
    """A cell holds a line break: then a line in the middle of the file may begin inside of a cell."""
    looked = frame.head(2000)
    return any(looked[name].str.contains("\n", regex=False).any() for name in looked.columns)


def _spread(path: Path, table: TableFile, columns: list[str]) -> pd.DataFrame | None:
    """Whole lines from blocks at even distances; None when they are no rows of this table."""
    size, parts = path.stat().st_size, []
    options = {
        "sep": table.delimiter,
        "encoding": table.encoding.removesuffix("-sig"),
        "dtype": str,
    }
    with path.open("rb") as stream:
        for start in np.linspace(0, size - _BLOCK_BYTES, _BLOCKS).astype(int).tolist():
            stream.seek(start)
            # The header, or the rest of a line that begins before the block.
            stream.readline()
            block = stream.read(_BLOCK_BYTES)
            lines = io.BytesIO(block[: block.rfind(b"\n") + 1])
            try:
                part = pd.read_csv(
                    lines, header=None, keep_default_na=False, on_bad_lines="skip", **options
                )
            except BROKEN:
                return None
            if part.shape[1] != len(columns):
                return None
            parts.append(part)
    return pd.concat(parts, ignore_index=True).set_axis(columns, axis=1)
