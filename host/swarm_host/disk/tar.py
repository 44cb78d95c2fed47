"""Reads archives that are hostile input: an agent made the files, and in a sandbox of a cloud also the
archive. Writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from swarm_host.errors import Transfer

Kind = Literal["file", "folder", "hard link", "link", "device", "sparse file", "unknown entry"]

BLOCK = 512
CHUNK = 1 << 20
# Long names and PAX headers are read into memory. Linux allows paths of 4 KiB.
_LARGEST_EXTRA = 64 * 1024
# Of a file by itself: its header, and those of a long name and its attributes.
_HEADERS = 8 * 64 * 1024
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
            piece = self._exactly(min(self._body, CHUNK))
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
