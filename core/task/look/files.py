"""The folder of a competition as a few lines: numbers, sizes and kinds of files, archives looked
into. Stdlib only.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
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
    top = [file for file in files if file.depth == 0]
    archives = [file for file in top if file.suffix == ".zip"][:_MAX_ARCHIVES]
    lines = [
        _file(file) + (_archive(data_dir / file.path) if file in archives else "")
        for file in top[:MAX_TOP_FILES]
    ]
    if len(top) > MAX_TOP_FILES:
        rest = top[MAX_TOP_FILES:]
        lines.append(
            f"and {len(rest):,} more files here, {human_bytes(sum(file.size for file in rest))}"
        )
    folders = _folders([file for file in files if file.depth > 0])
    shown = sorted(folders)[:MAX_FOLDERS]
    lines += [_folder(name, folders[name]) for name in shown]
    if len(folders) > len(shown):
        hidden = [folders[name] for name in folders if name not in shown]
        lines.append(
            f"and {len(hidden):,} more folders with {sum(each.count for each in hidden):,} files"
        )
    return tuple(lines)


def _file(file: FoundFile) -> str:
    return f"{one_line(file.path, _NAME)} {human_bytes(file.size)}"


def _archive(path: Path) -> str:
    """Members of a zip archive, from its directory."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError):
        return ", cannot be read as an archive"
    kinds = Counter(PurePosixPath(name).suffix.lower() or "without extension" for name in names)
    return f", archive of {len(names):,} files ({_shares(kinds)}), e.g. {one_line(min(names, default=''), _NAME)}"


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
    inside = f" in {below:,} folders" if below > 1 else ""
    examples = ", ".join(one_line(path[len(name) + 1 :], _NAME) for path in folder.examples)
    what = (
        f"{folder.count:,} files{inside} ({_shares(folder.suffixes)}), {human_bytes(folder.size)}"
    )
    return f"{one_line(name, _NAME)}/ {what}, e.g. {examples}"


def _shares(kinds: Counter[str]) -> str:
    """The commonest extensions with their numbers."""
    common = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    if len(common) == 1:
        return one_line(common[0][0], 20)
    return ", ".join(f"{count:,} {one_line(suffix, 20)}" for suffix, count in common[:3])
