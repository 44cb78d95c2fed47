"""Finds the files (images, audio, texts) that belong to rows, by id; looks at names only."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
        by_folder = False
        hits = _found(looked, self.files_of)
        if not _enough(hits, ids, looked):
            by_folder = True
            hits = _found(looked, lambda each: self._by_folder.get(each, []))
        if not _enough(hits, ids, looked):
            return None
        usual = _of_usual_suffix(hits)
        suffix = usual[0][1].suffix
        carried = sum(PurePosixPath(each).suffix.lower() == suffix for each in hits)
        spellings = Counter(PurePosixPath(file.path).suffix for _, file in usual)
        homes = [_home(file, each) for each, file in usual]
        return IdMatch(
            _folders(homes), spellings.most_common(1)[0][0], carried > len(hits) / 2, by_folder
        )

    def files_of(self, value: str) -> list[FoundFile]:
        """Files with this name or stem, or at the end of whose path it stands."""
        name = PurePosixPath(value).name
        files = self._by_key.get(name, []) if name else []
        if "/" not in value:
            return files
        return [file for file in files if _ends_with(file.path, value)]


def place(train: IdMatch | None, test: IdMatch | None) -> FilesById | None:
    """Folders of both parts; a folder that is named for one part is not taken for the other."""
    known = train or test
    if known is None:
        return None
    train_dirs = _without_part(train, {"test", "testing"})
    test_dirs = _without_part(test, {"train", "training"})
    suffix = "" if known.carried else known.suffix
    return FilesById(train_dirs, test_dirs, suffix, known.by_folder)


def named_places(files: Iterable[FoundFile]) -> FilesById | None:
    """Folders that are named for train and for test; None where one of both is missing."""
    folders = sorted({_part(file.folder) for file in files if _PART.search(file.folder.lower())})
    train = tuple(folder for folder in folders if "train" in folder.lower())
    test = tuple(folder for folder in folders if "test" in folder.lower())
    if not train or not test:
        return None
    return FilesById(train, test, "")


def modality_of(suffix: str) -> Modality:
    lowered = suffix.lower()
    if lowered in IMAGES:
        return "image"
    if lowered in AUDIO:
        return "audio"
    if lowered in TEXTS:
        return "text"
    return "files"


def _found(
    ids: Sequence[str], files_of: Callable[[str], list[FoundFile]]
) -> dict[str, list[FoundFile]]:
    """The files of those ids that have some."""
    hits = {}
    for each in ids:
        files = files_of(each)
        if files:
            hits[each] = files
    return hits


def _of_usual_suffix(hits: Mapping[str, list[FoundFile]]) -> list[tuple[str, FoundFile]]:
    """(id, file) of the files with the commonest extension."""
    by_suffix = defaultdict(list)
    for each, files in hits.items():
        for file in files:
            by_suffix[file.suffix].append((each, file))
    return max(by_suffix.values(), key=len)


def _ends_with(path: str, value: str) -> bool:
    """The value stands at the end of the path, with or without its extension."""
    return path.endswith(value) or path.removesuffix(PurePosixPath(path).suffix).endswith(value)


def _without_part(match: IdMatch | None, words: set[str]) -> tuple[str, ...]:
    """Its folders but for those that are named by one of the words; all where none is left."""
    if match is None:
        return ()
    others = []
    for folder in match.folders:
        if words.isdisjoint(re.findall(r"[a-z]+", folder.lower())):
            others.append(folder)
    return tuple(others) or match.folders


def _enough(hits: Mapping[str, object], ids: Sequence[str], looked: Sequence[str]) -> bool:
    least = min(_MIN_FILES, len(set(ids)) or 1)
    return len(hits) >= max(least, _MATCH_SHARE * len(looked))


def _home(file: FoundFile, each: str) -> str:
    """The folder of the file, or the one in which the folder of its id lies."""
    for name in (each, PurePosixPath(each).stem):
        if name in file.folder.split("/"):
            return _above(file, name)
    return file.folder


def _above(file: FoundFile, name: str) -> str:
    """The folder in which the folder of this name lies."""
    parts = file.folder.split("/")
    return "/".join(parts[: len(parts) - 1 - parts[::-1].index(name)]) or "."


def _folders(found: Iterable[str]) -> tuple[str, ...]:
    """These folders; nested ones (one per class or per prefix) are named by the part that they
    belong to.
    """
    folders = set(map(_part, found))
    while len(folders) > _MAX_FOLDERS:
        shorter = _without_deepest(folders)
        if shorter == folders:
            break
        folders = shorter
    return tuple(folder for folder in sorted(folders) if not _lies_in_one(folder, folders))


def _without_deepest(folders: set[str]) -> set[str]:
    """The deepest ones are named by the folder in which they lie."""
    deepest = max(folder.count("/") for folder in folders)
    shorter = set()
    for folder in folders:
        if folder.count("/") == deepest:
            folder = str(PurePosixPath(folder).parent)
        shorter.add(folder)
    return shorter


def _part(folder: str) -> str:
    """The path down to its last folder that is named for train or test; the whole path without one."""
    parts = PurePosixPath(folder).parts
    for end in range(len(parts), 0, -1):
        if _PART.search(parts[end - 1].lower()):
            return str(PurePosixPath(*parts[:end]))
    return folder


def _lies_in_one(folder: str, others: Iterable[str]) -> bool:
    """One of the others is above it."""
    parents = {str(parent) for parent in PurePosixPath(folder).parents} - {folder}
    return not parents.isdisjoint(others)


def _spread(ids: Sequence[str]) -> list[str]:
    step = max(1, len(ids) // _LOOKED_AT)
    return list(ids[::step])[:_LOOKED_AT]
