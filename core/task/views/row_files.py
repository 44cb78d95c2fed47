"""Which row a file belongs to, by the id in its name, and where it stands in a view.

Hiding a row means hiding every train-side file that carries its id: masks, annotations and copies
as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from core.records import FilesById
from core.task.folder.cells import text_of
from core.task.folder.files_by_id import NAMED_FOR_ANSWERS, FileIndex, named_places
from core.task.folder.files_by_id import place as place_of
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


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """What files are named by. train: of each train row, and under which name (`shown`) its
    held-out file stands; official: of each row of the sample; a key that several rows have stands
    for all of them. answers: paths of files that answer rows.
    """

    train: Sequence[str]
    shown: Sequence[str]
    official: Sequence[str]
    ambiguous: bool
    places: FilesById
    answers: frozenset[str] = frozenset()


def id_keys(source: Source) -> Keys | None:
    """Ids name files; those of several columns do not."""
    if len(source.spec.ids.columns) > 1 or source.rows.ids.eq("").all():
        return None
    shown = source.rows.shown[source.spec.ids.columns[0]].tolist()
    places = source.spec.files.by_id or FilesById((), (), "")
    ids, official = source.rows.ids.tolist(), source.official.tolist()
    return Keys(ids, shown, official, source.rows.ambiguous, places, _answers(source))


def group_keys(source: Source, column: str, files: Sequence[FoundFile]) -> Keys | None:
    """Rule P10: files that the rows of a group share; a group is held out as a whole. None where no
    files are.
    """
    if column in source.spec.ids.columns:
        return None
    train = text_of(source.train[column]).tolist()
    official = source.official_cells(column)
    if set(train) & set(official):
        return None
    index = FileIndex(files)
    ours, theirs = (
        index.match(list(dict.fromkeys(cells))) if cells else None for cells in (train, official)
    )
    places = place_of(ours, theirs) if ours is not None else named_places(files)
    return None if places is None else Keys(train, train, official, False, places, _answers(source))


def _answers(source: Source) -> frozenset[str]:
    """Files of which the labels were made, and images that are the labels. A written program may
    read every file.
    """
    pixels = source.spec.files.pixels
    if source.spec.split_program:
        return frozenset()
    images = (
        file.path for file in source.files if pixels is not None and file.folder == pixels.truth_dir
    )
    return frozenset((*source.spec.files.labels, *images))


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
    return _without_answers(linker.found, keys.answers), [
        file for file in files if file.path not in linked
    ]


def _without_answers(files: list[RowFile], answers: frozenset[str]) -> list[RowFile]:
    """A file that answers its row is no feature of it; of several that would stand in one place, as
    an image and its mask of the same name would, the likeliest is.
    """
    lost, taken = set(answers), dict[str, RowFile]()
    for file in files:
        if file.train >= 0 and file.official < 0 and file.feature and file.path not in answers:
            best = min(file, taken.setdefault(file.held_as, file), key=_unlikely)
            lost |= {file.path, taken[file.held_as].path} - {best.path}
            taken[file.held_as] = best
    return (
        [replace(file, feature=False) if file.path in lost else file for file in files]
        if lost
        else files
    )


def _unlikely(file: RowFile) -> tuple[bool, bool, str]:
    """Smaller for a file whose folder is called like that of the test files, and for one not named
    for answers.
    """
    folder, there = (path.rpartition("/")[0] for path in (file.path, file.held_as))
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
        if (
            file.train >= 0
            and held[file.train]
            and file.feature
            and not (official and file.held_as == file.path)
        ):
            told = file.telling and neutral
            yield PlacedFile(
                file.held_as if neutral or not file.telling else _untold(file), file.path, told
            )


class _Linker:
    """Looks ids up, folder by folder; those of official rows first, because held-out files join
    them.
    """

    def __init__(self, keys: Keys) -> None:
        named = not keys.places.suffix and bool(keys.places.train_dirs or keys.places.test_dirs)
        self._train, self._official = (
            _rows_by_key(each, named) for each in (keys.train, keys.official)
        )
        self._paths = any("/" in key for key in (*self._train, *self._official))
        self._dirs, self._ambiguous = keys.places, keys.ambiguous
        self._row_dirs = {*keys.places.train_dirs, *keys.places.test_dirs} - {"."}
        self._endings: set[tuple[str, str]] = set()
        self._places: Counter[str] = Counter()
        self._keys, self._shown = keys.train, keys.shown
        self.found: list[RowFile] = []

    def role(self, folder: str) -> Role:
        train, test = folder in self._dirs.train_dirs, folder in self._dirs.test_dirs
        return "other" if train == test else "train" if train else "test"

    def folder_of(self, file: FoundFile) -> str:
        """The folder of rows that holds the file, the deepest one; else the one in which it lies."""
        above = [folder for folder in self._row_dirs if file.path.startswith(folder + "/")]
        return max(above, key=len, default=file.folder)

    def link(self, folder: str, files: list[FoundFile]) -> None:
        role = self.role(folder)
        known = {"train": self._train, "test": self._official}.get(role) or {
            **self._official,
            **self._train,
        }
        folders = self._dirs.folders or _have_folders(
            known, [_below(file.folder, folder) for file in files]
        )
        carried = [(file, self._carried(folder, file, known, folders)) for file in files]
        hits = [(file, found) for file, found in carried if found is not None]
        # Beside the files of rows there may be any number that nobody labelled.
        if folder not in self._row_dirs and len(hits) < _LINKED_SHARE * len(files):
            return
        if role == "test":
            self._learn(found for _, found in hits)
        if role == "train":
            self.found += [self._train_file(folder, file, found) for file, found in hits]
        else:
            self.found += self._mixed(folder, hits, role)

    def _carried(
        self, folder: str, file: FoundFile, known: Container[str], folders: bool
    ) -> IdInPath | None:
        for cut in cuts_of(file.path, 0) if self._paths and "/" in file.path else ():
            if file.path[:cut] in known:
                return IdInPath(file.path[:cut], "", file.path[cut:], whole=True)
        below = _below(file.path, folder)
        return (folder_id(below, known) if folders else None) or find_id(below, known, self._paths)

    def _learn(self, carried: Iterable[IdInPath]) -> None:
        for found in carried:
            self._endings.add(ending_of(found))
            self._places[place_in(found)] += 1

    def _mixed(
        self, folder: str, hits: list[tuple[FoundFile, IdInPath]], role: Role
    ) -> list[RowFile]:
        """Files of a folder that may hold both parts. What no official row has is train-side; with
        ids that both parts use nobody can tell, so everything counts as train-side.
        """
        ambiguous = self._ambiguous and role == "other"
        endings = {
            _part_aside(found) for _, found in hits if found.id in self._official and not ambiguous
        }
        files = []
        for file, found in hits:
            train = self._train.get(found.id, -1) if role == "other" else -1
            official = -1 if ambiguous else self._official.get(found.id, -1)
            shown = self._shown_as(train, found.id) if train >= 0 else found.id
            base = "" if found.whole or folder == "." else folder + "/"
            held_as = f"{base}{inside(place_in(found), shown)}{name_before(found)}{shown}{after_as(found, shown)}"
            feature = _part_aside(found) in endings
            files.append(RowFile(file.path, train, official, feature, held_as, shown != found.id))
        return files

    def _train_file(self, folder: str, file: FoundFile, found: IdInPath) -> RowFile:
        """A held-out row's file joins those of the official rows where they have one of its kind."""
        train = self._train[found.id]
        shown = self._shown_as(train, found.id)
        feature = (
            ending_of(found) in self._endings
            if self._endings
            else found.after in ("", self._dirs.suffix)
        )
        if found.whole:
            return RowFile(file.path, train, -1, feature, shown + found.after, shown != found.id)
        where = place_in(found)
        if where not in self._places and self._places:
            where = self._places.most_common(1)[0][0]
        name = f"{name_before(found)}{shown}{after_as(found, shown)}"
        held_as = f"{self._test_dir(folder)}{inside(where, shown)}{name}"
        merged = 1 < len(self._dirs.train_dirs) != len(self._dirs.test_dirs)
        telling = shown != found.id or where != place_in(found) or merged
        return RowFile(file.path, train, -1, feature, held_as, telling)

    def _shown_as(self, train: int, found: str) -> str:
        """What stands in the place of the found id; without an extension where the id was found
        without its own.
        """
        shown = self._shown[train]
        return (
            shown if found == self._keys[train] else shown.removesuffix(PurePosixPath(shown).suffix)
        )

    def _test_dir(self, folder: str) -> str:
        train, test = self._dirs.train_dirs, self._dirs.test_dirs
        chosen = folder
        if test:
            chosen = test[train.index(folder)] if len(train) == len(test) else test[0]
        return "" if chosen == "." else chosen + "/"


def _rows_by_key(keys: Sequence[str], named: bool) -> dict[str, int]:
    """Row of each key; named: keys are names of files, whose companions (masks) have the name
    without extension.
    """
    rows = {key: row for row, key in enumerate(keys) if key}
    return (
        {key.removesuffix(PurePosixPath(key).suffix): row for key, row in rows.items()} | rows
        if named
        else rows
    )


def _untold(file: RowFile) -> str:
    """The original name in the place where the neutral one would stand."""
    return str(PurePosixPath(file.held_as).parent / file.path.replace("/", "__"))


def _part_aside(found: IdInPath) -> tuple[str, str]:
    before, after = ending_of(found)
    return _TRAIN.sub("", before), after


def _have_folders(ids: Collection[str], folders: Iterable[str]) -> bool:
    """Nearly every id has a folder of its name."""
    names = {part for folder in set(folders) for part in folder.split("/")}
    return len(names) >= _FOLDER_SHARE * len(ids) and sum(
        each in names for each in ids
    ) >= _FOLDER_SHARE * len(ids)


def _below(path: str, folder: str) -> str:
    return path if folder == "." else path[len(folder) + 1 :]
