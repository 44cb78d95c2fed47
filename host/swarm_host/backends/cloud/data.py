"""Folders of this side on their way into a sandbox: as an archive, or as files of a volume.

Links are not followed, as docker does not follow them: one that leads to answers brings none along.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from swarm_host.errors import Transfer
from swarm_host.records import Mount

# In the workspace of a plain run these are written on this side.
OURS = ("stdout.log", "stderr.log")
# Up to so many bytes an archive is made in memory.
_SPOOL = 32 * 1024**2


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
    """The archive of a mount's source, to be unpacked in `folder_of(mount)`. Raises Transfer."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as file:
        try:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as packed:
                _fill(packed, mount, leave_out)
        except OSError as error:
            raise Transfer(f"{mount.source} cannot be read: {error}") from error
        file.seek(0)
        yield file  # type: ignore[misc]


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
