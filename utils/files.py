"""Small file operations that must not be half done, and files of foreign programs, read without
trust.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

_CHUNK = 1 << 20


class UntrustedFileError(ValueError):
    """What lies at a path is no small regular file in a real folder.

    fault: the folder is a link; it is something else than a file; or it is too large. size: bytes.
    """

    def __init__(self, fault: Literal["folder", "kind", "size"], size: int = 0) -> None:
        super().__init__("it is no small regular file")
        self.fault = fault
        self.size = size


def check_untrusted(path: Path, most_bytes: int | None = None) -> None:
    """Looks, without opening it, whether a foreign program left a regular file.

    most_bytes: None for any size. Raises OSError when nothing is there, UntrustedFileError for
    anything else: a link, a pipe, a device, a folder, a large file, a file behind a linked folder.
    """
    _check_folder(path)
    _check_status(path.lstat(), most_bytes)


def read_untrusted(path: Path, most_bytes: int) -> bytes:
    """Content of a regular file that a foreign program may have left.

    Raises OSError when it cannot be opened, as a link cannot, and UntrustedFileError like
    `check_untrusted`.
    """
    _check_folder(path)
    # O_NONBLOCK: opening a pipe must not wait for a writer.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_status(os.fstat(handle), most_bytes)
    except UntrustedFileError:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        # It may have grown since.
        return file.read(most_bytes)


def _check_folder(path: Path) -> None:
    if path.parent.is_symlink():
        raise UntrustedFileError("folder")


def _check_status(status: os.stat_result, most_bytes: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFileError("kind")
    if most_bytes is not None and status.st_size > most_bytes:
        raise UntrustedFileError("size", status.st_size)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replaces `path` by a file with this content, durably; a reader sees the old or the new one,
    never a part.

    Raises OSError and leaves the old file when the new one cannot be written.
    """
    with _replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def copy_atomic(source: Path, target: Path) -> None:
    """Like write_atomic, with the content of `source` (read once, in chunks)."""
    with source.open("rb") as file, _replacing(target) as out:
        shutil.copyfileobj(file, out, _CHUNK)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def is_archive(path: Path) -> bool:
    """A zip archive that is there and intact: whole, and with the checksums that it names."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
    ):
        return False


def is_file_of(path: Path, sha256: str) -> bool:
    """The file is there and has this content."""
    try:
        return sha256_file(path) == sha256
    except OSError:
        return False


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove(folder: Path) -> None:
    """Deletes a sealed folder, or whatever a program put in its place."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    if folder.exists():
        shutil.rmtree(folder)
