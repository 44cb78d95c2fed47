"""Texts beside the journal, one file per digest."""

from __future__ import annotations

from pathlib import Path

from core.genome import digest
from utils.files import write_atomic


class TextStore:
    """<folder>/<digest><suffix>; a text is written before the event that names it."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix

    def put(self, text: str) -> str:
        """Keeps a text; returns its digest."""
        key = digest(text)
        path = self.path(key)
        if not path.exists():
            write_atomic(path, text)
        return key

    def get(self, key: str) -> str:
        return self.path(key).read_text(encoding="utf-8")

    def path(self, key: str) -> Path:
        return self._folder / f"{key}{self._suffix}"


class ProgramStore(TextStore):
    """programs/<digest>.py"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ".py")
