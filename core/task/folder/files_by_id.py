"""Finds the files (images, audio, texts) that belong to rows, by id; looks at names only."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from core.records import FilesById, Modality
from core.task.folder.inventory import FoundFile

IMAGES = frozenset(".jpg .jpeg .png .tif .tiff .bmp .gif .webp .dcm .dicom".split())
# Names of folders and files that hold answers as images or annotations.
NAMED_FOR_ANSWERS = re.compile(
    r"mask|truth|(?<![a-z])gt(?![a-z])|label|annot|segment|target|answer", re.I
)
AUDIO = frozenset(".wav .flac .mp3 .ogg .aif .aiff .m4a .opus".split())
TEXTS = frozenset(".txt .md .html .htm".split())
_NO_RECORD = frozenset(".py .ipynb .pdf .zip .gz .7z .tar .tgz .rar .parquet".split())
# At the top these are tables and notes about the competition.
_TOP_TABLES = TEXTS | {".csv", ".tsv", ".json"}
_MIN_FILES = 3
_MATCH_SHARE = 0.9
_LOOKED_AT = 500
_MAX_FOLDERS = 8
# A folder with the files of one id: how many of them are looked at, and how deep below it they may
# lie.
_PER_FOLDER = 20
_UNIT_DEPTH = 2
_PART = re.compile(r"(?<![a-z])(?:train|test)(?:ing)?(?![a-z])")


@dataclass(frozen=True, slots=True)
class IdMatch:
    """Files that carry the ids of one column. carried: the ids are file names and include the
    extension.

    by_folder: the ids are names of folders, and the files lie inside.
    """

    folders: tuple[str, ...]
    suffix: str
    carried: bool
    by_folder: bool = False


class FileIndex:
    """Record files by name, by stem and by the folders that hold them; ids may also be paths below
    a folder.
    """

    def __init__(self, files: Iterable[FoundFile]) -> None:
        self._by_key: dict[str, list[FoundFile]] = {}
        self._by_folder: dict[str, list[FoundFile]] = {}
        few: Counter[str] = Counter()
        for file in files:
            # A name is cut once per file: there may be hundreds of thousands of them.
            above, _, name = file.path.rpartition("/")
            stem, suffix = os.path.splitext(name)  # noqa: PTH122
            folder, suffix = above or ".", suffix.lower()
            if suffix in _NO_RECORD or (not above and suffix in _TOP_TABLES):
                continue
            self._by_key.setdefault(name, []).append(file)
            if stem != name:
                self._by_key.setdefault(stem, []).append(file)
            few[folder] += 1
            if few[folder] <= _PER_FOLDER:
                for unit in folder.split("/")[-_UNIT_DEPTH:]:
                    self._by_folder.setdefault(unit, []).append(file)

    def match(self, ids: Sequence[str]) -> IdMatch | None:
        """The files of these ids, when nearly all of a spread sample of them have one."""
        looked = _spread(ids)
        hits = {each: files for each in looked if (files := self.files_of(each))}
        by_folder = not _enough(hits, ids, looked)
        if by_folder:
            hits = {each: self._by_folder[each] for each in looked if each in self._by_folder}
        if not _enough(hits, ids, looked):
            return None
        suffix = Counter(file.suffix for files in hits.values() for file in files).most_common(1)[
            0
        ][0]
        usual = [file for files in hits.values() for file in files if file.suffix == suffix]
        named = sum(PurePosixPath(each).suffix.lower() == suffix for each in hits)
        written = Counter(PurePosixPath(file.path).suffix for file in usual).most_common(1)[0][0]
        folders = [_home(file, each) for each, files in hits.items() for file in files]
        kept = [
            folder
            for folder, file in zip(folders, chain(*hits.values()), strict=True)
            if file.suffix == suffix
        ]
        return IdMatch(_folders(kept), written, named > len(hits) / 2, by_folder)

    def files_of(self, value: str) -> list[FoundFile]:
        """Files with this name or stem, or at the end of whose path it stands."""
        name = PurePosixPath(value).name
        files = self._by_key.get(name, []) if name else []
        if "/" not in value:
            return files
        return [
            file
            for file in files
            if file.path.removesuffix(PurePosixPath(file.path).suffix).endswith(value)
            or file.path.endswith(value)
        ]


def place(train: IdMatch | None, test: IdMatch | None) -> FilesById | None:
    """Folders of both parts; a folder that is named for one part is not taken for the other."""
    known = train or test
    if known is None:
        return None
    train_dirs, test_dirs = (found.folders if found else () for found in (train, test))
    train_dirs = _without(train_dirs, {"test", "testing"})
    test_dirs = _without(test_dirs, {"train", "training"})
    return FilesById(train_dirs, test_dirs, "" if known.carried else known.suffix, known.by_folder)


def named_places(files: Iterable[FoundFile]) -> FilesById | None:
    """Folders that are named for train and for test; None where one of both is missing."""
    folders = {_part(file.folder) for file in files if _PART.search(file.folder.lower())}
    found = {
        word: tuple(sorted(f for f in folders if word in f.lower())) for word in ("train", "test")
    }
    return FilesById(found["train"], found["test"], "") if all(found.values()) else None


def modality_of(suffix: str) -> Modality:
    lowered = suffix.lower()
    if lowered in IMAGES:
        return "image"
    if lowered in AUDIO:
        return "audio"
    return "text" if lowered in TEXTS else "files"


def _without(folders: tuple[str, ...], words: set[str]) -> tuple[str, ...]:
    kept = tuple(
        folder for folder in folders if not set(re.findall(r"[a-z]+", folder.lower())) & words
    )
    return kept or folders


def _enough(hits: Mapping[str, object], ids: Sequence[str], looked: Sequence[str]) -> bool:
    return len(hits) >= min(_MIN_FILES, len(set(ids)) or 1) and len(hits) >= _MATCH_SHARE * len(
        looked
    )


def _home(file: FoundFile, each: str) -> str:
    """The folder of the file, or the one in which the folder of its id lies."""
    names = [name for name in (each, PurePosixPath(each).stem) if name in file.folder.split("/")]
    return _above(file, names[0]) if names else file.folder


def _above(file: FoundFile, name: str) -> str:
    """The folder in which the folder of this name lies."""
    parts = file.folder.split("/")
    return "/".join(parts[: len(parts) - 1 - parts[::-1].index(name)]) or "."


def _folders(found: Iterable[str]) -> tuple[str, ...]:
    """These folders; nested ones (one per class or per prefix) are named by the part that they
    belong to.
    """
    folders = {_part(folder) for folder in found}
    while len(folders) > _MAX_FOLDERS:
        deepest = max(folder.count("/") for folder in folders)
        shorter = {str(PurePosixPath(f).parent) if f.count("/") == deepest else f for f in folders}
        if shorter == folders:
            break
        folders = shorter
    return tuple(
        sorted(folder for folder in folders if not any(_inside(folder, other) for other in folders))
    )


def _part(folder: str) -> str:
    """The path down to its last folder that is named for train or test; the whole path without one."""
    parts = PurePosixPath(folder).parts
    named = [i for i, part in enumerate(parts) if _PART.search(part.lower())]
    return str(PurePosixPath(*parts[: named[-1] + 1])) if named else folder


def _inside(folder: str, other: str) -> bool:
    return folder != other and (other == "." or folder.startswith(other + "/"))


def _spread(ids: Sequence[str]) -> list[str]:
    step = max(1, len(ids) // _LOOKED_AT)
    return list(ids[::step])[:_LOOKED_AT]
