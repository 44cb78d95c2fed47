"""Which row a file belongs to, by the id in its name, and where it stands in a view. Runs in a worker process.

Hiding a row means hiding every train-side file that carries its id: masks, annotations and copies as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from core.records import FilesById
from core.task.files_by_id import FileIndex, named_places
from core.task.files_by_id import place as place_of
from core.task.inventory import FoundFile
from core.task.rows import text_of
from core.task.source import Source
from core.task.view_tables import Cut

Role = Literal["train", "test", "other"]

_BREAKS = re.compile(r"[_\-. ]")
_MAX_BREAKS = 12
_NUMBER = re.compile(r"[0-9a-f]*\d[0-9a-f]*")
# A folder is about rows when at least this share of its files carries an id.
_LINKED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Carried:
    """An id found in a path. before, after: the rest of the path around the id; whole: the id is the path itself."""

    id: str
    before: str
    after: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of a train row (train >= 0) or of an official row (official >= 0), or of both.

    feature: official rows have such files too, so a held-out row keeps it, as `held_as` (relative path).
    telling: its original path says more than `held_as` does.
    """

    path: str
    train: int
    official: int
    feature: bool
    held_as: str
    telling: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A file in a view. telling: its original path must not be seen."""

    target: str
    source: str
    telling: bool


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """What files are named by. train: of each train row, and under which name (`shown`) its held-out file stands;
    official: of each row of the sample; a key that several rows have stands for all of them."""

    train: Sequence[str]
    shown: Sequence[str]
    official: Sequence[str]
    ambiguous: bool
    places: FilesById


def id_keys(source: Source) -> Keys | None:
    """Ids name files; those of several columns do not."""
    if len(source.spec.id_columns) > 1 or source.rows.ids.eq("").all():
        return None
    shown = source.rows.shown[source.spec.id_columns[0]].tolist()
    places = source.spec.files or FilesById((), (), "")
    return Keys(source.rows.ids.tolist(), shown, source.official.tolist(), source.rows.ambiguous, places)


def group_keys(source: Source, column: str | None, files: Sequence[FoundFile]) -> Keys | None:
    """Rule P10: files that the rows of a group share; a group is held out as a whole. None where no files are."""
    if column is None or column in source.spec.id_columns:
        return None
    train = text_of(source.train[column]).tolist()
    official = source.official_cells(column)
    if set(train) & set(official):
        return None
    index = FileIndex(files)
    ours, theirs = (index.match(list(dict.fromkeys(cells))) if cells else None for cells in (train, official))
    places = place_of(ours, theirs) if ours is not None else named_places(files)
    return None if places is None else Keys(train, train, official, False, places)


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
    return linker.found, [file for file in files if file.path not in linked]


def place(source: Source, cut: Cut, files: Iterable[RowFile], neutral: bool = True) -> Iterator[Placed]:
    """Where the rows' files stand in a view.

    neutral: held-out files get neutral names (off only to show in a test what their own names tell).
    """
    held = cut.part.held
    for file in files:
        official = file.official >= 0 and bool(cut.official[file.official])
        if official or (file.train >= 0 and cut.part.train[file.train]):
            yield Placed(file.path, file.path, False)
        if file.train >= 0 and held[file.train] and file.feature and not (official and file.held_as == file.path):
            told = file.telling and neutral
            yield Placed(file.held_as if neutral or not file.telling else _untold(file), file.path, told)


def find_id(inside: str, known: Container[str], paths: bool = True) -> Carried | None:
    """The id that a path carries: the path or the name without extension, else a part of the name.

    paths: some ids are paths; without such ids there is less to look up.
    """
    name = inside.rfind("/") + 1
    for start in (0, name) if paths and name else (name,):
        for cut in _cuts(inside, start):
            if inside[start:cut] in known:
                return Carried(inside[start:cut], inside[:start], inside[cut:])
    breaks = [match.start() for match in _BREAKS.finditer(inside, name)][:_MAX_BREAKS]
    for low in [name, *(spot + 1 for spot in breaks)]:
        for high in (spot for spot in [len(inside), *reversed(breaks)] if spot > low):
            if inside[low:high] in known:
                return Carried(inside[low:high], inside[:low], inside[high:])
    return None


def _folder_id(inside: str, known: Container[str]) -> Carried | None:
    """The id that is the name of a folder on the path, the outermost one."""
    start = 0
    while (end := inside.find("/", start)) >= 0:
        if inside[start:end] in known:
            return Carried(inside[start:end], inside[:start], inside[end:])
        start = end + 1
    return None


class _Linker:
    """Looks ids up, folder by folder; those of official rows first, because held-out files join them."""

    def __init__(self, keys: Keys) -> None:
        self._train = {key: row for row, key in enumerate(keys.train) if key}
        self._official = {key: row for row, key in enumerate(keys.official) if key}
        self._paths = any("/" in key for key in (*self._train, *self._official))
        self._dirs, self._ambiguous = keys.places, keys.ambiguous
        self._row_dirs = {*keys.places.train_dirs, *keys.places.test_dirs} - {"."}
        self._endings: set[tuple[str, str]] = set()
        self._places: Counter[str] = Counter()
        self._shown = keys.shown
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
        known = {"train": self._train, "test": self._official}.get(role) or {**self._official, **self._train}
        carried = [(file, self._carried(folder, file, known)) for file in files]
        hits = [(file, found) for file, found in carried if found is not None]
        if len(hits) < _LINKED_SHARE * len(files):
            return
        if role == "test":
            self._learn(found for _, found in hits)
        if role == "train":
            self.found += [self._train_file(folder, file, found) for file, found in hits]
        else:
            self.found += self._mixed(folder, hits, role)

    def _carried(self, folder: str, file: FoundFile, known: Container[str]) -> Carried | None:
        for cut in _cuts(file.path, 0) if self._paths and "/" in file.path else ():
            if file.path[:cut] in known:
                return Carried(file.path[:cut], "", file.path[cut:], whole=True)
        inside = _inside(file.path, folder)
        return find_id(inside, known, self._paths) or (_folder_id(inside, known) if self._dirs.folders else None)

    def _learn(self, carried: Iterable[Carried]) -> None:
        for found in carried:
            self._endings.add(_ending(found))
            self._places[_place(found)] += 1

    def _mixed(self, folder: str, hits: list[tuple[FoundFile, Carried]], role: Role) -> list[RowFile]:
        """Files of a folder that may hold both parts. Without an official one it is train-side; with ids that both
        parts use nobody can tell, so it counts as train-side too."""
        ambiguous = self._ambiguous and role == "other"
        feature = not ambiguous and any(found.id in self._official for _, found in hits)
        files = []
        for file, found in hits:
            train = self._train.get(found.id, -1) if role == "other" else -1
            official = -1 if ambiguous else self._official.get(found.id, -1)
            shown = self._shown[train] if train >= 0 else found.id
            base = "" if found.whole or folder == "." else folder + "/"
            held_as = f"{base}{found.before}{shown}{found.after}"
            files.append(RowFile(file.path, train, official, feature, held_as, shown != found.id))
        return files

    def _train_file(self, folder: str, file: FoundFile, found: Carried) -> RowFile:
        """A held-out row's file joins those of the official rows where they have one of its kind."""
        train = self._train[found.id]
        shown = self._shown[train]
        feature = _ending(found) in self._endings if self._endings else found.after in ("", self._dirs.suffix)
        if found.whole:
            return RowFile(file.path, train, -1, feature, shown + found.after, shown != found.id)
        where = _place(found)
        if where not in self._places and self._places:
            where = self._places.most_common(1)[0][0]
        name = found.before[found.before.rfind("/") + 1 :]
        held_as = f"{self._test_dir(folder)}{where}{name}{shown}{found.after}"
        merged = 1 < len(self._dirs.train_dirs) != len(self._dirs.test_dirs)
        telling = shown != found.id or where != _place(found) or merged
        return RowFile(file.path, train, -1, feature, held_as, telling)

    def _test_dir(self, folder: str) -> str:
        train, test = self._dirs.train_dirs, self._dirs.test_dirs
        chosen = folder
        if test:
            chosen = test[train.index(folder)] if len(train) == len(test) else test[0]
        return "" if chosen == "." else chosen + "/"


def _untold(file: RowFile) -> str:
    """The original name in the place where the neutral one would stand."""
    return str(PurePosixPath(file.held_as).parent / file.path.replace("/", "__"))


def _cuts(path: str, start: int) -> list[int]:
    """Ends of the name in `path`, with and without its extensions, the longest first."""
    name = path.rfind("/") + 1
    dots = [spot for spot in range(max(name, start) + 1, len(path)) if path[spot] == "."]
    return [len(path), *reversed(dots)]


def _inside(path: str, folder: str) -> str:
    return path if folder == "." else path[len(folder) + 1 :]


def _place(found: Carried) -> str:
    """Sub-folder of the file, "" or with its closing slash; an id that is a path brings its own."""
    return found.before[: found.before.rfind("/") + 1]


def _ending(found: Carried) -> tuple[str, str]:
    """What stands around the id in the name; files in a folder of their own may be numbered."""
    after = _NUMBER.sub("#", found.after) if found.after.startswith("/") else found.after
    return found.before[found.before.rfind("/") + 1 :], after
