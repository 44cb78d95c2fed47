"""Writers of small files: tables, images, recordings, archives. Everything is drawn from the
folder's own seed.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import struct
import wave
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.task.folders import Row, put

Array = npt.NDArray[np.float64]


class Folder:
    """A competition folder that is being written, and what is known of its train rows.

    rows: sample rows that one train row is worth, by its key (see `unit`). inputs, answers: train
    row by the digest of a file that holds its input, or its answer.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.public, self.private = root, root / "public", root / "private"
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.rows: dict[str, int] = {}
        self.inputs: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        self.public.mkdir(parents=True)

    def unit(self, key: str, rows: int = 1) -> str:
        """A train row (or image, recording, ...) that is held out as a whole: `rows` rows of a
        submission.
        """
        self.rows[key] = rows
        return key

    def table(
        self, name: str, header: Sequence[str], rows: Iterable[Row], delimiter: str = ","
    ) -> None:
        put(self.public / name, header, rows, delimiter)

    def private_answers(self, header: Sequence[str], rows: Iterable[Row]) -> None:
        put(self.private / "answers.csv", header, rows)

    def file(
        self, name: str, raw: bytes, row: str | None = None, answer_of: str | None = None
    ) -> None:
        """row: the train row whose input it is. answer_of: the train row whose answer it is."""
        path = self.public / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        if row is not None:
            self.inputs[digest(raw)] = row
        if answer_of is not None:
            self.answers[digest(raw)] = answer_of

    def pack(self, archive: str, folder: str, inside: str = "", remove: bool = True) -> None:
        """Zips what lies below `folder`; inside: folder within the archive, "" for a flat one."""
        source = self.public / folder
        with zipfile.ZipFile(self.public / archive, "w") as target:
            for path in sorted(file for file in source.rglob("*") if file.is_file()):
                target.write(path, str(Path(inside) / path.relative_to(source)))
        if remove:
            shutil.rmtree(source)

    def key(self, length: int = 32) -> str:
        """A random hexadecimal id."""
        return self.rng.bytes(length // 2).hex()


def digest(raw: bytes) -> str:
    return hashlib.sha1(raw).hexdigest()


def image_bytes(pixels: Array, form: str) -> bytes:
    """An image file of pixels [rows, columns] or [rows, columns, 3] from 0 to 1. form: png, jpeg,
    tiff or bmp.
    """
    stream = io.BytesIO()
    Image.fromarray(np.uint8(np.clip(pixels, 0, 1) * 255 + 0.5)).save(
        stream, form, **_QUALITY.get(form, {})
    )
    return stream.getvalue()


_QUALITY = {"jpeg": {"quality": 92}}


def wav_bytes(sound: Array, rate: int = 4000) -> bytes:
    """A mono recording with 16 bits; sound: from -1 to 1."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(_samples(sound, "<i2"))
    return stream.getvalue()


def aiff_bytes(sound: Array, rate: int = 2000) -> bytes:
    """As `wav_bytes`, in the other order of bytes."""
    common = struct.pack(">hIh", 1, len(sound), 16) + _extended(rate)
    data = struct.pack(">II", 0, 0) + _samples(sound, ">i2")
    body = (
        b"AIFF"
        + b"COMM"
        + struct.pack(">I", len(common))
        + common
        + b"SSND"
        + struct.pack(">I", len(data))
        + data
    )
    return b"FORM" + struct.pack(">I", len(body)) + body


def _samples(sound: Array, kind: str) -> bytes:
    return np.clip(sound * 32767, -32767, 32767).astype(kind).tobytes()


def _extended(rate: int) -> bytes:
    """A whole number as an 80-bit float."""
    power = rate.bit_length() - 1
    return struct.pack(">HQ", 16383 + power, rate << (63 - power))


def dicom_bytes(pixels: Array, name: str) -> bytes:
    """A minimal DICOM file with one grey image; `name` makes it unique."""
    grey = np.uint8(np.clip(pixels, 0, 1) * 255)

    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        value += b" " * (len(value) % 2)
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    meta = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
    body = element(8, 0x18, b"UI", name.encode()) + element(
        0x28, 0x10, b"US", struct.pack("<H", grey.shape[0])
    )
    body += element(0x28, 0x11, b"US", struct.pack("<H", grey.shape[1]))
    body += struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, grey.size) + grey.tobytes()
    return bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body
