"""Rate, channels, bits and length of a sound from its header: wav, aiff and flac. Stdlib only."""

from __future__ import annotations

import contextlib
import struct
import wave
from collections.abc import Callable
from pathlib import Path

_HEAD = 1 << 16
_EXPONENT = 16383 + 63


def sound_header(path: Path) -> tuple[str, float] | None:
    """(rate, channels and bits in words, seconds); None where the file is none or of another kind."""
    read = _READERS.get(path.suffix.lower())
    if read is None:
        return None
    with contextlib.suppress(OSError, wave.Error, EOFError, struct.error, ValueError):
        rate, channels, bits, frames = read(path)
        if rate > 0:
            return f"{rate:g} Hz, {channels} channels, {bits} bit", frames / rate
    return None


def _wav(path: Path) -> tuple[float, int, int, int]:
    with wave.open(str(path), "rb") as sound:
        bits = 8 * sound.getsampwidth()
        return sound.getframerate(), sound.getnchannels(), bits, sound.getnframes()


def _aiff(path: Path) -> tuple[float, int, int, int]:
    """The COMM chunk: channels, frames, bits, and the rate as an 80-bit float."""
    head = _beginning(path)
    if head[:4] != b"FORM" or head[8:12] not in (b"AIFF", b"AIFC"):
        raise ValueError("no aiff")
    place = 12
    while place + 8 <= len(head):
        name, size = struct.unpack(">4sI", head[place : place + 8])
        if name == b"COMM":
            channels, frames, bits, exponent, fraction = struct.unpack_from(
                ">hIhHQ", head, place + 8
            )
            return fraction * 2.0 ** ((exponent & 0x7FFF) - _EXPONENT), channels, bits, frames
        place += 8 + size + size % 2
    raise ValueError("no COMM chunk")


def _flac(path: Path) -> tuple[float, int, int, int]:
    """STREAMINFO, which comes first: 20 bits rate, 3 channels, 5 bits, 36 frames."""
    head = _beginning(path)
    if head[:4] != b"fLaC":
        raise ValueError("no flac")
    packed = int.from_bytes(head[18:26], "big")
    channels, bits = 1 + (packed >> 41 & 7), 1 + (packed >> 36 & 31)
    return packed >> 44, channels, bits, packed & (1 << 36) - 1


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD)


_READERS: dict[str, Callable[[Path], tuple[float, int, int, int]]] = {
    ".wav": _wav,
    ".aif": _aiff,
    ".aiff": _aiff,
    ".flac": _flac,
}
