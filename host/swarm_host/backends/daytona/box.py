"""words.Box on a sandbox of Daytona: short programs by `exec`, long ones in a session of their own.

Its programs have no stdin, and their output is text: files go in and out by its file calls.
"""

from __future__ import annotations

import asyncio
import queue
import shlex
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from swarm_host.backends.cloud.inside import NO_ROOM, NOTHING
from swarm_host.backends.cloud.pieces import Pieces
from swarm_host.backends.cloud.words import Answer, NoRoom
from swarm_host.backends.daytona.errors import calls
from swarm_host.disk.tar import Readable
from swarm_host.errors import HostError, Transfer
from swarm_host.protocols import Stop

# A request that takes longer may be cut by a proxy on the way.
_SHORT_S = 90.0
# A follower says something every second.
_SILENCE_S = 60.0
_TAKE_S = 0.25
_POLL_S = 0.5
_FROM_FILE = 'file=$1; shift; "$@" <"$file"; code=$?; rm -f "$file"; exit $code'
_TO_FILE = 'file=$1; shift; mkdir -p "$(dirname "$file")"; "$@" >"$file"'


class DaytonaBox:
    """A sandbox that is there."""

    def __init__(self, sandbox: Any, place: str) -> None:
        """sandbox: a daytona.Sandbox. place: folder in it for files on their way."""
        self._sandbox = sandbox
        self._place = place

    def call(self, words: Sequence[str], seconds: float) -> Answer:
        if seconds > _SHORT_S:
            return self._long(words, seconds)
        with calls(f"exec {words[:3]}"):
            command = f"{shlex.join(words)} 2>&1"
            answer = self._sandbox.process.exec(command, timeout=max(1, round(seconds)))
            return Answer(answer.exit_code, (answer.result or "").encode())

    def feed(self, words: Sequence[str], source: BinaryIO, seconds: float) -> Answer:
        file = self._way("in")
        self.call(["mkdir", "-p", self._place], _SHORT_S)
        with calls("send"):
            self._sandbox.fs.upload_file_stream(source, file, timeout=round(seconds))
        return self.call(["sh", "-c", _FROM_FILE, "sh", file, *words], seconds)

    def lines(self, words: Sequence[str], stop: Stop) -> Generator[bytes, None, None]:
        with self._session() as session:
            command = self._begin(session, words)
            pieces = self._stream(session, command)
            yield from _lines(pieces, stop)

    @contextmanager
    def archive(self, words: Sequence[str], seconds: float) -> Iterator[Readable | None]:
        file = self._way("out")
        answer = self.call(["sh", "-c", _TO_FILE, "sh", file, *words], seconds)
        try:
            if answer.code == NOTHING:
                yield None
                return
            if answer.code == NO_ROOM:
                raise NoRoom("the disk of its sandbox is full, so that it could not be packed")
            if answer.code != 0:
                raise Transfer(f"collect: exit status {answer.code}: {answer.text}")
            with calls("collect"):
                pieces = self._sandbox.fs.download_file_stream(file, timeout=round(seconds))
            yield Pieces(_translated(iter(pieces)))
        finally:
            with suppress(HostError):
                self.call(["rm", "-f", file], _SHORT_S)

    def _way(self, direction: str) -> str:
        return f"{self._place}/{direction}-{uuid.uuid4().hex}"

    @contextmanager
    def _session(self) -> Iterator[str]:
        """A shell of its own; its end takes its programs along."""
        name = f"swarm-{uuid.uuid4().hex}"
        with calls("session"):
            self._sandbox.process.create_session(name)
        try:
            yield name
        finally:
            with suppress(HostError), calls("end of a session"):
                self._sandbox.process.delete_session(name)

    def _begin(self, session: str, words: Sequence[str]) -> str:
        from daytona import SessionExecuteRequest

        with calls(f"run {words[:3]}"):
            request = SessionExecuteRequest(command=shlex.join(words), run_async=True)
            return str(self._sandbox.process.execute_session_command(session, request).cmd_id)

    def _long(self, words: Sequence[str], seconds: float) -> Answer:
        """Asked again and again whether it has ended: no connection has to last."""
        until = time.monotonic() + seconds
        pause = threading.Event()
        with self._session() as session:
            command = self._begin(session, words)
            process = self._sandbox.process
            while time.monotonic() < until:
                with calls(f"run {words[:3]}"):
                    code = process.get_session_command(session, command).exit_code
                    if code is not None:
                        said = process.get_session_command_logs(session, command)
                        return _answer(int(code), said)
                pause.wait(_POLL_S)
        raise Transfer(f"{words[:3]} did not end within {seconds:.0f} s")

    def _stream(self, session: str, command: str) -> queue.Queue[str | Exception | None]:
        """Pieces of a program's stdout as they come; at the end None, or what broke the stream."""
        pieces: queue.Queue[str | Exception | None] = queue.Queue()

        def read() -> None:
            try:
                asyncio.run(
                    self._sandbox.process.get_session_command_logs_async(
                        session, command, pieces.put, lambda text: None
                    )
                )
                pieces.put(None)
            # It must not end in silence, whatever it was.
            except Exception as error:  # noqa: BLE001
                pieces.put(error)

        threading.Thread(target=read, name=f"output of {session}", daemon=True).start()
        return pieces


def _answer(code: int, said: Any) -> Answer:
    out = said.stdout if said.stdout is not None else said.output
    return Answer(code, (out or "").encode(), (said.stderr or "").encode())


def _lines(pieces: queue.Queue[str | Exception | None], stop: Stop) -> Generator[bytes, None, None]:
    """Raises Transfer for a stream that breaks off or falls silent."""
    rest = b""
    heard = time.monotonic()
    while not stop.is_set():
        try:
            piece = pieces.get(timeout=_TAKE_S)
        except queue.Empty:
            if time.monotonic() - heard > _SILENCE_S:
                raise Transfer(f"follow: nothing came for {_SILENCE_S:.0f} s") from None
            continue
        if piece is None:
            return
        with calls("follow"):
            if isinstance(piece, Exception):
                raise piece
        heard = time.monotonic()
        *whole, rest = (rest + piece.encode()).split(b"\n")
        yield from whole


def _translated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with calls("collect"):
        yield from pieces
