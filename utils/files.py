"""Small file operations that must not be half done."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20


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
