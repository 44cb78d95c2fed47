"""What reading a torn, encrypted or foreign file raises, and how it is said. Stdlib only."""

from __future__ import annotations

import tarfile
import zipfile
import zlib

# ImportError: parquet needs a library that may be missing.
BROKEN = (
    ValueError,
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,
    ImportError,
    zipfile.BadZipFile,
    zlib.error,
)
BROKEN_ARCHIVE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
)


def line_of(error: BaseException) -> str:
    """What an error says, in one line of at most 200 characters; its name where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__
