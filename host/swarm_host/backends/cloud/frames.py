"""Output of an agent as it comes out of a sandbox: lines that say which bytes of which stream they hold.

    o 1024 aGVsbG8=      these bytes of stdout begin at 1024
    e 0 b29wcw==         the same of stderr
    h                    nothing new, and the connection lives
    +                    this program ends, another one shall go on
    .                    the agent has ended, and all of its output came

Services hand text on, may cut it anywhere and may break off: what a line says does not depend on the
lines before it, so that nothing is lost or comes twice.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from swarm_host.records import Stream

STREAMS: dict[bytes, Stream] = {b"o": "stdout", b"e": "stderr"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One line. `data` begins at byte `at` of the stream; other kinds have neither."""

    kind: Literal["data", "alive", "on", "end"]
    stream: Stream = "stdout"
    at: int = 0
    data: bytes = b""


_PLAIN: dict[bytes, Frame] = {b"h": Frame("alive"), b"+": Frame("on"), b".": Frame("end")}


class Broken(Exception):
    """A line that is none of ours, or only part of one: the output is asked for again."""


def parse(line: bytes) -> Frame:
    """Raises Broken."""
    line = line.strip()
    if line in _PLAIN:
        return _PLAIN[line]
    parts = line.split(b" ")
    if len(parts) != 3 or parts[0] not in STREAMS or not parts[1].isdigit():
        raise Broken(f"no line of a follower: {line[:60]!r}")
    try:
        data = base64.b64decode(parts[2], validate=True)
    except binascii.Error as error:
        raise Broken(f"half a line of a follower: {error}") from None
    return Frame("data", STREAMS[parts[0]], int(parts[1]), data)


def new_part(frame: Frame, have: int) -> bytes:
    """What of a frame's bytes comes after the first `have` bytes of its stream. Raises Broken when
    bytes between them are missing.
    """
    if frame.at > have:
        raise Broken(f"{frame.stream} goes on at {frame.at}, and {have} bytes came before")
    return frame.data[have - frame.at :]
