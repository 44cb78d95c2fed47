"""logs: what a unit printed, also while it runs."""

from __future__ import annotations

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from swarm_host.cli.finding import find_unit, opened_to_read
from swarm_host.cli.statuses import OK
from swarm_host.cli.tables import print_json
from swarm_host.errors import UsageError
from swarm_host.states import FINAL
from swarm_host.store.questions import Questions

_PIECE = 1 << 16
_LOOK_S = 0.2
# What a terminal would obey: control characters but for tab, line feed and carriage return.
_STEERING = bytes(sorted({*range(32), 127} - {9, 10, 13}))


def logs(options: Namespace, environ: Mapping[str, str]) -> int:
    with opened_to_read(options, environ) as store:
        row = find_unit(store, options.name)
        path = Path(row.spec.folder) / "logs" / f"{options.stream}.log"
        if options.lines is not None and options.lines < 0:
            raise UsageError("-n: a number of lines, 0 or more")
        if options.json:
            print_json({"unit": row.spec.unit_id, "stream": options.stream, "file": str(path)})
            return OK
        if not options.follow and not path.exists():
            raise UsageError(f"{row.spec.unit_id} has no {options.stream}.log; it is {row.state}")
        if sys.stdout is None:
            raise UsageError("there is no standard output to print to")
        sys.stdout.flush()
        write = writer(sys.stdout.buffer, sys.stdout.isatty())
        reader = Reader(path, write)
        reader.start(options.lines)
        if options.follow:
            follow(reader, _ended(store, row.spec.unit_id))
    return OK


def _ended(store: Questions, unit_id: str) -> Callable[[], bool]:
    return lambda: store.unit(unit_id).state in FINAL


def writer(stream: IO[bytes], terminal: bool) -> Callable[[bytes], None]:
    """Writes at once; to a terminal without what would steer it."""

    def write(data: bytes) -> None:
        stream.write(data.translate(None, _STEERING) if terminal else data)
        stream.flush()

    return write


class Reader:
    """A log that grows, and that may be replaced: an attempt that failed takes its logs away."""

    def __init__(self, path: Path, write: Callable[[bytes], None]) -> None:
        self._path = path
        self._write = write
        self._at = 0
        self._file: tuple[int, int] | None = None

    def start(self, lines: int | None) -> None:
        """All that is there, or its last lines."""
        if lines is None:
            self.copy()
            return
        try:
            with self._path.open("rb") as file:
                self._at = last_lines(file, lines)
                self._file = _identity(file)
        except FileNotFoundError:
            return
        self.copy()

    def copy(self) -> None:
        """What came since the last time. Raises BrokenPipeError."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            if self._file != _identity(file) or os.fstat(file.fileno()).st_size < self._at:
                self._file, self._at = _identity(file), 0
            file.seek(self._at)
            while data := file.read(_PIECE):
                self._write(data)
                self._at += len(data)


def _identity(file: IO[bytes]) -> tuple[int, int]:
    facts = os.fstat(file.fileno())
    return facts.st_dev, facts.st_ino


def last_lines(file: IO[bytes], count: int) -> int:
    """Where the last `count` lines begin; a line end at the very end begins no line."""
    end = at = file.seek(0, os.SEEK_END)
    wanted = count
    while at > 0:
        start = max(0, at - _PIECE)
        file.seek(start)
        piece = file.read(at - start)
        if at == end and count and piece.endswith(b"\n"):
            wanted += 1
        found = piece.count(b"\n")
        if found >= wanted:
            return start + _nth_from_end(piece, wanted)
        wanted, at = wanted - found, start
    return 0 if count else end


def _nth_from_end(piece: bytes, number: int) -> int:
    """Behind the n-th line end, counted from the end; the end itself for none."""
    at = len(piece)
    for _ in range(number):
        at = piece.rindex(b"\n", 0, at)
    return at + 1 if number else len(piece)


def follow(reader: Reader, ended: Callable[[], bool]) -> None:
    """Copies until the unit has ended, and what came with the end."""
    pause = threading.Event()
    while not ended():
        reader.copy()
        pause.wait(_LOOK_S)
    reader.copy()
