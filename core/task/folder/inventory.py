"""Lists a competition folder without opening its files, and digests it. Stdlib only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.errors import DataError

_HASHED_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class FoundFile:
    """path: relative to the competition folder, with `/`. size: bytes."""

    path: str
    size: int

    @property
    def folder(self) -> str:
        """Relative folder, "." for the top."""
        return self.path.rpartition("/")[0] or "."

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return os.path.splitext(self.name)[0]  # noqa: PTH122

    @property
    def suffix(self) -> str:
        """Extension with its dot, lower case."""
        return os.path.splitext(self.name)[1].lower()  # noqa: PTH122

    @property
    def depth(self) -> int:
        return self.path.count("/")


def list_files(data_dir: Path) -> tuple[FoundFile, ...]:
    """Every file below the folder, sorted by path; links are followed once, hidden files are left
    out.

    Raises DataError when the folder is missing, unreadable or holds no file.
    """
    if not data_dir.is_dir():
        raise DataError(f"the data folder {data_dir} does not exist")
    try:
        found: list[FoundFile] = []
        _walk(data_dir, "", set(), found)
        found.sort(key=lambda file: file.path)
    except OSError as error:
        raise DataError(f"the data folder {data_dir} cannot be read: {error}") from error
    if not found:
        raise DataError(f"the data folder {data_dir} is empty")
    return tuple(found)


def folder_digest(data_dir: Path, files: Iterable[FoundFile], tables: Iterable[str]) -> str:
    """16 hex digits over all names and sizes and the first 4 MiB of each table (relative paths)."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.size}\n".encode(errors="surrogateescape"))
    for path in sorted(set(tables)):
        digest.update(f"{path}\0".encode(errors="surrogateescape"))
        with (data_dir / path).open("rb") as stream:
            digest.update(stream.read(_HASHED_BYTES))
    return digest.hexdigest()[:16]


def _walk(folder: Path, prefix: str, visited: set[tuple[int, int]], found: list[FoundFile]) -> None:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir():
                _walk(folder / entry.name, f"{prefix}{entry.name}/", visited, found)
            elif entry.is_file():
                found.append(FoundFile(prefix + entry.name, entry.stat().st_size))
