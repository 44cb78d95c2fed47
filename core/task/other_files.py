"""Files that are no table and belong to no row: shown as they are, or left out because they may carry answers.

Runs in a worker process.
"""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path

import pandas as pd

from core.task.files_by_id import AUDIO, IMAGES
from core.task.inventory import FoundFile
from core.task.source import Source
from utils.big_csv import PACKED

MEDIA = IMAGES | AUDIO | frozenset(".mp4 .avi .mov .mkv .webm .pdf .svg .ttf .otf".split())
PROSE = frozenset(".md .rst .html .htm .py .ipynb .tex".split())
_SCANNED_BYTES = 64 << 20
_TOKEN = re.compile(rb"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*")
_LAST_TOKEN = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*(?=[^A-Za-z0-9_\-]*$)")


class OtherFiles:
    """Judges files by their content, against the ids of the train table."""

    def __init__(self, source: Source) -> None:
        ids = source.rows.ids[source.rows.ids != ""]
        self._rows = len(source.train)
        self._tokens = _tokens_of(ids)
        self._numeric = bool(len(ids)) and bool(ids.str.fullmatch(r"\d+").mean() > 0.5)

    def reason_to_hide(self, root: Path, file: FoundFile) -> str | None:
        """Why the file may carry answers of train rows; None when it may be shown."""
        if file.suffix in MEDIA or not file.size:
            return None
        if file.size > _SCANNED_BYTES:
            return "too large to look into"
        content = (root / file.path).read_bytes()
        if b"\0" in content[: 1 << 16] or file.suffix in PACKED:
            return "binary file that may carry train rows"
        if content.count(b"\n") in (self._rows, self._rows + 1, self._rows - 1) and file.suffix not in PROSE:
            return "as many lines as train rows"
        found = len(self._tokens & set(_TOKEN.findall(content)))
        return f"{found} train ids inside" if found >= self._tolerated(file) else None

    def _tolerated(self, file: FoundFile) -> float:
        """Ids that a harmless file may mention: prose has some, and numbers are ids by chance."""
        if self._numeric:
            return max(20.0, 0.05 * self._rows) if file.suffix in PROSE else max(3.0, 0.01 * self._rows)
        return 20.0 if file.suffix in PROSE else 1.0


def _tokens_of(ids: pd.Series) -> Set[bytes]:
    """The last word of each id, as the scan of a file would find it, with and without an extension."""
    words = {match.group() for match in map(_LAST_TOKEN.search, ids) if match}
    stems = {word.rsplit(".", 1)[0] for word in words if "." in word}
    return {word.encode() for word in words | stems}
