"""The output of `docker logs --timestamps`, cut into lines and put together again. Pure.

Every line begins with its time. A line of more than 16 KiB comes in pieces, each with the time of
the whole line before it and no line feed between them. Progress bars are part of their line.

A mark says where a follower stands: the time of the last line, and how many lines of that very time
came. With it a second follower leaves out exactly what the first has written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# docker's buffer: a longer line is cut there.
PIECE = 16 * 1024
# A longer line is handed on in parts, without a mark, so that it needs no memory without end.
_LONGEST_HELD = 4 * 1024 * 1024
_MOST_REMARKS = 10_000
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ?")
# The longest time: 2026-11-30T18:06:12.854917771+00:00, and a space.
_LONGEST_STAMP = 36


@dataclass(frozen=True, slots=True)
class LogMark:
    """A position in one stream of a container."""

    time: str
    # Lines of this very time that came.
    count: int

    def __str__(self) -> str:
        return f"{self.time} {self.count}"

    @classmethod
    def parse(cls, text: str | None) -> LogMark | None:
        """None for what is no mark: then all is read again, which is better than a gap."""
        time, _, count = (text or "").partition(" ")
        if not _STAMP.fullmatch(time.encode()) or not count.isdigit():
            return None
        return cls(time, int(count))


class LogReader:
    """One stream. `feed` gives whole lines, without their times; `mark` is the position after them.

    after: where an earlier reader of the same stream stopped.
    """

    def __init__(self, after: LogMark | None = None) -> None:
        self.mark = after
        # What docker itself says stands between the lines, without a time.
        self.remarks = bytearray()
        # Lines are left out until the first one that the earlier reader had not seen.
        self._after = after
        self._repeated = 0
        self._raw = b""
        self._at = 0
        # The line that is not complete: its time, its bytes, how many came since the last time.
        self._time: bytes | None = None
        self._line = bytearray()
        self._piece = 0
        self._leave_out = False
        # Bytes of it that were handed on already.
        self._given = 0
        # The same of the line in the middle of which the earlier reader was cut off.
        self._given_before: tuple[bytes, int] = (b"", 0)

    def again(self) -> LogReader:
        """A reader of the same stream from its mark on."""
        reader = LogReader(self.mark)
        if self._time:
            reader._given_before = (self._time, self._given)
        return reader

    def advance(self, to: LogMark) -> bool:
        """Moves the position of a stream that said nothing until then. False: it is there already, or
        in the middle of a line.
        """
        behind = self.mark is None or self.mark.time < to.time
        if not behind or self._time is not None or self._at < len(self._raw):
            return False
        # Lines of that very time may still come.
        self.mark = LogMark(to.time, 0)
        return True

    def feed(self, data: bytes) -> tuple[bytes, LogMark | None]:
        """(output, the position after it). Output that ends in the middle of a very long line has no
        position.
        """
        self._raw = self._raw[self._at :] + data
        self._at = 0
        out = bytearray()
        while self._step(out):
            pass
        if len(self._line) > _LONGEST_HELD:
            self._hand_on(out)
        return bytes(out), None if self._given else self.mark

    def flush(self) -> bytes:
        """The last line of a stream that has ended, when it has no line feed. Not for a stream that
        was cut off: its last line comes again.
        """
        out = bytearray()
        if self._time is not None:
            self._line += self._raw[self._at :]
            self._complete(out)
        self._raw, self._at = b"", 0
        return bytes(out)

    def _step(self, out: bytearray) -> bool:
        """Takes one time, or one stretch of a line. False when more bytes are needed."""
        if self._time is None or self._piece == PIECE:
            return self._take_time()
        if self._at == len(self._raw):
            return False
        most = self._at + PIECE - self._piece
        feed = self._raw.find(b"\n", self._at, most)
        end = feed + 1 if feed >= 0 else min(len(self._raw), most)
        self._line += self._raw[self._at : end]
        self._piece += end - self._at
        self._at = end
        if feed >= 0:
            self._complete(out)
        return True

    def _take_time(self) -> bool:
        """The time at the begin of a line, or of the next piece of it."""
        ahead = self._raw[self._at : self._at + _LONGEST_STAMP]
        if len(ahead) < _LONGEST_STAMP and b" " not in ahead and b"\n" not in ahead:
            return False
        match = _STAMP.match(ahead)
        if match is not None:
            self._at += match.end()
        if self._time is None:
            self._time = match[1] if match else b""
            self._leave_out = self._is_repeated()
        self._piece = 0
        return True

    def _is_repeated(self) -> bool:
        """Whether the earlier reader saw the line that begins now."""
        if not self._time or self._after is None:
            return False
        time = self._time.decode()
        if time == self._after.time and self._repeated < self._after.count:
            self._repeated += 1
            return True
        if time < self._after.time:
            return True
        # From here on all is new, also when the clock was set back.
        self._after = None
        return False

    def _complete(self, out: bytearray) -> None:
        time = (self._time or b"").decode()
        if not time:
            self.remarks += self._line[: max(0, _MOST_REMARKS - len(self.remarks))]
        elif not self._leave_out:
            self._hand_on(out)
            same = self.mark is not None and self.mark.time == time
            self.mark = LogMark(time, self.mark.count + 1 if same and self.mark else 1)
        self._time = None
        self._line.clear()
        self._piece = self._given = 0

    def _hand_on(self, out: bytearray) -> None:
        """The bytes of the line that are there, but for those that an earlier reader handed on."""
        if not self._time or self._leave_out:
            self._line.clear()
            return
        before = self._given_before[1] if self._given_before[0] == self._time else 0
        known = min(max(0, before - self._given), len(self._line))
        out += self._line[known:]
        self._given += len(self._line)
        self._line.clear()
