"""Brings files back from containers and sandboxes. The archives are hostile input: an agent made the
files, and in a sandbox of a cloud also the archive.

Regular files and folders come in, hard links as copies of files that came in before. All else is
left out and said: other links, devices, paths that lead outside, names that are no clean UTF-8,
names twice, and what is beyond the limits. Nothing is ever written outside of the folder.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from swarm_host.errors import Transfer
from swarm_host.records import Collected, CollectLimits
from swarm_host.words.terminal import printable

Kind = Literal["file", "folder", "hard link", "link", "device", "sparse file", "unknown entry"]

BLOCK = 512
_CHUNK = 1 << 20
# Long names and PAX headers are read into memory. Linux allows paths of 4 KiB.
_LARGEST_EXTRA = 64 * 1024
_LONGEST_NAME = 255
# Of a file by itself: its header, and those of a long name and its attributes.
_HEADERS = 8 * 64 * 1024
# So many lines say what was left out; the rest is counted.
_MOST_SAID = 100
# Entries beyond the limit that are still read over.
_FURTHER = 1_000
# Name of a file while it is written; what an earlier, killed collection left is overwritten.
_UNFINISHED = ".swarm-unfinished"
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"5": "folder",
    b"6": "device",
    b"S": "sparse file",
}
# Kinds whose entry is followed by as many bytes as it says.
_WITH_BODY = frozenset({"file", "sparse file", "unknown entry"})
_PAX_RECORD = re.compile(rb"([0-9]{1,7}) ")
# The machine's own trouble; anything else is the fault of one name.
_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE})


class Readable(Protocol):
    """A pipe or a binary file."""

    def read(self, size: int, /) -> bytes: ...


class CutOff(Transfer):
    """The archive ends in the middle: the other side broke off."""


class Malformed(Exception):
    """The bytes are no archive. Trying again would give the same."""


class TooMuch(Exception):
    """More bytes came than are read at most."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive, as it calls itself. `size` is that of the body that follows it."""

    name: bytes
    kind: Kind
    size: int
    executable: bool = False
    # Of a hard link: the name of the other entry.
    target: bytes = b""


class Archive:
    """Entries of an archive in the formats ustar, GNU and PAX, read once from front to back.

    most: bytes that are read at most, headers and padding included.
    """

    def __init__(self, stream: Readable, most: int) -> None:
        self._stream = stream
        self._most = most
        # Of the present entry: bytes of its body and its padding that are not read yet.
        self._body = 0
        self._padding = 0
        self.read_bytes = 0

    def members(self) -> Iterator[Member]:
        """Raises Malformed, TooMuch, CutOff."""
        extra: dict[str, bytes] = {}
        while (header := self._block()) is not None:
            kind = header[156:157]
            size = _number(header[124:136])
            if kind in b"LKxg":
                data = self._extra(size)
                if kind in b"LK":
                    extra["path" if kind == b"L" else "linkpath"] = data.split(b"\0")[0]
                elif kind == b"x":
                    extra |= _pax(data)
                continue
            member = _member(header, size, extra)
            extra = {}
            if member.kind in _WITH_BODY:
                self._expect(member.size)
            yield member
            self._skip()

    def body(self) -> Iterator[bytes]:
        """The content of the present entry, in pieces."""
        while self._body:
            piece = self._exactly(min(self._body, _CHUNK))
            self._body -= len(piece)
            yield piece

    def _expect(self, size: int) -> None:
        self._body, self._padding = size, -size % BLOCK

    def _skip(self) -> None:
        for _ in self.body():
            pass
        self._exactly(self._padding)
        self._body = self._padding = 0

    def _extra(self, size: int) -> bytes:
        if size > _LARGEST_EXTRA:
            raise Malformed(f"a name or an attribute of {size} bytes")
        self._expect(size)
        data = b"".join(self.body())
        self._skip()
        return data

    def _block(self) -> bytes | None:
        """The next header; None at the end of the archive."""
        header = self._exactly(BLOCK)
        if not header.strip(b"\0"):
            return None
        total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
        if _number(header[148:156]) != total:
            raise Malformed("a header with a wrong checksum")
        return header

    def _exactly(self, size: int) -> bytes:
        self.read_bytes += size
        if self.read_bytes > self._most:
            raise TooMuch
        found = b""
        while len(found) < size:
            piece = self._stream.read(size - len(found))
            if not piece:
                raise CutOff("the archive of the agent's files ends in the middle")
            found += piece
        return found


def _number(field: bytes) -> int:
    """Octal, or base 256 where the first bit is set. Raises Malformed."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        found = int(field.strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise Malformed("a header whose numbers cannot be read") from None
    if found < 0:
        raise Malformed("a header with a negative number")
    return found


def _member(header: bytes, size: int, extra: dict[str, bytes]) -> Member:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0]
    # GNU's own format has other things where ustar has the prefix.
    if prefix and header[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    name = extra.get("path", name)
    kind = _KINDS.get(header[156:157], "unknown entry")
    # The oldest format has no kind for folders.
    if header[156:157] == b"\0" and name.endswith(b"/") and size == 0:
        kind = "folder"
    if "sparse" in extra:
        kind = "sparse file"
    if "size" in extra:
        size = _decimal(extra["size"])
    mode = _number(header[100:108])
    target = extra.get("linkpath", header[157:257].split(b"\0")[0])
    return Member(name, kind, size, bool(mode & 0o100), target)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        raise Malformed("a size that is no number")
    return int(text)


def _pax(data: bytes) -> dict[str, bytes]:
    """Those records of a PAX header that say where a file goes and how large it is."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        match = _PAX_RECORD.match(data, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data):
            raise Malformed("an attribute that cannot be read")
        key, _, value = data[match.end() : end - 1].partition(b"=")
        if key in (b"path", b"size", b"linkpath"):
            found[key.decode()] = value
        elif key.startswith(b"GNU.sparse."):
            found["sparse"] = value
        at = end
    return found


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


def only_file(stream: Readable, most: int) -> bytes | None:
    """Content of the regular file that an archive begins with, as `docker cp` makes one of a file.

    None for anything else, and for more than `most` bytes. Raises CutOff.
    """
    archive = Archive(stream, most + _HEADERS)
    try:
        for member in archive.members():
            is_wanted = member.kind == "file" and member.size <= most
            return b"".join(archive.body()) if is_wanted else None
    except (Malformed, TooMuch):
        pass
    return None


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
            while piece := opened.read(_CHUNK):
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
        self._left_out: list[str] = []
        self._more = 0

    def result(self) -> Collected:
        said = list(self._left_out)
        if self._more:
            said.append(f"and {self._more} more")
        return Collected(self._files, self._bytes, tuple(said))

    def leave_out(self, what: str, why: str) -> None:
        if len(self._left_out) < _MOST_SAID:
            self._left_out.append(f"{_shown(what)}: {why}")
        else:
            self._more += 1

    def take(
        self,
        folder: str,
        stream: Readable,
        *,
        strip: int = 0,
        most: int | None = None,
    ) -> None:
        """Puts an archive into the folder of that name. Again is the same as once.

        strip: leading folders of the names in the archive that are dropped. most: bytes of this
        archive, below the total.

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
            _Taking(self, target, archive, folder, strip, room).all()
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


def _shown(name: str) -> str:
    return name if len(name) <= 200 else f"{name[:200]}..."


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
        clean = printable(name, "?")
        self.intake.leave_out(f"{self.folder}: {clean}", why)

    def _one(self, member: Member) -> None:
        parts = self._place(member.name, member.kind)
        if not parts and member.kind == "folder":
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
