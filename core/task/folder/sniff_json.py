"""Recognises JSON files that are tables: records in a list or per line, or columns."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
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
        columns = _keys(_records(text, 1))
        return JsonTable("json", encoding, columns) if columns else None
    records = _records(text, 0) if lines or _is_record(text.split("\n", 1)[0]) else []
    if len(records) > (0 if lines else 1):
        return JsonTable("jsonl", encoding, _keys(records))
    if len(raw) < _HEAD:
        found = json.loads(text)
        if columns := _keyed(found):
            return JsonTable("json_rows", encoding, ("", *columns))
        columns = _columns(found)
        return JsonTable("json_columns", encoding, columns) if columns else None
    return None


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
        match = _BETWEEN.match(text, spot)
        spot = match.end() if match else spot
        if not text.startswith("{", spot):
            break
        try:
            record, spot = decoder.raw_decode(text, spot)
        except ValueError:
            break
        records.append(record)
    return records


def _keys(records: list[dict[str, object]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record))


def _keyed(found: object) -> tuple[str, ...]:
    """Keys of the records of a mapping of ids to records: more ids than keys, plain values; () when
    it is none.
    """
    if not isinstance(found, dict) or len(found) < _MIN_KEYED:
        return ()
    rows = [row for row in found.values() if isinstance(row, dict)]
    columns = _keys(rows)
    plain = len(rows) == len(found) and not any(
        isinstance(cell, dict | list) for row in rows for cell in row.values()
    )
    numbered = all(name.isdecimal() for name in columns)
    return (
        columns
        if plain and not numbered and 0 < len(columns) < len(found) and "" not in columns
        else ()
    )


def _columns(found: object) -> tuple[str, ...]:
    """Names of a mapping of equally long columns of plain values; () when it is none."""
    if not isinstance(found, dict) or not 2 <= len(found) <= _MAX_COLUMNS:
        return ()
    cells = [
        list(column.values()) if isinstance(column, dict) else column for column in found.values()
    ]
    if not all(isinstance(column, list) and len(column) > 1 for column in cells):
        return ()
    plain = not any(isinstance(cell, dict) for column in cells for cell in column)
    return tuple(found) if plain and len({len(column) for column in cells}) == 1 else ()
