"""Where an agent's output goes: logs/{stdout,stderr,entrypoint,build}.log of the unit's folder.

Secrets are redacted before anything is written. `marks.json` says how far each log is safely
written, and where the backend stood there; it is written after the bytes. A follower that comes back
goes on at its mark, and what had been written after it is cut off first: no byte is lost or doubled.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from swarm_host.disk import files
from swarm_host.disk.log_file import LogFile, Position
from swarm_host.errors import SpecError
from swarm_host.records import CollectLimits, Stream
from swarm_host.words import jsonio
from swarm_host.words.redact import Redactor

MARKS = "marks.json"
# Of a plain run of specification 000, which reads them in its workspace.
COPIED: frozenset[Stream] = frozenset({"stdout", "stderr"})
_SAVE_S, _SAVE_BYTES = 0.5, 1 << 20
_log = logging.getLogger("swarm_host")


@dataclass(frozen=True, slots=True)
class Marks:
    """marks.json: a position for each stream that was written."""

    positions: dict[str, Position] = field(default_factory=dict)


def read_marks(logs: Path) -> Marks:
    """Of a folder of logs. A file that cannot be read counts as none: all comes again from the start."""
    try:
        return jsonio.loads(Marks, (logs / MARKS).read_bytes(), MARKS)
    except (OSError, SpecError):
        return Marks()


class _Pipe:
    """One stream: its redactor, its log, and the copy in the workspace."""

    def __init__(self, log: LogFile, redactor: Redactor, position: Position) -> None:
        self.log = log
        self.redactor = redactor
        # The last safe one.
        self.position = position
        self.copy: LogFile | None = None

    def close(self) -> None:
        self.log.close()
        if self.copy is not None:
            self.copy.close()


class FileSink:
    """See protocols.Sink. Any thread may write; one process at a time."""

    def __init__(
        self,
        logs: Path,
        secrets: Iterable[str] = (),
        copy_to: Path | None = None,
        most_bytes: int = CollectLimits().log_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """secrets: their values. copy_to: a folder that gets stdout.log and stderr.log as well.

        most_bytes: of one stream; of a longer one its first half and its end are kept. clock:
        seconds, for how often marks are written.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._secrets = tuple(secrets)
        self._copy_to = copy_to
        self._most_bytes = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._positions: dict[str, Position] = dict(read_marks(logs).positions)
        self._pipes: dict[Stream, _Pipe] = {}
        self._saved_at, self._unsaved = clock(), 0
        self._detached = False

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        """Raises OSError: then the stream stands at its last mark, and goes on from there."""
        with self._lock:
            if self._detached or self._position(stream).ended:
                return
            try:
                self._write(self._pipe(stream), data, mark)
            except OSError:
                self._drop(stream)
                raise
            self._unsaved += len(data)
            late = self._clock() - self._saved_at >= _SAVE_S or self._unsaved >= _SAVE_BYTES
            if mark is not None and late:
                self._save()

    def mark(self, stream: Stream) -> str | None:
        with self._lock:
            pipe = self._pipes.get(stream)
            return pipe.position.mark if pipe else self._position(stream).mark

    def end(self, *streams: Stream) -> None:
        """These streams are over: what was kept back is written, and the end of a long one joined.
        Each has a file from now on. Raises OSError; it can be asked for again.
        """
        with self._lock:
            for stream in streams:
                if not self._position(stream).ended:
                    self._end(stream, self._pipe(stream))

    def detach(self) -> None:
        """Lets go of all streams: another follower goes on at the marks. Later bytes are nobody's."""
        with self._lock:
            self._detached = True
            with contextlib.suppress(OSError):
                self._save()
            for stream in list(self._pipes):
                self._drop(stream)

    def _write(self, pipe: _Pipe, data: bytes, mark: str | None) -> None:
        shown = pipe.redactor.feed(data)
        pipe.log.write(shown)
        self._write_copy(pipe, shown)
        # What is kept back is not written: the mark would skip it.
        if mark is not None and not pipe.redactor.held:
            pipe.position = pipe.log.position(mark)

    def _end(self, stream: Stream, pipe: _Pipe) -> None:
        try:
            rest = pipe.redactor.flush()
            pipe.log.write(rest)
            self._write_copy(pipe, rest)
            pipe.position = pipe.log.end(pipe.position)
            self._save()
        except OSError:
            self._drop(stream)
            raise
        pipe.log.drop_pieces()
        if pipe.copy is not None:
            with contextlib.suppress(OSError):
                pipe.copy.end(pipe.position)
                pipe.copy.drop_pieces()
        self._drop(stream)

    def _position(self, stream: Stream) -> Position:
        return self._positions.get(stream, Position())

    def _pipe(self, stream: Stream) -> _Pipe:
        """Opened by its first byte: a log that nobody writes to is not put back."""
        if stream not in self._pipes:
            position = self._position(stream)
            log = LogFile(self._logs / f"{stream}.log", self._most_bytes, position)
            pipe = _Pipe(log, Redactor(self._secrets), position)
            pipe.copy = self._open_copy(stream, position)
            self._pipes[stream] = pipe
        return self._pipes[stream]

    def _open_copy(self, stream: Stream, position: Position) -> LogFile | None:
        if self._copy_to is None or stream not in COPIED:
            return None
        try:
            return LogFile(self._copy_to / f"{stream}.log", self._most_bytes, position)
        except (OSError, ValueError) as error:
            _log.warning("no copy of %s in the workspace: %s", stream, error)
            return None

    def _write_copy(self, pipe: _Pipe, data: bytes) -> None:
        """The workspace is the agent's: what it breaks there costs the copy alone."""
        if pipe.copy is None:
            return
        try:
            pipe.copy.write(data)
        except OSError as error:
            _log.warning("the copy of a log in the workspace ends here: %s", error)
            pipe.copy.close()
            pipe.copy = None

    def _drop(self, stream: Stream) -> None:
        pipe = self._pipes.pop(stream, None)
        if pipe is not None:
            self._positions[stream] = pipe.position
            with contextlib.suppress(OSError):
                pipe.close()

    def _save(self) -> None:
        """Raises OSError; the old marks are still true then."""
        now: dict[str, Position] = dict(self._positions)
        now.update({stream: pipe.position for stream, pipe in self._pipes.items()})
        files.write_atomic(self._logs / MARKS, jsonio.dumps(Marks(now)), durable=False)
        self._saved_at, self._unsaved = self._clock(), 0
