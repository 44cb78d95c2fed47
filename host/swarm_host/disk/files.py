"""Files that are never half written: whole ones by a rename, lines by one append under a lock. And
files that others may have written, which are never a link or a pipe.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Far longer than a few lines of ours: where the last whole line is looked for.
_TAIL = 1 << 16


def open_regular(path: Path | str, dir_fd: int | None = None) -> int:
    """A descriptor to read a file that an agent may have put there. dir_fd: an open folder that the
    path starts at. Raises OSError for a link, and for a folder, a pipe and all else that is no regular
    file (EINVAL).
    """
    # Without blocking: opening a named pipe would wait for its writer.
    handle = os.open(
        path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd
    )
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return handle


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All of such a file. Raises OSError as open_regular, and EFBIG for a larger one."""
    with os.fdopen(open_regular(path), "rb") as file:
        # It may grow meanwhile.
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"more than {most_bytes} bytes", str(path))
    return data


def write_atomic(path: Path, text: str, mode: int = 0o644, durable: bool = True) -> None:
    """Replaces a file; a reader sees the old or the new one. Raises OSError and leaves the old one.

    durable: on the disk before the new name counts, so that it outlives a loss of power.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            if durable:
                os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """A descriptor to read and append by, alone among all processes that use this function."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def last_lines(handle: int) -> list[bytes]:
    """The last whole lines of a file, 64 KB of them."""
    size = os.fstat(handle).st_size
    data = os.pread(handle, _TAIL, max(0, size - _TAIL))
    lines = data.split(b"\n")
    # The first is only part of a line when the file is longer than what was read.
    first = 1 if size > _TAIL else 0
    return lines[first:-1]


def append_lines(handle: int, lines: list[str]) -> None:
    """Appends whole lines, after a line end where half a line stands. Raises OSError with nothing
    appended when the disk is full.
    """
    size = os.fstat(handle).st_size
    half = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
    start = "\n" if half else ""
    data = (start + "".join(f"{line}\n" for line in lines)).encode()
    try:
        written = os.write(handle, data)
        if written < len(data):
            written += os.write(handle, data[written:])
    except OSError:
        os.ftruncate(handle, size)
        raise
