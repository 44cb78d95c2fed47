"""Rule P6: archives in a competition folder, unpacked once and never twice."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.task.folder.broken import BROKEN_ARCHIVE, line_of
from core.task.folder.inventory import FoundFile
from core.task.folder.names import among

# Free disk must be this many times what an archive says it holds.
SPARE_DISK = 3
_TABLES = frozenset(".csv .tsv .json .jsonl .ndjson".split())
_MAX_TABLES = 10
_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip", ".7z")
_PROGRAMS = ("7z", "7za", "7zr", "bsdtar")


class ArchiveError(Exception):
    """An archive cannot be listed or unpacked; one line says why."""


@dataclass(frozen=True, slots=True)
class Archive:
    """path: relative to the folder. members: (name inside, size), regular files with safe names
    only.
    """

    path: str
    members: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes when unpacked, as the archive declares them."""
        return sum(size for _, size in self.members)

    @property
    def targets(self) -> tuple[str, ...]:
        """Where each member goes, relative to the folder: beside the archive for a single file,
        else below a folder named like the archive; a folder of that name inside the archive is not
        repeated.
        """
        archive = PurePosixPath(self.path)
        folder, stem = archive.parent, _stem(archive.name)
        paths = list(map(PurePosixPath, self.names))
        if len(paths) == 1:
            return (str(folder / paths[0].name),)
        if not all(path.parts[0] == stem and len(path.parts) > 1 for path in paths):
            folder /= stem
        return tuple(str(folder / path) for path in paths)

    @property
    def names(self) -> list[str]:
        """Of the members, as the archive has them."""
        return [name for name, _ in self.members]


def is_archive(file: FoundFile) -> bool:
    return file.name.lower().endswith(_SUFFIXES)


def to_unpack(root: Path, files: Sequence[FoundFile]) -> tuple[list[Archive], list[str]]:
    """Archives whose content is nowhere else, and lines about those that cannot be opened.

    A zip of tables only is read where it lies.
    """
    present = {file.path for file in files}
    found, notes = [], []
    for file in filter(is_archive, files):
        try:
            archive = listed(root, file.path)
        except ArchiveError as error:
            notes.append(str(error))
            continue
        there = len(among(archive.targets, present))
        if archive.members and there < len(archive.members) / 2 and not _read_in_place(archive):
            found.append(archive)
    return found, notes


def listed(root: Path, path: str) -> Archive:
    """Raises ArchiveError."""
    try:
        members = tuple(_members(root / path))
    except BROKEN_ARCHIVE as error:
        raise ArchiveError(f"{path} cannot be opened: {line_of(error)}") from error
    return Archive(path, members)


def unpack(root: Path, archive: Archive, target: Path) -> None:
    """Writes the members below `target`, at Archive.targets. Raises ArchiveError."""
    free, needed = shutil.disk_usage(target).free, SPARE_DISK * archive.size
    if free < needed:
        raise ArchiveError(
            f"{archive.path} is not unpacked: it declares {archive.size:,} bytes and {free:,} are free (it takes 3 x)"
        )
    places = dict(zip(archive.names, archive.targets, strict=True))
    try:
        for name, source in _contents(root / archive.path, places, target):
            path = target / places[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(source), path.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
    except BROKEN_ARCHIVE as error:
        raise ArchiveError(f"{archive.path} cannot be unpacked: {line_of(error)}") from error


def _read_in_place(archive: Archive) -> bool:
    tables = all(PurePosixPath(name).suffix.lower() in _TABLES for name, _ in archive.members)
    return tables and archive.path.lower().endswith(".zip") and len(archive.members) <= _MAX_TABLES


def _stem(name: str) -> str:
    """The archive's name without its extension."""
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _members(path: Path) -> Iterator[tuple[str, int]]:
    """(name, bytes when unpacked) of each regular file with a safe name."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in filter(_is_plain, archive.infolist()):
                yield info.filename, info.file_size
    elif path.suffix.lower() == ".7z":
        for name, size in _seven_zip(path):
            if _is_safe(name):
                yield name, size
    else:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isreg() and _is_safe(member.name):
                    yield member.name, member.size


def _is_plain(info: zipfile.ZipInfo) -> bool:
    is_link = info.external_attr >> 28 == 0o12
    return not info.is_dir() and not is_link and not info.flag_bits & 1 and _is_safe(info.filename)


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and not hidden
        and "\\" not in name
        and "\0" not in name
    )


def _contents(path: Path, wanted: Iterable[str], scratch: Path) -> Iterator[tuple[str, Any]]:
    """(name, open binary file) of each wanted member, in the order of the archive."""
    names = set(wanted)
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name in names:
                    yield name, archive.open(name)
    elif path.suffix.lower() == ".7z":
        yield from _seven_zip_contents(path, names, scratch)
    else:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name not in names or not member.isreg():
                    continue
                source = tar.extractfile(member)
                if source is not None:
                    yield member.name, source


def _seven_zip(path: Path) -> list[tuple[str, int]]:
    """(name, bytes when unpacked) of each file."""
    if importlib.util.find_spec("py7zr") is not None:
        py7zr = importlib.import_module("py7zr")
        with py7zr.SevenZipFile(path) as archive:
            files = [info for info in archive.list() if not info.is_directory]
        return [(info.filename, info.uncompressed) for info in files]
    program = _program()
    if program == "bsdtar":
        return _tar_listing(_output([program, "-tvf", str(path)]))
    return _listing(_output([program, "l", "-slt", "-ba", str(path)]))


def _tar_listing(text: str) -> list[tuple[str, int]]:
    """Files in the long listing of bsdtar: the size is the fifth word, the name begins at the
    ninth.
    """
    found = []
    for line in text.splitlines():
        words = line.split(None, 8)
        if line.startswith("-") and len(words) == 9:
            found.append((words[8], int(words[4])))
    return found


def _listing(text: str) -> list[tuple[str, int]]:
    """Files in the technical listing of the 7z programs."""
    found = []
    for block in text.split("\n\n"):
        facts = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        is_folder = facts.get("Attributes", "").startswith("D") or facts.get("Folder") == "+"
        if "Path" in facts and not is_folder:
            found.append((facts["Path"], int(facts.get("Size") or 0)))
    return found


def _seven_zip_contents(path: Path, names: set[str], scratch: Path) -> Iterator[tuple[str, Any]]:
    """Unpacked beside the target first: these archives are solid, single members would each read
    all of it.
    """
    folder = scratch / f".{path.name}.unpacking"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        if importlib.util.find_spec("py7zr") is not None:
            with importlib.import_module("py7zr").SevenZipFile(path) as archive:
                archive.extract(folder, targets=sorted(names))
        elif (program := _program()) == "bsdtar":
            _output([program, "-xf", str(path), "-C", str(folder)])
        else:
            _output([program, "x", "-y", f"-o{folder}", str(path)])
        for name in sorted(names):
            found = folder / name
            if found.is_file() and not found.is_symlink():
                yield name, found.open("rb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str:
    for name in _PROGRAMS:
        if shutil.which(name):
            return name
    raise OSError("neither the package py7zr nor a program 7z or bsdtar is there")


def _output(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise OSError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[:120]}")
    return done.stdout
