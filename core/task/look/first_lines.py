"""How the files of a folder begin that no adaptor understands, one of each sort."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.task.folder.inventory import FoundFile
from utils.untrusted import one_line

_MOST_SORTS, _LINES, _LINE, _READ = 12, 3, 150, 4096
_NAMED = re.compile(r"[^/]*\d[^/]*")
_SQLITE = b"SQLite format 3\0"


def first_lines(root: Path, files: Sequence[FoundFile]) -> Iterator[str]:
    """Lines for a preview. A sort of files: the same path but for names with digits in them."""
    sorts: dict[str, list[FoundFile]] = {}
    for file in files:
        sort = f"{_NAMED.sub('#', file.folder)}/{_NAMED.sub('#', file.stem)}{file.suffix}"
        sorts.setdefault(sort, []).append(file)
    shown = 0
    for alike in sorts.values():
        lines = _beginning(root / alike[0].path)
        if lines and shown < _MOST_SORTS:
            shown += 1
            more = f" and {len(alike) - 1} like it" if len(alike) > 1 else ""
            yield f"{alike[0].path}{more} begins:"
            yield from lines


def _beginning(path: Path) -> list[str]:
    """Some lines of a text, the tables of a database; [] for other files."""
    with contextlib.suppress(OSError, sqlite3.Error):
        with path.open("rb") as file:
            content = file.read(_READ)
        if content.startswith(_SQLITE):
            return _tables(path)
        if b"\0" not in content:
            lines = content.decode("utf-8", errors="ignore").splitlines()[:_LINES]
            return [one_line(line, _LINE) for line in lines if line.strip()]
    return []


def _tables(path: Path) -> list[str]:
    with contextlib.closing(
        sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    ) as base:
        found = base.execute("select sql from sqlite_master where type = 'table'").fetchmany(_LINES)
    return [one_line(str(sql), _LINE) for (sql,) in found]
