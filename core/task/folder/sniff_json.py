"""Recognises JSON files that are tables: records in a list or per line, or columns."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from core.records import TableFormat

# A list of records is recognised by its first ones, which must lie within this.
_HEAD = 16 << 20
_RECORDS = 20
_MAX_COLUMNS = 2000
_MIN_KEYED = 5
_BETWEEN = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class JsonTable:
    """columns: the keys of the first records, in their order."""

    format: TableFormat
    encoding: str
    columns: tuple[str, ...]


def sniff_json(stream: BinaryIO, lines: bool) -> JsonTable | None:
    """None for JSON that is no table. lines: the file's name says a record per line.

    Raises ValueError for text that is no JSON at all.
    """
    raw = stream.read(_HEAD)
    encoding = "utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "utf-8"
    text = codecs.getincrementaldecoder(encoding)().decode(raw).strip()
    if text.startswith("["):
        return _table("json", encoding, _keys(_records(text, 1)))
    if lines or _is_record(text.split("\n", 1)[0]):
        records = _records(text, 0)
        if lines and records or len(records) > 1:
            return JsonTable("jsonl", encoding, _keys(records))
    if len(raw) == _HEAD:
        return None
    found = json.loads(text)
    if columns := _keyed(found):
        return JsonTable("json_rows", encoding, ("", *columns))
    return _table("json_columns", encoding, _columns(found))


def _table(format: TableFormat, encoding: str, columns: tuple[str, ...]) -> JsonTable | None:
    if not columns:
        return None
    return JsonTable(format, encoding, columns)


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _records(text: str, spot: int) -> list[dict[str, object]]:
    """Up to _RECORDS objects that stand one after the other from `spot`; [] when something else
    stands there.
    """
    decoder, records = json.JSONDecoder(), list[dict[str, object]]()
    while len(records) < _RECORDS:
        if match := _BETWEEN.match(text, spot):
            spot = match.end()
        if not text.startswith("{", spot):
            break
        try:
            record, spot = decoder.raw_decode(text, spot)
        except ValueError:
            break
        records.append(record)
    return records


def _keys(records: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """All keys, in the order in which they come first."""
    return tuple(dict.fromkeys(chain.from_iterable(records)))


def _keyed(found: object) -> tuple[str, ...]:
    """Keys of the records of a mapping of ids to records: more ids than keys, plain values; () when
    it is none.
    """
    if not isinstance(found, dict) or len(found) < _MIN_KEYED:
        return ()
    if not all(map(_is_plain_record, found.values())):
        return ()
    columns = _keys(found.values())
    if not 0 < len(columns) < len(found) or "" in columns:
        return ()
    if all(map(str.isdecimal, columns)):
        return ()
    return columns


def _is_plain_record(row: object) -> bool:
    return isinstance(row, dict) and not any(isinstance(c, dict | list) for c in row.values())


def _columns(found: object) -> tuple[str, ...]:
    """Names of a mapping of equally long columns of plain values; () when it is none."""
    if not isinstance(found, dict) or not 2 <= len(found) <= _MAX_COLUMNS:
        return ()
    columns = list(map(_cells, found.values()))
    lengths = set(map(len, columns))
    if len(lengths) != 1 or min(lengths) < 2:
        return ()
    if any(isinstance(cell, dict) for cell in chain.from_iterable(columns)):
        return ()
    return tuple(found)


def _cells(column: object) -> list[object]:
    """The cells of a column that is a list, or a mapping of rows to cells; [] when it is neither."""
    if isinstance(column, dict):
        return list(column.values())
    return column if isinstance(column, list) else []
