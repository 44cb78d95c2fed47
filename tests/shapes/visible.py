"""Finds the train rows whose label can be seen anywhere below a folder: in tables, JSON, names,
archives, files.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.shapes.shape import Labels
from tests.shapes.writing import Folder, digest

_TABLES = (".csv", ".tsv", ".txt")
_SUBMISSION = re.compile(r"submission", re.I)
csv.field_size_limit(1 << 24)


def files_below(root: Path) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file, those inside archives included."""
    for path in sorted(file for file in root.rglob("*") if file.is_file()):
        yield from _opened(str(path.relative_to(root)), path.read_bytes())


def _opened(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, raw
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for member in archive.namelist():
                if not member.endswith("/"):
                    yield from _opened(f"{name}/{member}", archive.read(member))


class Search:
    """visible: keys of the train rows whose label was seen."""

    def __init__(self, folder: Folder, labels: Labels, root: Path) -> None:
        self._labels, self._answers, self._inputs = labels, folder.answers, folder.inputs
        self._files = list(files_below(root))
        self._alias = {key: key for key in folder.rows}
        for name, raw in self._files:
            # A row's file may have another name here; tables may name the row by it.
            row = folder.inputs.get(digest(raw))
            if row is not None:
                self._alias |= {Path(name).name: row, Path(name).stem: row}
        self.visible = set(self._find())

    def _find(self) -> Iterator[str]:
        for name, raw in self._files:
            content = digest(raw)
            if content in self._answers:
                yield self._answers[content]
            if (
                self._labels.name is not None
                and self._labels.name.search(name)
                and content in self._inputs
            ):
                yield self._inputs[content]
            if self._labels.line is not None:
                yield from (found.decode() for found in self._labels.line.findall(raw))
            if not _SUBMISSION.search(name):
                yield from self._in_records(name, raw)

    def _in_records(self, name: str, raw: bytes) -> Iterator[str]:
        if name.endswith(_TABLES):
            yield from self._in_table(
                raw.decode(errors="replace"), "\t" if name.endswith(".tsv") else ","
            )
        elif name.endswith((".json", ".jsonl")):
            for record in _records(raw.decode(errors="replace")):
                told = [record[column] for column in self._labels.columns if column in record]
                if any(value not in (None, "") for value in told):
                    yield from self._row([str(record.get(key, "")) for key in self._labels.keys])

    def _in_table(self, text: str, delimiter: str) -> Iterator[str]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = next(rows, [])
        told = [at for at, column in enumerate(header) if column in self._labels.columns]
        keys = [at for at, column in enumerate(header) if column in self._labels.keys]
        for cells in rows if told else ():
            answers = (
                cells[told[0] :]
                if self._labels.blank
                else [cells[at] for at in told if at < len(cells)]
            )
            if "?" in answers or not (self._labels.blank or any(answers)):
                continue
            if keys:
                yield from self._row([cells[at] for at in keys if at < len(cells)])
            else:
                yield from (row for cell in cells for row in self._row([cell]))

    def _row(self, keys: list[str]) -> Iterator[str]:
        row = self._alias.get("_".join(keys))
        if row is not None:
            yield row


def _records(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return (
        [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []
    )
