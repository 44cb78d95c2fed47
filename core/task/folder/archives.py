"""Rule P6: archives in a competition folder, unpacked once and never twice."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.task.folder.inventory import FoundFile

# Free disk must be this many times what an archive says it holds.
SPARE_DISK = 3
_TABLES = frozenset(".csv .tsv .json .jsonl .ndjson".split())
_MAX_TABLES = 10
_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip", ".7z")
_PROGRAMS = ("7z", "7za", "7zr", "bsdtar")
_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
)


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
        parent, stem = PurePosixPath(self.path).parent, _stem(PurePosixPath(self.path).name)
        names = [PurePosixPath(name) for name, _ in self.members]
        if len(names) == 1:
            return (str(parent / names[0].name),)
        inside = (
            parent
            if all(name.parts[0] == stem and len(name.parts) > 1 for name in names)
            else parent / stem
        )
        return tuple(str(inside / name) for name in names)


def is_archive(file: FoundFile) -> bool:
    return file.name.lower().endswith(_SUFFIXES)


def to_unpack(root: Path, files: Sequence[FoundFile]) -> tuple[list[Archive], list[str]]:
    """Archives whose content is nowhere else, and lines about those that cannot be opened.

    A zip of tables only is read where it lies.
    """
    present = {file.path for file in files}
    found, notes = [], []
    for file in files:
        if not is_archive(file):
            continue
        try:
            archive = listed(root, file.path)
        except ArchiveError as error:
            notes.append(str(error))
            continue
        there = sum(target in present for target in archive.targets)
        if archive.members and there < len(archive.members) / 2 and not _read_in_place(archive):
            found.append(archive)
    return found, notes


def listed(root: Path, path: str) -> Archive:
    """Raises ArchiveError."""
    try:
        members = tuple(_members(root / path))
    except _BROKEN as error:
        raise ArchiveError(f"{path} cannot be opened: {_line(error)}") from error
    return Archive(path, members)


def unpack(root: Path, archive: Archive, target: Path) -> None:
    """Writes the members below `target`, at Archive.targets. Raises ArchiveError."""
    free, needed = shutil.disk_usage(target).free, SPARE_DISK * archive.size
    if free < needed:
        raise ArchiveError(
            f"{archive.path} is not unpacked: it declares {archive.size:,} bytes and {free:,} are free (it takes 3 x)"
        )
    places = dict(zip((name for name, _ in archive.members), archive.targets, strict=True))
    try:
        for name, source in _contents(root / archive.path, places, target):
            path = target / places[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(source), path.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
    except _BROKEN as error:
        raise ArchiveError(f"{archive.path} cannot be unpacked: {_line(error)}") from error


def _read_in_place(archive: Archive) -> bool:
    tables = all(PurePosixPath(name).suffix.lower() in _TABLES for name, _ in archive.members)
    return tables and archive.path.lower().endswith(".zip") and len(archive.members) <= _MAX_TABLES


def _stem(name: str) -> str:
    lowered = name.lower()
    return name[: -len(next(suffix for suffix in _SUFFIXES if lowered.endswith(suffix)))]


def _members(path: Path) -> Iterator[tuple[str, int]]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            yield from (
                (info.filename, info.file_size) for info in archive.infolist() if _is_plain(info)
            )
    elif path.suffix.lower() == ".7z":
        yield from ((name, size) for name, size in _seven_zip(path) if _is_safe(name))
    else:
        with tarfile.open(path) as tar:
            yield from (
                (info.name, info.size) for info in tar if info.isreg() and _is_safe(info.name)
            )


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
            for info in archive.infolist():
                if info.filename in names:
                    yield info.filename, archive.open(info)
    elif path.suffix.lower() == ".7z":
        yield from _seven_zip_contents(path, names, scratch)
    else:
        with tarfile.open(path) as tar:
            for member in tar:
                source = (
                    tar.extractfile(member) if member.name in names and member.isreg() else None
                )
                if source is not None:
                    yield member.name, source


def _seven_zip(path: Path) -> list[tuple[str, int]]:
    if importlib.util.find_spec("py7zr") is not None:
        py7zr = importlib.import_module("py7zr")
        with py7zr.SevenZipFile(path) as archive:
            return [
                (info.filename, info.uncompressed)
                for info in archive.list()
                if not info.is_directory
            ]
    program = _program()
    if program == "bsdtar":
        lines = _output([program, "-tvf", str(path)]).splitlines()
        rows = [line.split(None, 8) for line in lines if line.startswith("-")]
        return [(row[8], int(row[4])) for row in rows if len(row) == 9]
    return _listing(_output([program, "l", "-slt", "-ba", str(path)]))


def _listing(text: str) -> list[tuple[str, int]]:
    """Files in the technical listing of the 7z programs."""
    found = []
    for block in text.split("\n\n"):
        facts = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        if (
            "Path" in facts
            and not facts.get("Attributes", "").startswith("D")
            and facts.get("Folder") != "+"
        ):
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
    found = next((name for name in _PROGRAMS if shutil.which(name)), None)
    if found is None:
        raise OSError("neither the package py7zr nor a program 7z or bsdtar is there")
    return found


def _output(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise OSError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[:120]}")
    return done.stdout


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
