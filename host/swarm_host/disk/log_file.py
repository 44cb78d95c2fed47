"""One log of bounded size: its first half, and of a longer one the end. It can be put back to an
earlier position, so that what comes again is not written twice.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log is safely written: `mark` is the backend's own word for the place."""

    mark: str | None = None
    # Bytes of the file itself.
    head: int = 0
    # Bytes of the newest piece of the end, and how many pieces were begun.
    tail: int = 0
    pieces: int = 0
    # The stream is over, and its end stands in the file.
    ended: bool = False


class LogFile:
    """`path`, and pieces of the end beside it while it is longer than half of `limit` bytes."""

    def __init__(self, path: Path, limit: int, position: Position = Position()) -> None:
        """Puts the files back to the position. Raises OSError; a link or a pipe at the path is one."""
        self._path = path
        self._most_head, self._most_piece = limit // 2, max(1, limit // 4)
        self._head = _open(path)
        self._piece = -1
        # Of the file, of the newest piece, and how many pieces were begun.
        self._sizes = (0, 0, 0)
        try:
            self._back_to(position)
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Raises OSError, with the files put back to what they were."""
        head, tail, pieces = self._sizes
        try:
            self._write(data)
        except OSError:
            self._back_to(Position(None, head, tail, pieces))
            raise

    def position(self, mark: str | None) -> Position:
        """Where it stands now."""
        return Position(mark, *self._sizes)

    def end(self, position: Position) -> Position:
        """Puts the pieces of the end into the file. Raises OSError; it can be asked for again."""
        head, _, pieces = self._sizes
        left_out = max(0, pieces - 2) * self._most_piece
        try:
            if left_out:
                _write_all(self._head, f"\n[... {left_out} bytes left out ...]\n".encode())
            for number in (pieces - 1, pieces):
                if number > 0:
                    self._copy_in(self._piece_path(number))
        except OSError:
            os.ftruncate(self._head, head)
            raise
        return Position(position.mark, os.fstat(self._head).st_size, 0, 0, True)

    def drop_pieces(self) -> None:
        """After `end`, once its position is written down."""
        for path in self._path.parent.glob(f".{self._path.name}.end*"):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._head)
        if self._piece >= 0:
            os.close(self._piece)
            self._piece = -1

    def _write(self, data: bytes) -> None:
        head, tail, pieces = self._sizes
        room = max(0, self._most_head - head) if not pieces else 0
        _write_all(self._head, data[:room])
        self._sizes = (head + len(data[:room]), tail, pieces)
        rest = data[room:]
        while rest:
            head, tail, pieces = self._sizes
            if not pieces or tail >= self._most_piece:
                self._begin_piece(pieces + 1)
                tail, pieces = 0, pieces + 1
            part = rest[: self._most_piece - tail]
            _write_all(self._piece, part)
            self._sizes = (head, tail + len(part), pieces)
            rest = rest[len(part) :]

    def _begin_piece(self, number: int) -> None:
        if self._piece >= 0:
            os.close(self._piece)
        self._piece = _open(self._piece_path(number))
        os.ftruncate(self._piece, 0)
        self._piece_path(number - 2).unlink(missing_ok=True)

    def _back_to(self, position: Position) -> None:
        """Newer bytes and newer pieces go. A piece that was dropped meanwhile stays away."""
        os.ftruncate(self._head, min(position.head, os.fstat(self._head).st_size))
        if self._piece >= 0:
            os.close(self._piece)
            self._piece = -1
        for path in self._path.parent.glob(f".{self._path.name}.end*"):
            if int(path.name.rpartition(".end")[2]) > position.pieces:
                path.unlink(missing_ok=True)
        if position.pieces:
            self._piece = _open(self._piece_path(position.pieces))
            os.ftruncate(self._piece, min(position.tail, os.fstat(self._piece).st_size))
        self._sizes = (position.head, position.tail, position.pieces)

    def _piece_path(self, number: int) -> Path:
        return self._path.with_name(f".{self._path.name}.end{number}")

    def _copy_in(self, piece: Path) -> None:
        if not piece.exists():
            return
        with piece.open("rb") as file:
            while part := file.read(1 << 20):
                _write_all(self._head, part)


def _open(path: Path) -> int:
    """For appending. What an agent may have put there, a link or a pipe, is not followed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is no regular file")
    return handle


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
