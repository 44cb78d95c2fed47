"""Program texts beside the journal, one file per digest."""

from __future__ import annotations

from pathlib import Path

from core.genome import digest
from utils.files import write_atomic


class ProgramStore:
    """programs/<digest>.py; a text is written before the event that names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, program: str) -> str:
        """Keeps a text; returns its digest."""
        key = digest(program)
        path = self.path(key)
        if not path.exists():
            write_atomic(path, program)
        return key

    def get(self, key: str) -> str:
        return self.path(key).read_text(encoding="utf-8")

    def path(self, key: str) -> Path:
        return self._folder / f"{key}.py"
