"""Follows the output of a container into a sink: live, complete, and again without a gap."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from swarm_host.backends.docker import argv
from swarm_host.backends.docker.client import DockerAnswer, DockerCommand, failure
from swarm_host.backends.docker.lines import LogMark, LogReader
from swarm_host.protocols import Sink, Stop

Name = Literal["stdout", "stderr"]

_CHUNK = 1 << 16
# How soon a wish to stop is noticed.
_NOTICE_S = 0.2
# Lines of one stream come at most so much later than newer ones of the other.
_LATE_S = 2.0
# Between two looks at a container whose output ended although it runs.
_AGAIN_S = 1.0


@dataclass
class LogFollower:
    """One container. runs: asks the daemon whether it still does; raises Transient errors."""

    client: DockerCommand
    container: str
    sink: Sink
    runs: Callable[[], bool]

    def follow(self, stop: Stop) -> None:
        """Until the container has ended and all of its output is written, or `stop` is set.

        Raises DaemonLost, and Lost when the container is not there.
        """
        readers = {name: LogReader(LogMark.parse(self.sink.mark(name))) for name in _names()}
        while not stop.is_set():
            readers = self._read(readers, live=True, stop=stop)
            if stop.is_set():
                return
            # A daemon that stops ends the output as quietly as a container does.
            if not self.runs():
                # What came while the first command ended is read by a second.
                self._read(readers, live=False, stop=stop)
                return
            stop.wait(_AGAIN_S)

    def _read(
        self, readers: dict[Name, LogReader], *, live: bool, stop: Stop
    ) -> dict[Name, LogReader]:
        """One docker command to its end. Readers that go on where this one was cut off."""
        marks = [reader.mark for reader in readers.values()]
        times = [mark.time for mark in marks if mark]
        # From the start, unless every stream has a mark.
        since = min(times) if times and len(times) == len(marks) else None
        words = argv.logs(self.container, follow=live, since=since)
        process = self.client.open(words)
        with _ended(process):
            self._pump(process, readers, stop)
            if stop.is_set():
                return readers
            code = process.wait()
        said = b"".join(bytes(reader.remarks) for reader in readers.values())
        answer = self.client.judge("logs", DockerAnswer(code, b"", said.decode(errors="replace")))
        if answer.code != 0:
            raise failure("docker logs", answer.err)
        if not live:
            for name, reader in readers.items():
                self._write(name, reader.flush(), reader.mark)
        return {name: reader.again() for name, reader in readers.items()}

    def _pump(
        self, process: subprocess.Popen[bytes], readers: dict[Name, LogReader], stop: Stop
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as pipes:
            pipes.register(process.stdout, selectors.EVENT_READ, "stdout")
            pipes.register(process.stderr, selectors.EVENT_READ, "stderr")
            newest = _Newest(readers)
            while pipes.get_map() and not stop.is_set():
                ready = pipes.select(_NOTICE_S)
                self._advance(readers, newest.look(), {key.data for key, _ in ready})
                for key, _ in ready:
                    data = os.read(key.fd, _CHUNK)
                    if data:
                        self._write(key.data, *readers[key.data].feed(data))
                    else:
                        pipes.unregister(key.fileobj)

    def _advance(
        self, readers: dict[Name, LogReader], to: LogMark | None, ready: set[Name]
    ) -> None:
        """A stream that says nothing gets a position too: without it the next follower would have to
        read all of the other stream again. docker writes both in order, so an empty pipe was empty
        when the other stream said what we read before.
        """
        for name, reader in readers.items():
            if to is not None and name not in ready and reader.advance(to):
                self.sink.write(name, b"", str(to))

    def _write(self, name: Name, data: bytes, mark: LogMark | None) -> None:
        if data:
            self.sink.write(name, data, str(mark) if mark else None)


class _Newest:
    """The newest position of all streams, as it was some seconds ago.

    docker stamps the streams apart: a line may come a little after a newer one of the other stream.
    """

    def __init__(self, readers: dict[Name, LogReader]) -> None:
        self._readers = readers
        self._now: LogMark | None = None
        self._before: LogMark | None = None
        self._looked = time.monotonic()

    def look(self) -> LogMark | None:
        if time.monotonic() - self._looked >= _LATE_S:
            marks = [reader.mark for reader in self._readers.values() if reader.mark]
            self._before, self._now = self._now, max(marks, key=_time_of, default=None)
            self._looked = time.monotonic()
        return self._before and LogMark(self._before.time, 0)


def _time_of(mark: LogMark) -> str:
    return mark.time


def _names() -> tuple[Name, Name]:
    return ("stdout", "stderr")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The command does not outlive its reader."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
