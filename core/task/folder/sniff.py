"""Finds the tables of a competition folder, with separator, encoding and columns."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from core.records import TableFile
from core.task.folder.broken import BROKEN, line_of
from core.task.folder.inventory import FoundFile
from core.task.folder.loading import parquet_columns
from core.task.folder.sniff_json import sniff_json

_HEAD = 1 << 18
_CHECKED = 64 << 20
_SNIFFED_ROWS = 50
_DELIMITERS = (",", ";", "\t", "|")
# More tables than this in one folder are records of the competition, one per id, and not its
# tables.
_MAX_TABLES_PER_FOLDER = 30
_MAX_MEMBERS = 10
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
_JSON = (".json", ".jsonl", ".ndjson")
_TABLE_NAME = re.compile(
    r"\.(?:csv|tsv)(?:\.gz|\.bz2|\.xz)?$|\.(?:parquet|json|jsonl|ndjson)$", re.I
)
_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d+,\d+\s*")
_POINT_NUMBER = re.compile(r"\s*[-+]?\d*\.\d+\s*")


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A readable table. columns: as in its header, "" for an unnamed one. size: bytes of the file
    on disk.
    """

    table: TableFile
    columns: tuple[str, ...]
    size: int

    @property
    def name(self) -> str:
        """File name (of the archive member, if any) without its extensions."""
        return PurePosixPath(self.table.member or self.table.path).name.split(".")[0]

    @property
    def depth(self) -> int:
        return self.table.path.count("/")


def find_tables(
    data_dir: Path, files: Iterable[FoundFile], unread: list[str] | None = None
) -> tuple[FoundTable, ...]:
    """The tables among the files, plain ones before those in archives; what is no table is left
    out.

    unread: takes a line for each csv, tsv or parquet file that cannot be read as a table.
    """
    files = list(files)
    crowd = Counter(file.folder for file in files if _TABLE_NAME.search(file.name))
    plain, archived = [], []
    for file in files:
        if file.folder != "." and crowd[file.folder] > _MAX_TABLES_PER_FOLDER:
            continue
        for table in _tables_in(data_dir, file, unread):
            if table.table.member is None:
                plain.append(table)
            else:
                archived.append(table)
    return (*plain, *archived)


def sniff(data_dir: Path, file: FoundFile, unread: list[str] | None = None) -> FoundTable | None:
    """The table in a csv or tsv (.gz, .bz2, .xz too), json, jsonl or parquet file; None without a
    readable header.
    """
    path = data_dir / file.path
    try:
        if file.suffix == ".parquet":
            return FoundTable(TableFile(file.path, "parquet"), parquet_columns(path), file.size)
        with _OPENERS.get(file.suffix, Path.open)(path, "rb") as stream:
            return _sniff_stream(stream, TableFile(file.path), file.size)
    except BROKEN as error:
        if unread is not None and file.suffix not in _JSON:
            unread.append(f"{file.path} cannot be read: {line_of(error)[:120]}")
        return None


def _tables_in(data_dir: Path, file: FoundFile, unread: list[str] | None) -> Iterator[FoundTable]:
    if file.suffix == ".zip":
        yield from _sniff_zip(data_dir, file)
    elif _TABLE_NAME.search(file.name):
        table = sniff(data_dir, file, unread)
        if table is not None:
            yield table


def _sniff_zip(data_dir: Path, file: FoundFile) -> Iterator[FoundTable]:
    try:
        with zipfile.ZipFile(data_dir / file.path) as archive:
            members = list(filter(_is_table_member, archive.infolist()))
            if len(members) > _MAX_MEMBERS:
                return
            for member in members:
                name = member.filename
                with archive.open(name) as stream:
                    table = _sniff_stream(stream, TableFile(file.path, member=name), file.size)  # type: ignore[arg-type]
                if table is not None:
                    yield table
    except BROKEN:
        return


def _is_table_member(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename)
    hidden = path.parts[:1] == ("__MACOSX",) or path.name.startswith(".")
    return not info.is_dir() and not hidden and path.suffix.lower() in _TABLES


def _sniff_stream(stream: BinaryIO, table: TableFile, size: int) -> FoundTable | None:
    """Raises ValueError when the content is binary or empty."""
    suffix = PurePosixPath(table.member or table.path).suffix.lower()
    if suffix in _JSON:
        described = sniff_json(stream, lines=suffix != ".json")
        if described is None:
            return None
        found = replace(table, format=described.format, encoding=described.encoding)
        return FoundTable(found, described.columns, size)
    start = stream.read(_HEAD)
    encoding = _encoding(start, stream)
    is_whole = len(start) < _HEAD
    text = codecs.getincrementaldecoder(encoding)().decode(start, final=is_whole)
    if not text.strip():
        raise ValueError("it is empty")
    if "\0" in text:
        raise ValueError("it is binary, not text")
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    delimiter, columns = _delimiter(text)
    decimal = _decimal(text, delimiter)
    return FoundTable(
        TableFile(table.path, "csv", delimiter, encoding, table.member, decimal), columns, size
    )


def _decimal(text: str, delimiter: str) -> str:
    """Comma where cells are numbers with one and none has a point; with commas between cells it
    cannot be.
    """
    if delimiter == ",":
        return "."
    cells = list(chain.from_iterable(_first_rows(text, delimiter)[1:]))
    if any(map(_POINT_NUMBER.fullmatch, cells)) or not any(map(_COMMA_NUMBER.fullmatch, cells)):
        return "."
    return ","


def _encoding(head: bytes, rest: BinaryIO) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk, checked = head, 0
    try:
        while chunk and checked < _CHECKED:
            decoder.decode(chunk)
            checked += len(chunk)
            chunk = rest.read(_HEAD)
        decoder.decode(b"", final=not chunk)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _delimiter(text: str) -> tuple[str, tuple[str, ...]]:
    """Separator and header: the separator that gives most rows the width of a header of several
    cells.
    """
    best, best_rank = (",", tuple[str, ...]()), (-1.0, 0)
    for delimiter in _DELIMITERS:
        rows = _first_rows(text, delimiter)
        if not rows:
            continue
        header = tuple(rows[0])
        agreeing = sum(len(row) == len(header) for row in rows) / len(rows)
        rank = (agreeing if len(header) > 1 else 0.0, len(header))
        if rank > best_rank:
            best, best_rank = (delimiter, header), rank
    return best


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > _SNIFFED_ROWS:
                break
    except csv.Error:
        return rows[:1]
    return rows
