"""Brings files back from containers and sandboxes, out of archives that are hostile input.

Regular files and folders come in, hard links as copies of files that came in before. All else is
left out and said: other links, devices, paths that lead outside, names that are no clean UTF-8,
names twice, and what is beyond the limits. Nothing is ever written outside of the folder.
"""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from swarm_host.disk.left_out import LeftOut
from swarm_host.disk.tar import BLOCK, CHUNK, Archive, Kind, Malformed, Member, Readable, TooMuch
from swarm_host.errors import Transfer
from swarm_host.records import Collected, CollectLimits

_LONGEST_NAME = 255
# Entries beyond the limit that are still read over.
_FURTHER = 1_000
# Name of a file while it is written; what an earlier, killed collection left is overwritten.
_UNFINISHED = ".swarm-unfinished"
# The machine's own trouble; anything else is the fault of one name.
_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE})


def place(name: bytes) -> tuple[str, ...]:
    """Where an entry goes, as names of folders and a last name; empty for the top folder itself.

    Raises ValueError with the reason when it goes nowhere.
    """
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its name is no UTF-8") from None
    if text.startswith("/"):
        raise ValueError("an absolute path")
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("its path leads outside")
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValueError("its name holds control characters")
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise ValueError(f"a name of more than {_LONGEST_NAME} bytes")
    if _UNFINISHED in parts:
        raise ValueError("a name that is used while files are written")
    return parts


class _Folder:
    """Writes below one folder, through descriptors, and follows no link on the way."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    def close(self) -> None:
        os.close(self._fd)

    def enter(self, parts: tuple[str, ...]) -> int:
        """A descriptor of a folder below, which is made where it is not there."""
        current = os.dup(self._fd)
        for part in parts:
            try:
                try:
                    os.mkdir(part, 0o755, dir_fd=current)
                except FileExistsError:
                    pass
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                below = os.open(part, flags, dir_fd=current)
            finally:
                os.close(current)
            current = below
        return current

    def write(self, parts: tuple[str, ...], content: Iterator[bytes], executable: bool) -> int:
        """The bytes of the new file. An older file of that name is replaced when all are there."""
        folder = self.enter(parts[:-1])
        try:
            size = _write_unfinished(folder, content, 0o755 if executable else 0o644)
            os.replace(_UNFINISHED, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)
        return size

    def read(self, parts: tuple[str, ...]) -> Iterator[bytes]:
        folder = self.enter(parts[:-1])
        try:
            file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(file, "rb") as opened:
            while piece := opened.read(CHUNK):
                yield piece


def _write_unfinished(folder: int, content: Iterator[bytes], mode: int) -> int:
    try:
        os.unlink(_UNFINISHED, dir_fd=folder)
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    size = 0
    with os.fdopen(os.open(_UNFINISHED, flags, 0o600, dir_fd=folder), "wb") as file:
        for piece in content:
            file.write(piece)
            size += len(piece)
        os.fchmod(file.fileno(), mode)
    return size


class Intake:
    """Takes the archives of one unit into folders below `into`; the limits hold for all together."""

    def __init__(self, into: Path, limits: CollectLimits) -> None:
        self._into = into
        self.limits = limits
        self._files = 0
        self._entries = 0
        self._bytes = 0
        # Of one archive. What is left out must be read too, but an endless sparse file not to its end.
        self._readable = 2 * limits.total_bytes + 4 * BLOCK * (limits.files + _FURTHER)
        self._left_out = LeftOut()

    def result(self) -> Collected:
        return Collected(self._files, self._bytes, self._left_out.told())

    def leave_out(self, what: str, why: str) -> None:
        self._left_out.say(what, why)

    def take(
        self,
        folder: str,
        stream: Readable,
        *,
        strip: int = 0,
        most: int | None = None,
        skip: Sequence[str] = (),
    ) -> None:
        """Puts an archive into the folder of that name. Again is the same as once.

        strip: leading folders of the names in the archive that are dropped. most: bytes of this
        archive, below the total. skip: names at the top of it that are not taken and not told, with all
        that is below them.

        Raises CutOff when the archive ends in the middle, Transfer when there is no such folder to
        write to, and OSError when this machine's disk is full or broken.
        """
        room = min(self.limits.total_bytes - self._bytes, most or self.limits.total_bytes)
        archive = Archive(stream, self._readable)
        try:
            target = _Folder(self._into / folder)
        except OSError as error:
            if error.errno in _TROUBLE:
                raise
            raise Transfer(f"cannot write to {self._into / folder}: {error.strerror}") from error
        try:
            _Taking(self, target, archive, folder, strip, room, frozenset(skip)).all()
        except TooMuch:
            self.leave_out(folder, "reading stopped, since it does not end")
        except Malformed as error:
            self.leave_out(folder, f"the rest of it cannot be read: {error}")
        finally:
            target.close()

    def admit(self, size: int, room: int) -> None:
        """Counts an entry. Raises ValueError with the reason when there is no room for it."""
        if self._entries >= self.limits.files:
            raise ValueError(f"more than {self.limits.files} files and folders")
        if size > room:
            raise ValueError(f"{size} bytes are more than there is room for")
        self._entries += 1

    def came(self, size: int) -> None:
        self._files += 1
        self._bytes += size


@dataclass
class _Taking:
    """One archive on its way into one folder."""

    intake: Intake
    target: _Folder
    archive: Archive
    folder: str
    strip: int
    # Bytes that may still come.
    room: int
    # Names at the top that are not taken.
    skip: frozenset[str]
    # Every place that is taken, with the size of its file; None for a folder.
    taken: dict[tuple[str, ...], int | None] = field(default_factory=dict)

    def all(self) -> None:
        for member in self.archive.members():
            try:
                self._one(member)
            except ValueError as error:
                self._say(member, str(error))
            except OSError as error:
                if error.errno in _TROUBLE:
                    raise
                self._say(member, error.strerror or str(error))

    def _say(self, member: Member, why: str) -> None:
        name = member.name.decode("utf-8", "backslashreplace")
        self.intake.leave_out(f"{self.folder}: {name}", why)

    def _one(self, member: Member) -> None:
        parts = self._place(member.name, member.kind)
        if not parts and member.kind == "folder":
            return
        if not self.skip.isdisjoint(parts[:1]):
            return
        if not parts or member.kind not in ("file", "folder", "hard link"):
            raise ValueError(f"no regular file: {member.kind}")
        if parts in self.taken:
            if member.kind == "folder" and self.taken[parts] is None:
                return
            raise ValueError("a name that came before")
        if member.kind == "folder":
            self.intake.admit(0, self.room)
            os.close(self.target.enter(parts))
            self.taken[parts] = None
            return
        self._file(member, parts)

    def _file(self, member: Member, parts: tuple[str, ...]) -> None:
        size, content = member.size, self.archive.body()
        if member.kind == "hard link":
            other = self._place(member.target, "file")
            known = self.taken.get(other)
            if known is None:
                raise ValueError("a hard link to what did not come before")
            size, content = known, self.target.read(other)
        self.intake.admit(size, self.room)
        came = self.target.write(parts, content, member.executable)
        self.room -= came
        self.taken[parts] = came
        self.intake.came(came)

    def _place(self, name: bytes, kind: Kind) -> tuple[str, ...]:
        parts, depth = place(name), self.intake.limits.depth
        # A single file is called by its own name at the top of its archive.
        if len(parts) > self.strip or kind == "folder":
            parts = parts[self.strip :]
        if len(parts) > depth + 1:
            raise ValueError(f"more than {depth} folders deep")
        return parts
