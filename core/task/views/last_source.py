"""The competition that was read last: a plan and the views after it read train, test and sample
once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from core.records import CompetitionSpec
from core.task.folder.inventory import list_files
from core.task.views.source import Source, load
from utils.json_records import to_json

# Path, size, time, change time and inode of a table.
_Stamp = tuple[str, int, int, int, int]
# The specification as JSON, the caller's wish for neutral ids, and the tables' stamps.
_Key = tuple[str, bool, tuple[_Stamp, ...]]

_LAST: dict[_Key, Source] = {}


def load_once(spec: CompetitionSpec, neutral_ids: bool = True) -> Source:
    """What core.task.views.source.load gives, from memory where it gave the same last.

    The tables are shared by all callers: nobody may change them. Raises what `load` raises.
    """
    key = _key(spec, neutral_ids)
    if key in _LAST:
        # Files beside the tables may have come or gone.
        return replace(_LAST[key], files=list_files(Path(spec.data_dir).resolve()))
    forget()  # Before the next is read: two of them at once would be the worker's peak.
    _LAST[key] = load(spec, neutral_ids)
    return _LAST[key]


def forget() -> None:
    """Frees the tables."""
    _LAST.clear()


def _key(spec: CompetitionSpec, neutral_ids: bool) -> _Key:
    tables = (spec.tables.train, spec.tables.test, spec.tables.sample)
    paths = sorted({table.path for table in tables if table is not None})
    stamps = tuple(_stamp(Path(spec.data_dir), path) for path in paths)
    return json.dumps(to_json(spec), sort_keys=True), neutral_ids, stamps


def _stamp(root: Path, path: str) -> _Stamp:
    try:
        facts = (root / path).stat()
    except OSError:
        # Reading the table will say what is wrong with it.
        return path, 0, 0, 0, 0
    return path, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino
