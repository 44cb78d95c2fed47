"""Which row a file belongs to, by the id in its name, and where it stands in a view.

Hiding a row means hiding every train-side file that carries its id: masks, annotations and copies
as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from core.task.folder.files_by_id import NAMED_FOR_ANSWERS
from core.task.folder.ids_in_paths import (
    IdInPath,
    after_as,
    cuts_of,
    ending_of,
    find_id,
    folder_id,
    inside,
    name_before,
    place_in,
)
from core.task.folder.inventory import FoundFile
from core.task.views.row_keys import Keys
from core.task.views.source import Source
from core.task.views.tables import Cut

Role = Literal["train", "test", "other"]

_TRAIN = re.compile(r"(?<![a-z])(?:train|test)(?:ing)?(?![a-z])", re.I)
# A folder that is not known for its rows is about them when at least this share of its files
# carries an id.
_LINKED_SHARE = 0.5
# Ids have folders of their own when at least this share has one.
_FOLDER_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of a train row (train >= 0) or of an official row (official >= 0), or of both.

    feature: official rows have such files too, so a held-out row keeps it, as `held_as` (relative
    path). telling: its original path says more than `held_as` does.
    """

    path: str
    train: int
    official: int
    feature: bool
    held_as: str
    telling: bool


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file in a view. telling: its original path must not be seen."""

    target: str
    source: str
    telling: bool


def split_files(keys: Keys, files: Iterable[FoundFile]) -> tuple[list[RowFile], list[FoundFile]]:
    """Files that belong to rows, and all others."""
    files = list(files)
    linker = _Linker(keys)
    folders: dict[str, list[FoundFile]] = {}
    for file in files:
        folders.setdefault(linker.folder_of(file), []).append(file)
    for folder in sorted(folders, key=lambda folder: linker.role(folder) != "test"):
        linker.link(folder, folders[folder])
    linked = {file.path for file in linker.found}
    others = [file for file in files if file.path not in linked]
    return _without_answers(linker.found, keys.answers), others


def _without_answers(files: list[RowFile], answers: frozenset[str]) -> list[RowFile]:
    """A file that answers its row is no feature of it; of several that would stand in one place, as
    an image and its mask of the same name would, the likeliest is.
    """
    no_features, likeliest = set(answers), dict[str, RowFile]()
    for file in files:
        if file.train >= 0 and file.official < 0 and file.feature and file.path not in answers:
            rival = likeliest.setdefault(file.held_as, file)
            best = min(file, rival, key=_unlikely)
            no_features |= {file.path, rival.path} - {best.path}
            likeliest[file.held_as] = best
    if not no_features:
        return files
    return [_without_feature(file, no_features) for file in files]


def _without_feature(file: RowFile, paths: Container[str]) -> RowFile:
    if file.path in paths:
        return replace(file, feature=False)
    return file


def _unlikely(file: RowFile) -> tuple[bool, bool, str]:
    """Smaller for a file whose folder is called like that of the test files, and for one not named
    for answers.
    """
    folder, there = file.path.rpartition("/")[0], file.held_as.rpartition("/")[0]
    return (
        _TRAIN.sub("test", folder) != _TRAIN.sub("test", there),
        bool(NAMED_FOR_ANSWERS.search(folder)),
        file.path,
    )


def place(
    source: Source, cut: Cut, files: Iterable[RowFile], neutral: bool = True
) -> Iterator[PlacedFile]:
    """Where the rows' files stand in a view.

    neutral: held-out files get neutral names (off only to show in a test what their own names
    tell).
    """
    held = cut.part.held
    for file in files:
        official = file.official >= 0 and bool(cut.official[file.official])
        if official or (file.train >= 0 and cut.part.train[file.train]):
            yield PlacedFile(file.path, file.path, False)
        if file.train < 0 or not held[file.train] or not file.feature:
            continue
        if official and file.held_as == file.path:
            continue
        target = file.held_as
        if file.telling and not neutral:
            target = _under_own_name(file)
        yield PlacedFile(target, file.path, file.telling and neutral)


class _Linker:
    """Looks ids up, folder by folder; those of official rows first, because held-out files join
    them.
    """

    def __init__(self, keys: Keys) -> None:
        named = not keys.places.suffix and bool(keys.places.train_dirs or keys.places.test_dirs)
        self._train = _rows_by_key(keys.train, named)
        self._official = _rows_by_key(keys.official, named)
        self._paths = any("/" in key for key in (*self._train, *self._official))
        self._dirs, self._ambiguous = keys.places, keys.ambiguous
        self._row_dirs = {*keys.places.train_dirs, *keys.places.test_dirs} - {"."}
        self._endings: set[tuple[str, str]] = set()
        self._places: Counter[str] = Counter()
        self._keys, self._shown = keys.train, keys.shown
        self.found: list[RowFile] = []

    def role(self, folder: str) -> Role:
        train, test = folder in self._dirs.train_dirs, folder in self._dirs.test_dirs
        if train == test:
            return "other"
        return "train" if train else "test"

    def folder_of(self, file: FoundFile) -> str:
        """The folder of rows that holds the file, the deepest one; else the one in which it lies."""
        above = [folder for folder in self._row_dirs if file.path.startswith(folder + "/")]
        return max(above, key=len, default=file.folder)

    def link(self, folder: str, files: list[FoundFile]) -> None:
        role = self.role(folder)
        hits = self._hits(folder, files, self._known_in(role))
        # Beside the files of rows there may be any number that nobody labelled.
        if folder not in self._row_dirs and len(hits) < _LINKED_SHARE * len(files):
            return
        if role == "test":
            self._learn(hits)
        if role == "train":
            self.found += [self._train_file(folder, file, id_) for file, id_ in hits]
        else:
            self.found += self._mixed(folder, hits, role)

    def _known_in(self, role: Role) -> dict[str, int]:
        """Ids that files of a folder in this role may carry; those of both parts where one has none."""
        if role == "train" and self._train:
            return self._train
        if role == "test" and self._official:
            return self._official
        return self._official | self._train

    def _hits(
        self, folder: str, files: Sequence[FoundFile], known: Collection[str]
    ) -> list[tuple[FoundFile, IdInPath]]:
        """The files that carry an id, each with it."""
        folders = self._dirs.folders
        if not folders:
            folders = _have_folders(known, {_below(file.folder, folder) for file in files})
        hits = []
        for file in files:
            id_ = self._carried(folder, file, known, folders)
            if id_ is not None:
                hits.append((file, id_))
        return hits

    def _carried(
        self, folder: str, file: FoundFile, known: Container[str], folders: bool
    ) -> IdInPath | None:
        if self._paths and "/" in file.path:
            for cut in cuts_of(file.path, 0):
                if file.path[:cut] in known:
                    return IdInPath(file.path[:cut], "", file.path[cut:], whole=True)
        below = _below(file.path, folder)
        if folders:
            found = folder_id(below, known)
            if found is not None:
                return found
        return find_id(below, known, self._paths)

    def _learn(self, hits: Iterable[tuple[FoundFile, IdInPath]]) -> None:
        """How the files of official rows are called."""
        for _, found in hits:
            self._endings.add(ending_of(found))
            self._places[place_in(found)] += 1

    def _mixed(
        self, folder: str, hits: list[tuple[FoundFile, IdInPath]], role: Role
    ) -> list[RowFile]:
        """Files of a folder that may hold both parts. What no official row has is train-side; with
        ids that both parts use nobody can tell, so everything counts as train-side.
        """
        train_rows: Mapping[str, int] = {}
        official_rows: Mapping[str, int] = self._official
        if role == "other":
            train_rows = self._train
            official_rows = {} if self._ambiguous else self._official
        endings = {_part_aside(found) for _, found in hits if found.id in official_rows}
        files = []
        for file, found in hits:
            train, official = train_rows.get(found.id, -1), official_rows.get(found.id, -1)
            shown = found.id
            if train >= 0:
                shown = self._shown_as(train, found.id)
            base = "" if found.whole or folder == "." else folder + "/"
            held_as = f"{base}{inside(place_in(found), shown)}{_name(found, shown)}"
            feature = _part_aside(found) in endings
            files.append(RowFile(file.path, train, official, feature, held_as, shown != found.id))
        return files

    def _train_file(self, folder: str, file: FoundFile, found: IdInPath) -> RowFile:
        """A held-out row's file joins those of the official rows where they have one of its kind."""
        train = self._train[found.id]
        shown = self._shown_as(train, found.id)
        if self._endings:
            feature = ending_of(found) in self._endings
        else:
            feature = found.after in ("", self._dirs.suffix)
        if found.whole:
            return RowFile(file.path, train, -1, feature, shown + found.after, shown != found.id)
        where = place_in(found)
        if where not in self._places and self._places:
            where = self._places.most_common(1)[0][0]
        held_as = f"{self._test_dir(folder)}{inside(where, shown)}{_name(found, shown)}"
        merged = 1 < len(self._dirs.train_dirs) != len(self._dirs.test_dirs)
        telling = shown != found.id or where != place_in(found) or merged
        return RowFile(file.path, train, -1, feature, held_as, telling)

    def _shown_as(self, train: int, found: str) -> str:
        """What stands in the place of the found id; without an extension where the id was found
        without its own.
        """
        shown = self._shown[train]
        if found == self._keys[train]:
            return shown
        return _stem(shown)

    def _test_dir(self, folder: str) -> str:
        train, test = self._dirs.train_dirs, self._dirs.test_dirs
        chosen = folder
        if test and len(train) == len(test):
            chosen = test[train.index(folder)]
        elif test:
            chosen = test[0]
        return "" if chosen == "." else chosen + "/"


def _rows_by_key(keys: Sequence[str], named: bool) -> dict[str, int]:
    """Row of each key; named: keys are names of files, whose companions (masks) have the name
    without extension.
    """
    rows = {key: row for row, key in enumerate(keys) if key}
    if not named:
        return rows
    return {_stem(key): row for key, row in rows.items()} | rows


def _stem(path: str) -> str:
    """The path without its extension."""
    return path.removesuffix(PurePosixPath(path).suffix)


def _name(found: IdInPath, shown: str) -> str:
    """A file's name with `shown` in the place of its id."""
    return f"{name_before(found)}{shown}{after_as(found, shown)}"


def _under_own_name(file: RowFile) -> str:
    """The original name in the place where the neutral one would stand."""
    return str(PurePosixPath(file.held_as).parent / file.path.replace("/", "__"))


def _part_aside(found: IdInPath) -> tuple[str, str]:
    before, after = ending_of(found)
    return _TRAIN.sub("", before), after


def _have_folders(ids: Collection[str], folders: Iterable[str]) -> bool:
    """Nearly every id has a folder of its name."""
    names = set[str]()
    for folder in set(folders):
        names.update(folder.split("/"))
    wanted = _FOLDER_SHARE * len(ids)
    return len(names) >= wanted and sum(each in names for each in ids) >= wanted


def _below(path: str, folder: str) -> str:
    return path if folder == "." else path[len(folder) + 1 :]
