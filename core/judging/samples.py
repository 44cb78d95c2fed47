"""Sample submissions: which ids must be answered, in which order, and whose row is whose. Runs in a
worker process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.judging.statistic import Array
from core.records import CompetitionSpec, TableFile
from utils.tables import read_table
from utils.text import WHOLE_NUMBER

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that a submission must hold.

    frame: the sample's cells as text, all its columns. ids: text [rows, id columns]. size: bytes of
    the file.
    """

    frame: pd.DataFrame
    ids: Array
    keys: pd.Index
    numbers: pd.Index | None
    repeated: bool
    delimiter: str
    encoding: str
    size: int

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Array) -> tuple[Array, int]:
        """Row of the sample for each row of `ids` ([rows, id columns] text), -1 for an unknown id.

        An id is found by its exact text, else by its value where all ids of the sample are whole
        numbers ("007" is 7 and 7.0). The second result counts the rows that were found by value.
        """
        found = self.keys.get_indexer(pd.Index(_keys(ids, self.repeated)))
        unknown = found < 0
        if self.numbers is None or not unknown.any():
            return found, 0
        by_value = self.numbers.get_indexer(pd.Index(_keys(_as_numbers(ids), self.repeated)))
        return np.where(unknown, by_value, found), int((by_value[unknown] >= 0).sum())

    def name(self, row: int) -> str:
        """The id of a row as messages show it."""
        return ", ".join(self.ids[row])[:80]


def load_sample(root: Path, table: TableFile, id_columns: Sequence[str]) -> Sample:
    """The sample submission `table` below `root`. Cached until the file changes."""
    path = root / table.path
    return _load(path, table, tuple(id_columns), None, path.stat().st_mtime_ns)


def official_sample(spec: CompetitionSpec) -> Sample:
    """The rows that the benchmark wants; without a sample submission they are those of the test
    table.

    Raises ValueError when there is neither.
    """
    root = Path(spec.data_dir)
    if spec.tables.sample is not None:
        return load_sample(root, spec.tables.sample, spec.ids.columns)
    if spec.tables.test is None:
        raise ValueError("neither a sample submission nor a test table says which rows to answer")
    path = root / spec.tables.test.path
    return _load(
        path, spec.tables.test, spec.ids.columns, spec.answers.targets, path.stat().st_mtime_ns
    )


@lru_cache(maxsize=24)
def _load(
    path: Path,
    table: TableFile,
    id_columns: tuple[str, ...],
    targets: tuple[str, ...] | None,
    _stamp: int,
) -> Sample:
    """targets: None for a sample submission; for a test table, the columns that the sample would
    have had.
    """
    frame = read_table(path, table.format, table.delimiter, table.encoding, table.member)
    frame = frame.astype(str)
    if targets is not None:
        if set(id_columns) <= set(frame.columns):
            ids = text_ids(frame, id_columns)
        else:
            ids = np.repeat(text_ids(frame, ()), len(id_columns), axis=1)
        frame = pd.DataFrame(ids, columns=list(id_columns))
        frame = frame.assign(**dict.fromkeys(targets, ""))
    ids = text_ids(frame, id_columns)
    keys = pd.Index(_keys(ids, repeated=False))
    repeated = not keys.is_unique
    if repeated:
        keys = pd.Index(_keys(ids, repeated=True))
    return Sample(
        frame,
        ids,
        keys,
        _number_keys(ids, repeated),
        repeated,
        table.delimiter,
        table.encoding,
        path.stat().st_size,
    )


def text_ids(frame: pd.DataFrame, id_columns: Sequence[str]) -> Array:
    """Text [rows, id columns]; without id columns the row number is the id."""
    if not id_columns:
        return np.arange(len(frame)).astype(str)[:, None]
    return np.asarray(frame[list(id_columns)].to_numpy(dtype=object).astype(str))


def _number_keys(ids: Array, repeated: bool) -> pd.Index | None:
    """Keys by value; None unless every id is a whole number and no two are the same by value."""
    if not all(map(WHOLE_NUMBER.match, ids.ravel())):
        return None
    keys = pd.Index(_keys(_as_numbers(ids), repeated))
    if not keys.is_unique:
        return None
    return keys


def _as_numbers(ids: Array) -> Array:
    cells = [WHOLE_NUMBER.sub(r"\1\2", cell) for cell in ids.ravel().tolist()]
    return np.array(cells, dtype=str).reshape(ids.shape)


def _keys(ids: Array, repeated: bool) -> Array:
    """One text per row; with `repeated`, the n-th row of the same id is another key than the first."""
    keys = ids[:, 0].astype(object)
    for column in range(1, ids.shape[1]):
        keys = keys + _SEPARATOR + ids[:, column].astype(object)
    if repeated:
        order = pd.Series(keys).groupby(keys).cumcount().astype(str).to_numpy(dtype=object)
        keys = keys + _SEPARATOR + order
    return np.asarray(keys)
