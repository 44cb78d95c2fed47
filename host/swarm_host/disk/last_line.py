"""The last line of a log, for people."""

from __future__ import annotations

import os
import re
from pathlib import Path

from swarm_host.disk.files import open_regular
from swarm_host.words.terminal import printable

_TAIL = 4096
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")


def last_line(log: Path) -> str:
    """The last line that says something, without anything that a terminal obeys. "" when none does."""
    try:
        # An agent may have put a link or a pipe there: one would be followed, the other waited for.
        with os.fdopen(open_regular(log), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            data = file.read(_TAIL)
    except OSError:
        return ""
    for line in reversed(re.split(rb"[\r\n]+", _ESCAPES.sub(b"", data))):
        shown = printable(line.decode("utf-8", "replace")).strip()
        if shown:
            return shown
    return ""
