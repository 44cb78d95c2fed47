"""Append-only JSON lines with one writer: what is in the file survives any kill, what is torn is
cut off.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.contract import LINE_VERSION
from core.events import Event
from core.protocols import Clock
from utils.errors import ResumeError

log = logging.getLogger(__name__)

TAIL_BYTES = 4_000
TEXT_BYTES = 2_000
MESSAGE_BYTES = 600
REASONS = 8
# Escaped, a control character takes six bytes, and some readers end a line at the last three.
_CONTROL = {code: "?" for code in (*range(9), *range(11, 32), 0x7F, 0x85, 0x2028, 0x2029)}

Line = dict[str, Any]


def read_lines(path: Path) -> tuple[list[Line], int]:
    """Complete lines of a journal, and how many bytes of the file they take.

    Reading stops at the first line that is torn or out of sequence: nothing behind it was
    acknowledged.
    """
    lines: list[Line] = []
    good = 0
    if not path.exists():
        return lines, good
    with path.open("rb") as file:
        for raw in file:
            line = _parse(raw)
            if line is None or line.get("seq") != len(lines):
                break
            lines.append(line)
            good += len(raw)
    return lines, good


class Journal:
    """The only writer of a journal file. Every line is on the disk before `append` returns.

    listen: called with each line, in order, under the writer's lock; this is how the live state
    stays equal to a replay. Raises ResumeError when another process writes to the same journal,
    OSError when the disk is full.
    """

    def __init__(self, path: Path, clock: Clock, listen: Callable[[Line], None]) -> None:
        self.path = path
        self._clock = clock
        self._listen = listen
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ResumeError(f"another run is writing to {path.parent}") from None
        lines, good = read_lines(path)
        self._seq = len(lines)
        self._keep_damaged(good)
        self._file.truncate(good)
        for line in lines:
            listen(line)

    def append(self, event: Event) -> None:
        with self._lock:
            line = {
                "v": LINE_VERSION,
                "seq": self._seq,
                "t": round(self._clock(), 3),
                "type": event.type,
            }
            line |= cap(event.fields())
            text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            self._write(text.encode("utf-8", "replace") + b"\n")
            self._seq += 1
            self._listen(line)

    def close(self) -> None:
        self._file.close()

    def _keep_damaged(self, good: int) -> None:
        """A kill tears one line at most. Where more than that is given up, the file is kept beside
        the new one.
        """
        with self.path.open("rb") as file:
            file.seek(good)
            if file.read().count(b"\n") < 2:
                return
        copy = self.path.with_name("journal.damaged.jsonl")
        shutil.copyfile(self.path, copy)
        log.warning(
            "%s is damaged behind line %d; what follows is given up, and kept in %s",
            self.path,
            self._seq,
            copy,
        )

    def _write(self, raw: bytes) -> None:
        size = self._file.tell()
        try:
            self._file.write(raw)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(size)
            raise


def cap(value: Any, key: str = "") -> Any:
    """Limits what a program can put into a line: a `tail` keeps its end, other texts their start
    and end.
    """
    if isinstance(value, dict):
        return {name: cap(item, name) for name, item in value.items()}
    if isinstance(value, list):
        most = REASONS if key in ("reasons", "warnings") else len(value)
        return list(map(cap, value[:most]))
    if not isinstance(value, str) or key == "description":
        return value
    plain = value.translate(_CONTROL)
    if key == "tail":
        return clip(plain, TAIL_BYTES, head=0)
    limit = MESSAGE_BYTES if key == "message" else TEXT_BYTES
    return clip(plain, limit, head=limit // 2)


def clip(text: str, limit: int, head: int) -> str:
    """At most `limit` bytes of UTF-8 (and a mark): the first `head` of them and the end."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text
    end = raw[head - limit :].decode("utf-8", "ignore")
    if head == 0:
        return end
    start = raw[:head].decode("utf-8", "ignore")
    return f"{start}\n[...]\n{end}"


def _parse(raw: bytes) -> Line | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(line, dict):
        return None
    return line
