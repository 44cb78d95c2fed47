"""Reads the tables of a competition for inspection."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core.records import TableFile
from core.task.folder.big_tables import big_csv, drawn
from core.task.folder.broken import BROKEN, line_of
from utils.errors import SpecError
from utils.tables import read_table, text_of_cell, without_made_up_names

# Above this size only the asked columns are read; below it the whole table is, which finds torn
# rows.
WHOLE_BYTES = 200 << 20
HEAD_ROWS = 2000


def load(data_dir: Path, table: TableFile, columns: list[str] | None = None) -> pd.DataFrame:
    """The table with cells as text ("" where empty); of one that is too large to hold, rows drawn
    at random.

    columns: all that the caller needs; a large table is read with these only. Raises SpecError when
    it is broken.
    """
    path = data_dir / table.path
    try:
        big = big_csv(data_dir, table)
        if big is not None:
            frame = drawn(big)[0]
        elif columns and "" not in columns and path.stat().st_size > WHOLE_BYTES:
            frame = _read(path, table, columns)
        else:
            frame = _read(path, table, None)
    except BROKEN as error:
        raise SpecError(f"{table.path} cannot be read as a table: {line_of(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise SpecError(
            f"{table.path} cannot be read as a table: its rows have more cells than its header"
        )
    return _as_text(frame)


def rows_of(data_dir: Path, table: TableFile, loaded: pd.DataFrame) -> int:
    """How many rows the table has of which `loaded` was made by `load`."""
    big = big_csv(data_dir, table)
    return len(loaded) if big is None else big.count


def head(data_dir: Path, table: TableFile, rows: int = HEAD_ROWS) -> pd.DataFrame:
    """The first rows as text. Raises SpecError when they are broken."""
    path = data_dir / table.path
    try:
        if table.format == "parquet":
            return _as_text(_parquet_head(path, rows))
        if table.format != "csv":
            return _as_text(_read(path, table, None).head(rows))
        return _csv_head(path, table, rows)
    except BROKEN as error:
        raise SpecError(f"{table.path} cannot be read as a table: {line_of(error)}") from error


def _csv_head(path: Path, table: TableFile, rows: int) -> pd.DataFrame:
    with _opened(path, table) as source:
        frame = pd.read_csv(
            source,
            nrows=rows,
            sep=table.delimiter,
            encoding=table.encoding,
            dtype=str,
            keep_default_na=False,
        )
    return without_made_up_names(frame)


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Names from the file's footer. Raises one of BROKEN."""
    from pyarrow import parquet

    return tuple(str(name) for name in parquet.read_schema(path).names)


def _parquet_head(path: Path, rows: int) -> pd.DataFrame:
    from pyarrow import parquet

    first = next(parquet.ParquetFile(path).iter_batches(batch_size=rows), None)
    if first is None:
        return pd.read_parquet(path)
    return first.to_pandas()


@contextlib.contextmanager
def _opened(path: Path, table: TableFile) -> Iterator[Any]:
    """What pandas reads from: the path, or the open archive member."""
    if table.member is None:
        yield path
    else:
        with zipfile.ZipFile(path) as archive, archive.open(table.member) as file:
            yield file


def _read(path: Path, table: TableFile, columns: list[str] | None) -> pd.DataFrame:
    options = {"delimiter": table.delimiter, "member": table.member, "columns": columns}
    return read_table(path, table.format, encoding=table.encoding, **options)  # type: ignore[arg-type]


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Typed columns (parquet) as text; whole numbers lose their decimal point."""
    texts = {}
    for name in frame.columns:
        if not pd.api.types.is_string_dtype(frame[name]):
            texts[name] = frame[name].map(text_of_cell)
    return frame.assign(**texts) if texts else frame
