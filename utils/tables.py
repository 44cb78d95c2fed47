"""Reading and writing tables without changing a value. Runs in worker processes only: it imports
pandas.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# The default shrinks with the number of columns: 1,500 of them are written 66 rows at a time, which
# is slow.
_ROWS_AT_A_TIME = 10_000
JSON_FORMATS = ("json", "jsonl", "json_columns", "json_rows")


def read_table(
    path: Path,
    format: str = "csv",
    delimiter: str = ",",
    encoding: str = "utf-8",
    member: str | None = None,
    columns: list[str] | None = None,
) -> pd.DataFrame:
    """The table as it stands in the file: csv cells are text ("" where empty), parquet and JSON
    keep their types.

    format: see core.records.TableFile. member: name inside a zip archive. columns: read these only.
    Raises ValueError or OSError when it is no table.
    """
    if format == "parquet":
        return pd.read_parquet(path, columns=columns)
    if format in JSON_FORMATS:
        frame = from_json_text(_bytes_of(path, member).decode(encoding), format)
        if columns is None:
            return frame
        return frame[columns]
    options = {
        "sep": delimiter,
        "encoding": encoding,
        "dtype": str,
        "keep_default_na": False,
        "usecols": columns,
    }
    if member is None:
        frame = pd.read_csv(path, **options)
    else:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            frame = pd.read_csv(file, **options)
    return without_made_up_names(frame)


def without_made_up_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with "" where the file's header has no name and pandas made one up."""
    nameless = [name for name in frame.columns if str(name).startswith("Unnamed: ")]
    return frame.rename(columns=dict.fromkeys(nameless, ""))


def unpacked_bytes(path: Path, member: str | None = None) -> int:
    """What a compressed table says that it has of bytes (gzip says it modulo 4 GiB); 0 for one that
    is not compressed or says nothing.
    """
    with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile):
        if member is not None:
            with zipfile.ZipFile(path) as archive:
                return archive.getinfo(member).file_size
        if path.suffix.lower() == ".gz":
            with path.open("rb") as file:
                file.seek(-4, io.SEEK_END)
                return int.from_bytes(file.read(4), "little")
    return 0


def text_of_cell(value: Any) -> str:
    """A cell of parquet or JSON as text: "" where empty, whole numbers without a decimal point,
    arrays as lists.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if value is None or (not hasattr(value, "__len__") and pd.isna(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


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
    elif member is None and format == "csv":
        frame.to_csv(path, sep=delimiter, encoding=encoding, index=False, chunksize=_ROWS_AT_A_TIME)
    elif member is None:
        path.write_bytes(to_json_text(frame, format).encode(encoding))
    else:
        text = _text_of(frame, format, delimiter)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            # A fixed date: archive times would tell views apart.
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), text.encode(encoding))


def from_json_text(text: str, format: str) -> pd.DataFrame:
    """Cells as JSON has them (numbers, text, true, null, lists); a key that a record lacks is NaN.

    json: a list of records. jsonl: a record per line. json_columns: column name to values, or to
    {row: value}. json_rows: id to record; the ids are the column "". Raises ValueError when the
    text is something else.
    """
    if format == "json_columns":
        return _from_columns(json.loads(text))
    records = _records(text, format)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("the JSON is no list of records")
    columns = {}
    for name in dict.fromkeys(chain.from_iterable(records)):
        cells = [record.get(name, math.nan) for record in records]
        columns[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(columns)


def _from_columns(columns: dict[str, Any]) -> pd.DataFrame:
    series = {}
    for name, cells in columns.items():
        if isinstance(cells, dict):
            cells = list(cells.values())
        series[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(series)


def _records(text: str, format: str) -> Any:
    if format == "jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    found = json.loads(text)
    if format == "json_rows":
        return [{"": key, **record} for key, record in found.items()]
    return found


def to_json_text(frame: pd.DataFrame, format: str) -> str:
    """The inverse of `from_json_text`; records lose the keys whose cells are NaN."""
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    if format == "json_columns":
        numbered = {name: dict(enumerate(map(_plain, cells))) for name, cells in columns.items()}
        return json.dumps(numbered)
    # Without columns there are no rows, as zip has it.
    rows = zip(*columns.values(), strict=True)
    records = (_record(columns, row) for row in rows)
    if format == "json_rows":
        return json.dumps({str(record.pop("")): record for record in records})
    lines = map(json.dumps, records)
    if format == "jsonl":
        return "".join(f"{line}\n" for line in lines)
    return "[" + ",\n".join(lines) + "]"


def _record(names: Iterable[str], row: Iterable[Any]) -> dict[str, Any]:
    """A row as JSON has it, without the keys whose cells are NaN."""
    cells = zip(names, row, strict=True)
    return {name: _plain(cell) for name, cell in cells if not _absent(cell)}


def as_numbers(frame: pd.DataFrame, decimal: str = ".") -> pd.DataFrame:
    """Every column whose non-empty cells are all numbers as float, empty cells as NaN; the others
    stay text.
    """
    converted = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            converted[name] = column
            continue
        filled = column.where(column != "")
        numbers = pd.to_numeric(with_point(filled, decimal), errors="coerce")
        if bool((numbers.notna() | (column == "")).all()):
            column = numbers
        converted[name] = column
    return pd.DataFrame(converted, index=frame.index)


def with_point(column: pd.Series, decimal: str) -> pd.Series:
    """Text cells that are numbers with a decimal comma, written with a point; anything else as it
    is.
    """
    if decimal == ".":
        return column
    return column.astype(object).replace(
        {r"^(\s*[-+]?\d+),(\d+(?:[eE][-+]?\d+)?\s*)$": r"\1.\2"}, regex=True
    )


def _text_of(frame: pd.DataFrame, format: str, delimiter: str) -> str:
    if format in JSON_FORMATS:
        return to_json_text(frame, format)
    return frame.to_csv(sep=delimiter, index=False, chunksize=_ROWS_AT_A_TIME)


def _bytes_of(path: Path, member: str | None) -> bytes:
    if member is None:
        return path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return archive.read(member)


def _absent(cell: Any) -> bool:
    return isinstance(cell, float) and cell != cell


def _plain(cell: Any) -> Any:
    """numpy's scalars as Python's."""
    if hasattr(cell, "item"):
        return cell.item()
    return cell
