"""Csv files too large to hold: records are found, drawn and copied as bytes, in blocks. Runs in
worker processes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from utils.tables import without_made_up_names

# A plain csv above this size is never read whole.
BIG_BYTES = 128 << 20
# Records that stand for all of them: enough for the largest holdout and its locked part.
DRAWN_ROWS = 200_000
# Tables in one of these are read through a decompressor, like those in archives.
PACKED = (".gz", ".bz2", ".xz", ".zip")
_BLOCK = 16 << 20
_CHUNK_ROWS = 500_000
_NEWLINE, _QUOTE, _RETURN = 10, 34, 13

Numbers = npt.NDArray[np.int64]


def is_big(path: Path, format: str, encoding: str, member: str | None) -> bool:
    """True for a csv that is handled in blocks: one file, large, with bytes for newline and quote
    as in ASCII.
    """
    plain = format == "csv" and member is None and path.suffix.lower() not in PACKED
    return (
        plain and encoding in ("utf-8", "utf-8-sig", "latin-1") and path.stat().st_size > BIG_BYTES
    )


@dataclass(frozen=True, eq=False)
class BigCsv:
    """One state of a file: not equal to another of the same path.

    Record numbers count from 0 after the header; blank lines are no records.
    """

    path: Path
    delimiter: str
    encoding: str

    @cached_property
    def count(self) -> int:
        return sum(len(ends) for _, ends in self._blocks())

    def draw(self, seed: int = 0) -> Numbers:
        """DRAWN_ROWS record numbers at random, in order; the same for the same file and seed."""
        rng = np.random.default_rng([self.count, seed])
        return np.sort(rng.choice(self.count, min(DRAWN_ROWS, self.count), replace=False)).astype(
            np.int64
        )

    def draw_groups(self, column: str, seed: int = 0) -> Numbers:
        """The records of groups at random, whole groups only, until there are DRAWN_ROWS."""
        codes, names = pd.factorize(self.column(column), use_na_sentinel=False)
        sizes = np.bincount(codes, minlength=len(names))
        order = np.random.default_rng([self.count, seed]).permutation(len(names))
        chosen = order[np.cumsum(sizes[order]) <= DRAWN_ROWS]
        return np.flatnonzero(np.isin(codes, chosen if len(chosen) else order[:1])).astype(np.int64)

    def column(self, name: str) -> pd.Series:
        """One column whole, as text; repeated cells are held once."""
        chunks = pd.read_csv(self.path, usecols=[name], chunksize=_CHUNK_ROWS, **self._options)
        parts = [part[name].astype("category") for part in chunks]
        if not parts:
            return pd.Series(dtype=object)
        return pd.Series(pd.api.types.union_categoricals(parts))

    def rows(self, numbers: Numbers, columns: list[str] | None = None) -> pd.DataFrame:
        """These records (in ascending order), cells as text."""
        header, parts = self._header(), list[pd.DataFrame]()
        options = {"usecols": columns, **self._options}
        # Read part by part: the bytes of all records and their cells at once would be the peak of
        # memory.
        for piece in self._pieces(numbers):
            parts.append(pd.read_csv(io.BytesIO(header + piece), **options))
        if not parts:
            return without_made_up_names(pd.read_csv(io.BytesIO(header), **options))
        # Rows with more cells than the header make an index, which tells the caller so.
        plain = all(isinstance(part.index, pd.RangeIndex) for part in parts)
        return without_made_up_names(pd.concat(parts, ignore_index=plain))

    def _pieces(self, numbers: Numbers) -> Iterator[bytes]:
        """These records as they are in the file, about a block at a time."""
        piece, first = bytearray(), 0
        for block, ends in self._blocks():
            for low, high in _runs(_within(numbers, first, len(ends)), ends):
                piece += block[low:high]
            first += len(ends)
            if len(piece) >= _BLOCK:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    def copy_without(self, numbers: Numbers, out: BinaryIO) -> None:
        """Writes the header and every other record, byte for byte, in the order of the file."""
        out.write(self._header())
        first = 0
        for block, ends in self._blocks():
            dropped = _within(numbers, first, len(ends))
            keep = np.setdiff1d(np.arange(len(ends)), dropped, assume_unique=True)
            for low, high in _runs(keep, ends):
                out.write(block[low:high])
            ends_with_last = len(keep) > 0 and keep[-1] == len(ends) - 1
            if ends_with_last and block[ends[-1] - 1 : ends[-1]] != b"\n":
                out.write(b"\n")
            first += len(ends)

    @property
    def _options(self) -> dict[str, object]:
        return {
            "sep": self.delimiter,
            "encoding": self.encoding,
            "dtype": str,
            "keep_default_na": False,
        }

    def _header(self) -> bytes:
        with self.path.open("rb") as file:
            return self._read_header(file)

    def _read_header(self, file: BinaryIO) -> bytes:
        line = file.readline()
        while line.count(b'"') % 2 and (more := file.readline()):
            line += more
        return line

    def _blocks(self) -> Iterator[tuple[bytes, Numbers]]:
        """(bytes, ends of the records in them); blocks are of whole records."""
        with self.path.open("rb") as file:
            self._read_header(file)
            rest = b""
            while True:
                block = file.read(_BLOCK)
                data = rest + block
                ends = _record_ends(data)
                # The end of the last record that is whole.
                cut = int(ends.max(initial=0))
                if not block:
                    if cut < len(data):
                        ends = np.append(ends, len(data))
                    if data.strip():
                        yield data, ends
                    return
                if cut:
                    yield data[:cut], ends
                rest = data[cut:]


def _record_ends(data: bytes) -> Numbers:
    """Positions behind the newlines that end a record: those outside of quotes. A blank line
    belongs to what stands before it, or to the first record.
    """
    cells = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(cells == _NEWLINE)
    quotes = np.flatnonzero(cells == _QUOTE)
    if len(quotes):
        newlines = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    if not len(newlines):
        return newlines.astype(np.int64)
    starts = np.concatenate([[0], newlines[:-1] + 1])
    length = newlines - starts
    blank = (length == 0) | ((length == 1) & (cells[starts] == _RETURN))
    # The end of a blank line takes the place of the end before it.
    kept = ~np.append(blank[1:], False)
    if blank[0]:
        kept &= np.cumsum(~blank) > 0
    return (newlines[kept] + 1).astype(np.int64)


def _within(numbers: Numbers, first: int, count: int) -> Numbers:
    """Those of ascending record numbers that are in a block, counted from its first record."""
    low, high = np.searchsorted(numbers, [first, first + count])
    return numbers[low:high] - first


def _runs(numbers: Numbers, ends: Numbers) -> Iterator[tuple[int, int]]:
    """Byte ranges of these records of a block, neighbours as one. ends: of all its records."""
    if not len(numbers):
        return
    starts = np.concatenate([[0], ends[:-1]])
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [len(numbers) - 1]])
    yield from zip(starts[numbers[first]].tolist(), ends[numbers[last]].tolist(), strict=True)
