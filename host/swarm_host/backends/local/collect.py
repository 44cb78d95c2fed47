"""Brings files of a work folder back: regular files and folders only, no link followed, within limits.

The agent may have left anything there, and may even still be changing it. Each step goes from an
open folder to a name in it, so that no link can lead elsewhere.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from swarm_host.disk.files import open_regular
from swarm_host.disk.left_out import LeftOut
from swarm_host.errors import Transfer
from swarm_host.records import Collected, CollectLimits

# The sink writes these into the same logs folder.
TAKEN = frozenset({"stdout.log", "stderr.log", "entrypoint.log", "build.log", "marks.json"})
_CHUNK = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Collector:
    """One collection. Its limits hold over all folders together."""

    limits: CollectLimits
    files: int = 0
    bytes: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)

    def folder(self, work: Path, inside: PurePath, kind: str, into: Path) -> None:
        """Copies what lies below `work`/`inside` into `into`/`kind`. A folder that is not there is empty.

        Raises Transfer when this side cannot be written.
        """
        try:
            handle = _open_inside(work, inside)
        except FileNotFoundError:
            return
        except OSError as error:
            self.left_out.say(kind, f"no folder: {error.strerror}")
            return
        try:
            self._below(handle, kind, into / kind, 1)
        except _WriteFailed as error:
            raise Transfer(f"{into / kind} cannot be written: {error}") from error
        finally:
            os.close(handle)

    def result(self) -> Collected:
        return Collected(self.files, self.bytes, self.left_out.told())

    def _below(self, handle: int, name: str, target: Path, depth: int) -> None:
        if depth > self.limits.depth:
            self.left_out.say(name, f"deeper than {self.limits.depth} folders")
            return
        _make(target)
        try:
            # Names of os.listdir(descriptor) are those of this very folder.
            entries = sorted(os.listdir(handle))  # noqa: PTH208
        except OSError as error:
            self.left_out.say(name, f"cannot be read: {error.strerror}")
            return
        for entry in entries:
            self._entry(handle, entry, name, target, depth)

    def _entry(self, handle: int, entry: str, name: str, target: Path, depth: int) -> None:
        shown = f"{name}/{entry}"
        if problem := _refused_name(entry, name):
            self.left_out.say(shown, problem)
            return
        try:
            mode = os.stat(entry, dir_fd=handle, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                self._inner(os.open(entry, _FOLDER, dir_fd=handle), shown, target / entry, depth)
            elif stat.S_ISREG(mode):
                self._file(open_regular(entry, handle), shown, target / entry)
            else:
                self.left_out.say(shown, f"{_kind(mode)}, not a regular file")
        except _WriteFailed:
            raise
        except OSError as error:
            self.left_out.say(shown, f"cannot be read: {error.strerror}")

    def _inner(self, handle: int, name: str, target: Path, depth: int) -> None:
        try:
            self._below(handle, name, target, depth + 1)
        finally:
            os.close(handle)

    def _file(self, handle: int, name: str, target: Path) -> None:
        try:
            found = os.fstat(handle)
            if problem := self._too_much(found.st_size, name):
                self.left_out.say(name, problem)
            else:
                self.files += 1
                self.bytes += _copy(handle, target, found.st_size)
        finally:
            os.close(handle)

    def _too_much(self, size: int, name: str) -> str:
        """Which limit a file of this size breaks; "" for none."""
        if self.files >= self.limits.files:
            return f"more than {self.limits.files} files"
        if self.bytes + size > self.limits.total_bytes:
            return f"{size} bytes, beyond {self.limits.total_bytes} in all"
        if name.startswith("submission/") and size > self.limits.submission_bytes:
            return f"{size} bytes, more than {self.limits.submission_bytes} of a submission"
        if name.startswith("logs/") and size > self.limits.log_bytes:
            return f"{size} bytes, more than {self.limits.log_bytes} of a log"
        return ""


def _open_inside(work: Path, inside: PurePath) -> int:
    """Step by step: a folder on the way may have become a link. Raises OSError."""
    handle = os.open(work, _FOLDER)
    for part in inside.parts:
        try:
            inner = os.open(part, _FOLDER, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


class _WriteFailed(OSError):
    """This side's fault, not that of the agent's files."""


def _refused_name(entry: str, folder: str) -> str:
    """Why a name is not taken over; "" when it is."""
    try:
        entry.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is no text"
    if folder == "logs" and entry in TAKEN:
        return "the host keeps a log of this name"
    return ""


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _WriteFailed(error.errno, error.strerror) from error


def _copy(source: int, target: Path, size: int) -> int:
    """Copies at most `size` bytes, also when the file grows; returns how many."""
    draft = target.with_name(f".{target.name[:200]}.part")
    copied = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o644), "wb") as file:
            while copied < size and (data := os.read(source, min(_CHUNK, size - copied))):
                file.write(data)
                copied += len(data)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _WriteFailed(error.errno, error.strerror) from error
    return copied
