"""Finds the description of a competition. Stdlib only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_NAMES = ("description.md", "description_obfuscated.md", "description.txt")


def find_description(data_dir: Path, candidates: Sequence[Path] = ()) -> str:
    """The first readable text that is not empty: the candidates, then the usual names in the folder, else ""."""
    for path in (*candidates, *(data_dir / name for name in _NAMES)):
        try:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        if text.strip():
            return text
    return ""
