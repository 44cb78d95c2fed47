"""The folder of a competition as a few lines: numbers, sizes and kinds of files, archives looked
into. Stdlib only.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from core.task.folder.inventory import FoundFile
from utils.text import human_bytes
from utils.untrusted import one_line

MAX_FOLDERS = 8
MAX_TOP_FILES = 12
# Reading the directory of a large archive takes a second.
_MAX_ARCHIVES = 4
_NAME = 48


@dataclass(slots=True)
class _Folder:
    """Files below one folder; folders: how many folders they lie in."""

    count: int = 0
    size: int = 0
    suffixes: Counter[str] = field(default_factory=Counter)
    folders: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)

    def add(self, file: FoundFile) -> None:
        self.count += 1
        self.size += file.size
        self.suffixes[file.suffix or "without extension"] += 1
        self.folders.add(file.folder)
        if len(self.examples) < 2:
            self.examples.append(file.path)


def tree_lines(data_dir: Path, files: Sequence[FoundFile]) -> tuple[str, ...]:
    """At most MAX_TOP_FILES + MAX_FOLDERS + 2 lines, however many files there are."""
    top, below = list[FoundFile](), list[FoundFile]()
    for file in files:
        (below if file.depth else top).append(file)
    return (*_top_lines(data_dir, top), *_folder_lines(_folders(below)))


def _top_lines(data_dir: Path, files: Sequence[FoundFile]) -> Iterator[str]:
    archives = 0
    for file in files[:MAX_TOP_FILES]:
        line = f"{one_line(file.path, _NAME)} {human_bytes(file.size)}"
        if file.suffix == ".zip" and archives < _MAX_ARCHIVES:
            archives += 1
            line += _archive(data_dir / file.path)
        yield line
    rest = files[MAX_TOP_FILES:]
    if rest:
        size = human_bytes(sum(file.size for file in rest))
        yield f"and {len(rest):,} more files here, {size}"


def _folder_lines(folders: Mapping[str, _Folder]) -> Iterator[str]:
    names = sorted(folders)
    for name in names[:MAX_FOLDERS]:
        yield _folder(name, folders[name])
    rest = names[MAX_FOLDERS:]
    if rest:
        count = sum(folders[name].count for name in rest)
        yield f"and {len(rest):,} more folders with {count:,} files"


def _archive(path: Path) -> str:
    """Members of a zip archive, from its directory."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError):
        return ", cannot be read as an archive"
    kinds = Counter(PurePosixPath(name).suffix.lower() or "without extension" for name in names)
    example = one_line(min(names, default=""), _NAME)
    return f", archive of {len(names):,} files ({_shares(kinds)}), e.g. {example}"


def _folders(files: Sequence[FoundFile]) -> dict[str, _Folder]:
    """Files by folder; the deepest level is merged into its parents until the folders are few."""
    own = {file.folder for file in files}
    depth = max((file.depth for file in files), default=1)
    while depth > 1 and len({_cut(name, depth) for name in own}) > MAX_FOLDERS:
        depth -= 1
    found: dict[str, _Folder] = {}
    for file in files:
        found.setdefault(_cut(file.folder, depth), _Folder()).add(file)
    return found


def _cut(folder: str, depth: int) -> str:
    return "/".join(folder.split("/")[:depth])


def _folder(name: str, folder: _Folder) -> str:
    below = len(folder.folders)
    what = f"{folder.count:,} files"
    if below > 1:
        what += f" in {below:,} folders"
    what += f" ({_shares(folder.suffixes)}), {human_bytes(folder.size)}"
    examples = ", ".join(one_line(path[len(name) + 1 :], _NAME) for path in folder.examples)
    return f"{one_line(name, _NAME)}/ {what}, e.g. {examples}"


def _shares(kinds: Counter[str]) -> str:
    """The commonest extensions with their numbers."""
    if len(kinds) == 1:
        return one_line(min(kinds), 20)
    return ", ".join(f"{count:,} {one_line(kind, 20)}" for kind, count in commonest(kinds, 3))


def commonest(kinds: Counter[str], count: int) -> list[tuple[str, int]]:
    """The kinds with the largest numbers; of equal ones the first by text."""
    return sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:count]
