"""Folders of this side on their way into a sandbox: as an archive, or as files of a volume.

Links are not followed, as docker does not follow them: one that leads to answers brings none along.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from swarm_host.errors import Transfer
from swarm_host.records import Mount

# In the workspace of a plain run these are written on this side.
OURS = ("stdout.log", "stderr.log")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link below the source of a mount. `name` is its path below it."""

    name: str
    path: Path
    status: os.stat_result


def entries(source: Path, leave_out: Sequence[str] = ()) -> Iterator[Entry]:
    """Everything below a folder in order, folders first; or a single file. Sockets, pipes and devices
    are not among it. leave_out: names at the top. Raises OSError.
    """
    if not source.is_dir():
        yield Entry(source.name, source, source.stat())
        return
    todo = [source]
    while todo:
        folder = todo.pop()
        for path in sorted(folder.iterdir()):
            if folder == source and path.name in leave_out:
                continue
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                todo.append(path)
            elif not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                continue
            yield Entry(str(path.relative_to(source)), path, status)


@contextmanager
def archive(mount: Mount, leave_out: Sequence[str] = ()) -> Iterator[BinaryIO]:
    """The archive of a mount's source, to be unpacked in `folder_of(mount)`: made while it is read, so
    that it needs no room here. Raises Transfer when a file cannot be read.
    """
    faults: list[Exception] = []
    reader, writer = os.pipe()
    thread = threading.Thread(
        target=_pack, args=(writer, mount, leave_out, faults), name="archive", daemon=True
    )
    thread.start()
    try:
        with os.fdopen(reader, "rb") as file:
            yield file
    finally:
        thread.join()
    # The other side has got a part, and no end of it: it takes that for an error as well.
    if faults:
        raise Transfer(f"{mount.source} cannot be read: {faults[0]}") from faults[0]


def _pack(writer: int, mount: Mount, leave_out: Sequence[str], faults: list[Exception]) -> None:
    # Around the file as well: closing it writes what its buffer holds.
    try:
        with (
            os.fdopen(writer, "wb") as file,
            tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as packed,
        ):
            _fill(packed, mount, leave_out)
    except BrokenPipeError:
        # The reader has enough, or gave up, and says so itself.
        return
    except (OSError, tarfile.TarError) as error:
        faults.append(error)


def folder_of(mount: Mount) -> str:
    """The folder in the sandbox that the archive is unpacked in."""
    if Path(mount.source).is_dir():
        return mount.target
    return str(PurePosixPath(mount.target).parent)


def _fill(packed: tarfile.TarFile, mount: Mount, leave_out: Sequence[str]) -> None:
    source = Path(mount.source)
    for entry in entries(source, leave_out):
        info = packed.gettarinfo(str(entry.path), entry.name)
        if not source.is_dir():
            info.name = PurePosixPath(mount.target).name
        if info.islnk():
            # A second name of a file: its content again, since links between names may not fit.
            info.type, info.linkname, info.size = tarfile.REGTYPE, "", entry.status.st_size
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mode = _mode(entry.status.st_mode, mount.read_only)
        if info.isreg():
            with entry.path.open("rb") as content:
                packed.addfile(info, content)
        else:
            packed.addfile(info)


def _mode(mode: int, read_only: bool) -> int:
    """Readable for all, and writable for all where the agent may write: it is another user there."""
    runs = stat.S_ISDIR(mode) or mode & 0o100
    found = 0o755 if runs else 0o644
    return found if read_only else found | 0o022


def mark(source: Path) -> str:
    """Changes with every file below a folder: names, sizes and times. 12 hex digits. Raises Transfer."""
    digest = hashlib.sha256()
    try:
        for entry in entries(source):
            status = entry.status
            words = (entry.name, status.st_mode, status.st_size, status.st_mtime_ns)
            digest.update(repr(words).encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise Transfer(f"{source} cannot be read: {error}") from error
    return digest.hexdigest()[:12]
