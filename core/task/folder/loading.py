"""Reads the tables of a competition for inspection."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core.records import TableFile
from core.task.folder.big_tables import big_csv, drawn
from utils.errors import SpecError
from utils.tables import read_table, text_of_cell

# Above this size only the asked columns are read; below it the whole table is, which finds torn
# rows.
WHOLE_BYTES = 200 << 20
HEAD_ROWS = 2000
# What reading a torn, encrypted or foreign file raises; ImportError: parquet needs a library that
# may be missing.
BROKEN = (
    ValueError,
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,
    ImportError,
    zipfile.BadZipFile,
    zlib.error,
)


def load(data_dir: Path, table: TableFile, columns: list[str] | None = None) -> pd.DataFrame:
    """The table with cells as text ("" where empty); of one that is too large to hold, rows drawn
    at random.

    columns: all that the caller needs; a large table is read with these only. Raises SpecError when
    it is broken.
    """
    path = data_dir / table.path
    try:
        big = big_csv(data_dir, table)
        wanted = (
            columns if columns and "" not in columns and path.stat().st_size > WHOLE_BYTES else None
        )
        frame = _read(path, table, wanted) if big is None else drawn(big)[0]
    except BROKEN as error:
        raise SpecError(f"{table.path} cannot be read as a table: {_line(error)}") from error
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
        with _opened(path, table) as source:
            options: dict[str, Any] = {
                "sep": table.delimiter,
                "encoding": table.encoding,
                "dtype": str,
            }
            frame = pd.read_csv(source, nrows=rows, keep_default_na=False, **options)
        return frame.rename(
            columns={name: "" for name in frame.columns if str(name).startswith("Unnamed: ")}
        )
    except BROKEN as error:
        raise SpecError(f"{table.path} cannot be read as a table: {_line(error)}") from error


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Names from the file's footer. Raises one of BROKEN."""
    from pyarrow import parquet

    return tuple(str(name) for name in parquet.read_schema(path).names)


def _parquet_head(path: Path, rows: int) -> pd.DataFrame:
    from pyarrow import parquet

    first = next(parquet.ParquetFile(path).iter_batches(batch_size=rows), None)
    return first.to_pandas() if first is not None else pd.read_parquet(path)


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
    typed = [name for name in frame.columns if not pd.api.types.is_string_dtype(frame[name])]
    return (
        frame.assign(**{name: frame[name].map(text_of_cell) for name in typed}) if typed else frame
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
