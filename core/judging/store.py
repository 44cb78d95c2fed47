"""Predictions on disk, one npz per execution; the format is docs/predictions.md. Runs in a worker
process.
"""

from __future__ import annotations

import io
import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.judging.statistic import Array
from utils.files import write_atomic

HELD_PARTS = ("holdout", "locked")
CACHE_BYTES = 256 << 20
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one program said on one view: held-out rows in the order of the answers file, then the
    official test rows.

    ids: text [rows, id columns]. values: float, text or objects (texts of any length) [rows, target
    columns]. part: holdout, locked or test per row. answers: path of the view's answers file, None
    where nothing was held out.
    """

    view: str
    answers: Path | None
    ids: Array
    values: Array
    part: Array

    @property
    def size(self) -> int:
        size = int(self.ids.nbytes + self.values.nbytes + self.part.nbytes)
        if self.values.dtype == object:
            size += sum(map(len, self.values.ravel().tolist()))
        return size


@dataclass
class Store:
    """A folder of predictions, with the recently used ones in memory."""

    folder: Path
    _recent: OrderedDict[str, tuple[int, Prediction]] = field(default_factory=OrderedDict)

    def path(self, name: str) -> Path:
        """Raises ValueError for a name that is no plain file name."""
        if not _NAME.match(name):
            raise ValueError(f"not a name of a prediction: {name!r}")
        return self.folder / f"{name}.npz"

    def save(self, name: str, prediction: Prediction) -> None:
        """Raises OSError and leaves nothing when the folder refuses it."""
        answers = ""
        if prediction.answers is not None:
            answers = os.path.relpath(prediction.answers, self.folder)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            view=np.array(prediction.view),
            answers=np.array(answers),
            ids=prediction.ids,
            **_arrays(prediction.values),  # type: ignore[arg-type]
            part=prediction.part,
        )
        write_atomic(self.path(name), buffer.getvalue())

    def load(self, name: str) -> Prediction:
        """Raises OSError when there is no such prediction."""
        path = self.path(name)
        stamp = path.stat().st_mtime_ns
        known = self._recent.pop(name, None)
        if known is None or known[0] != stamp:
            known = stamp, self._read(path)
        self._recent[name] = known
        total = sum(item.size for _, item in self._recent.values())
        while len(self._recent) > 1 and total > CACHE_BYTES:
            _, (_, oldest) = self._recent.popitem(last=False)
            total -= oldest.size
        return known[1]

    def _read(self, path: Path) -> Prediction:
        with np.load(path, allow_pickle=False) as file:
            answers = str(file["answers"])
            where = None
            if answers:
                where = Path(os.path.normpath(self.folder / answers))
            return Prediction(str(file["view"]), where, file["ids"], _values(file), file["part"])


def _arrays(values: Array) -> dict[str, Array]:
    """Objects as one run of bytes: as fixed-width text every cell would take the room of the
    longest.
    """
    if values.dtype != object:
        return {"values": values}
    cells = list(map(str.encode, values.ravel().tolist()))
    lengths = np.array(list(map(len, cells)), dtype=np.int64).reshape(values.shape)
    return {"cells": np.frombuffer(b"".join(cells), dtype=np.uint8), "lengths": lengths}


def _values(file: Mapping[str, Array]) -> Array:
    if "values" in file:
        return file["values"]
    lengths, data = file["lengths"], file["cells"].tobytes()
    ends = np.cumsum(lengths.ravel()).tolist()
    starts = [0, *ends[:-1]]
    cells = [data[start:end].decode() for start, end in zip(starts, ends, strict=True)]
    return np.array(cells, dtype=object).reshape(lengths.shape)
