"""Reading and writing tables without changing a value. Runs in worker processes only: it imports pandas."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd

# The default shrinks with the number of columns: 1,500 of them are written 66 rows at a time, which is slow.
_ROWS_AT_A_TIME = 10_000


def read_table(
    path: Path,
    format: str = "csv",
    delimiter: str = ",",
    encoding: str = "utf-8",
    member: str | None = None,
    columns: list[str] | None = None,
) -> pd.DataFrame:
    """The table as it stands in the file: csv cells are text ("" where empty), parquet keeps its types.

    member: name inside a zip archive. columns: read these only. Raises ValueError or OSError when it is no table.
    """
    if format == "parquet":
        return pd.read_parquet(path, columns=columns)
    options = {"sep": delimiter, "encoding": encoding, "dtype": str, "keep_default_na": False, "usecols": columns}
    if member is None:
        frame = pd.read_csv(path, **options)
    else:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            frame = pd.read_csv(file, **options)
    return frame.rename(columns={name: "" for name in frame.columns if str(name).startswith("Unnamed: ")})


def write_table(
    frame: pd.DataFrame,
    path: Path,
    format: str = "csv",
    delimiter: str = ",",
    encoding: str = "utf-8",
    member: str | None = None,
) -> None:
    """The inverse of `read_table`: same format, separator, encoding and archive member."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "parquet":
        frame.to_parquet(path, index=False)
    elif member is None:
        frame.to_csv(path, sep=delimiter, encoding=encoding, index=False, chunksize=_ROWS_AT_A_TIME)
    else:
        text = frame.to_csv(sep=delimiter, index=False, chunksize=_ROWS_AT_A_TIME)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            # A fixed date: archive times would tell views apart.
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), text.encode(encoding))


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column whose non-empty cells are all numbers as float, empty cells as NaN; the others stay text."""
    converted = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            converted[name] = column
            continue
        numbers = pd.to_numeric(column.where(column != ""), errors="coerce")
        converted[name] = numbers if bool((numbers.notna() | (column == "")).all()) else column
    return pd.DataFrame(converted, index=frame.index)
