"""words.Box on a sandbox of Modal: programs by `exec`, with bytes on their three streams."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from swarm_host.backends.cloud.inside import FOLLOW_S, NOTHING
from swarm_host.backends.cloud.pieces import Pieces
from swarm_host.backends.cloud.words import Answer
from swarm_host.backends.modal.errors import calls
from swarm_host.disk.tar import Readable
from swarm_host.errors import Transfer
from swarm_host.protocols import Stop

# Modal takes 2 MiB at most before `drain`.
_CHUNK = 1 << 20
_LATE_S = 60.0


class ModalBox:
    """A sandbox that is there."""

    def __init__(self, sandbox: Any) -> None:
        """sandbox: a modal.Sandbox."""
        self._sandbox = sandbox

    def call(self, words: Sequence[str], seconds: float) -> Answer:
        with calls(f"exec {words[:3]}"):
            return _read(self._exec(words, seconds), seconds)

    def feed(self, words: Sequence[str], source: BinaryIO, seconds: float) -> Answer:
        with calls(f"exec {words[:3]}"):
            process = self._exec(words, seconds)
            while piece := source.read(_CHUNK):
                process.stdin.write(piece)
                process.stdin.drain()
            process.stdin.write_eof()
            process.stdin.drain()
            return _read(process, seconds)

    def lines(self, words: Sequence[str], stop: Stop) -> Generator[bytes, None, None]:
        """The program says something every second, so that `stop` is seen."""
        with calls("follow"):
            # Without a time limit the library would wait for a lost machine for ever.
            process = self._exec(words, FOLLOW_S + _LATE_S)
            rest = b""
            for piece in process.stdout:
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
                if stop.is_set():
                    return

    @contextmanager
    def archive(self, words: Sequence[str], seconds: float) -> Iterator[Readable | None]:
        with calls("collect"):
            process = self._exec(words, seconds)
            stream = Pieces(_translated(iter(process.stdout)))
            if not stream.ready():
                code = process.wait()
                if code == NOTHING:
                    yield None
                    return
                raise Transfer(f"nothing came back: exit status {code}")
            yield stream

    def _exec(self, words: Sequence[str], seconds: float) -> Any:
        return self._sandbox.exec(*words, text=False, timeout=max(1, round(seconds)))


def _read(process: Any, seconds: float) -> Answer:
    """Both streams at once: a program that fills one while we read the other would stand still."""
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(_all(process.stderr)), daemon=True)
    reader.start()
    out = _all(process.stdout)
    code = process.wait()
    reader.join(seconds)
    return Answer(code, out, b"".join(found))


def _all(stream: Any) -> bytes:
    return b"".join(stream)


def _translated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with calls("collect"):
        yield from pieces
