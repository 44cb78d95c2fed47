"""Takes the one file that is graded away from where an agent could still change it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from swarm_host.errors import SubmissionRefused

_CHUNK = 1 << 20
_NOT_OPENED = {
    errno.ENOENT: "there is no submission",
    errno.ENOTDIR: "there is no submission",
    errno.ELOOP: "the submission is a link, not a file",
    errno.ENXIO: "the submission is a socket or a pipe, not a file",
}


def copy_submission(source: Path, target: Path, most_bytes: int) -> None:
    """Copies a regular file without following a link. Raises SubmissionRefused, or OSError when the
    copy cannot be written.
    """
    try:
        # Without blocking: opening a named pipe would wait for its writer.
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        why = _NOT_OPENED.get(error.errno or 0, f"the submission cannot be read: {error.strerror}")
        raise SubmissionRefused(why) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionRefused("the submission is not a regular file")
        if status.st_size > most_bytes:
            size = f"{status.st_size} bytes, more than {most_bytes}"
            raise SubmissionRefused(f"the submission has {size}")
        _copy(handle, target, status.st_size)
    finally:
        os.close(handle)


def _copy(source: int, target: Path, size: int) -> None:
    """It may have grown since: no more than `size`."""
    with target.open("xb") as file:
        while size and (data := os.read(source, min(size, _CHUNK))):
            file.write(data)
            size -= len(data)
