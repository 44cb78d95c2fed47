"""Texts beside the journal, one file per digest."""

from __future__ import annotations

from pathlib import Path

from core.genome import digest
from utils.errors import UsageError
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
        """Raises UsageError where the file is gone or no longer what was kept."""
        try:
            text = self.path(key).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            text = ""
        if digest(text) != key:
            raise UsageError(
                f"{self.path(key)} is missing or damaged: put it back, or begin anew elsewhere"
            )
        return text

    def path(self, key: str) -> Path:
        return self._folder / f"{key}{self._suffix}"


class ProgramStore(TextStore):
    """programs/<digest>.py"""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ".py")
