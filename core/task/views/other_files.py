"""Files that are no table and belong to no row: shown as they are, or left out because they may
carry answers.
"""

from __future__ import annotations

from pathlib import Path

from core.task.folder.files_by_id import AUDIO, IMAGES
from core.task.folder.inventory import FoundFile
from core.task.views.id_mentions import Mentions
from utils.big_csv import PACKED

MEDIA = IMAGES | AUDIO | frozenset(".mp4 .avi .mov .mkv .webm .pdf .svg .ttf .otf".split())
PROSE = frozenset(".md .rst .html .htm .py .ipynb .tex".split())
_SCANNED_BYTES = 64 << 20


class OtherFiles:
    """Judges files by their content, against the ids of the train table."""

    def __init__(self, mentions: Mentions) -> None:
        self._mentions, self._rows = mentions, mentions.train

    def reason_to_hide(self, root: Path, file: FoundFile) -> str | None:
        """Why the file may carry answers of train rows; None when it may be shown."""
        if file.suffix in MEDIA or not file.size:
            return None
        if file.size > _SCANNED_BYTES:
            return "too large to look into"
        content = (root / file.path).read_bytes()
        if b"\0" in content[: 1 << 16] or file.suffix in PACKED:
            return "binary file that may carry train rows"
        if (
            content.count(b"\n") in (self._rows, self._rows + 1, self._rows - 1)
            and file.suffix not in PROSE
        ):
            return "as many lines as train rows"
        tolerated = self._tolerated(file)
        found = len(self._mentions.found_in_long(content.decode("utf-8", "replace"), tolerated))
        return "train ids inside" if found >= tolerated else None

    def _tolerated(self, file: FoundFile) -> float:
        """Ids that a harmless file may mention: prose has some, and numbers are ids by chance."""
        is_prose = file.suffix in PROSE
        if not self._mentions.numeric:
            return 20.0 if is_prose else 1.0
        if is_prose:
            return max(20.0, 0.05 * self._rows)
        return max(3.0, 0.01 * self._rows)
