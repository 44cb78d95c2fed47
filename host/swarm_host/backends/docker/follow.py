"""Follows the output of a container into a sink: live, complete, and again without a gap."""

from __future__ import annotations

import os
import selectors
import subprocess
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
            while pipes.get_map() and not stop.is_set():
                for key, _ in pipes.select(_NOTICE_S):
                    data = os.read(key.fd, _CHUNK)
                    if data:
                        self._write(key.data, *readers[key.data].feed(data))
                    else:
                        pipes.unregister(key.fileobj)

    def _write(self, name: Name, data: bytes, mark: LogMark | None) -> None:
        if data:
            self.sink.write(name, data, str(mark) if mark else None)


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
