"""A stream that comes in pieces, read by size as a file is."""

from __future__ import annotations

from collections.abc import Iterator


class Pieces:
    """See tar.Readable. The pieces are asked for one by one: nothing is kept but the rest of one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def ready(self) -> bool:
        """Waits for the first byte; False when the stream ends without one."""
        if not self._rest:
            self._rest = next((piece for piece in self._pieces if piece), b"")
        return bool(self._rest)

    def read(self, size: int, /) -> bytes:
        self.ready()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
