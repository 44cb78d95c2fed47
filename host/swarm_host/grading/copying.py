"""Takes the one file that is graded away from where an agent could still change it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from swarm_host.disk.files import open_regular
from swarm_host.errors import SubmissionRefused

_CHUNK = 1 << 20
_NOT_OPENED = {
    errno.ENOENT: "there is no submission",
    errno.ENOTDIR: "there is no submission",
    errno.ELOOP: "the submission is a link, not a file",
    errno.EINVAL: "the submission is not a regular file",
    errno.ENXIO: "the submission is a socket or a pipe, not a file",
}


def copy_submission(source: Path, target: Path, most_bytes: int) -> None:
    """Copies a regular file without following a link. Raises SubmissionRefused, or OSError when the
    copy cannot be written.
    """
    try:
        handle = open_regular(source)
    except OSError as error:
        why = _NOT_OPENED.get(error.errno or 0, f"the submission cannot be read: {error.strerror}")
        raise SubmissionRefused(why) from error
    try:
        size = os.fstat(handle).st_size
        if size > most_bytes:
            raise SubmissionRefused(f"the submission has {size} bytes, more than {most_bytes}")
        _copy(handle, target, size)
    finally:
        os.close(handle)


def _copy(source: int, target: Path, size: int) -> None:
    """It may have grown since: no more than `size`."""
    with target.open("xb") as file:
        while size and (data := os.read(source, min(size, _CHUNK))):
            file.write(data)
            size -= len(data)
