"""Which rows a table is about whose ids are only parts of its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.task.folder.cells import text_of
from core.task.views.id_mentions import Mentions

Integers = npt.NDArray[np.int64]

# Columns are chosen by this many of their cells at most, and a table by this many.
_LOOKED_AT, _CELLS = 50_000, 4_000_000
_MAX_CELLS = 1_000_000
# Numbers in text are ids when they are mostly ids, when they cover a good part of them, and where
# cells are alike; words where most cells have one.
_ARE_IDS, _COVERED, _ALIKE = 0.5, 0.5, 0.1
_FEW_SHAPES, _SHAPED = 5, 2_000
_PER_ROW = 5
_FEW_NAMES = 3
_NO_TEXT = re.compile(
    r"\s*(?:[-+]?[\d.,]+(?:[eE][-+]?\d+)?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\d{1,2}:\d{2}.*)?\s*"
)
_BETWEEN_WORDS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Records of a table and the rows that they are about, in parallel, by record; a record may
    have several.
    """

    record: Integers
    row: Integers

    @property
    def any(self) -> bool:
        return len(self.record) > 0


@dataclass(frozen=True, slots=True, eq=False)
class RecordMarks:
    """Marks of rows of train, and of the sample. share: of the records that are about a row of
    train.
    """

    train: Marks
    official: Marks
    share: float


def marks_at(rows: Integers) -> Marks:
    """Marks of one row per record; -1 stands for none."""
    return Marks(np.flatnonzero(rows >= 0), rows[rows >= 0])


def rows_mentioned(mentions: Mentions, frame: pd.DataFrame) -> RecordMarks | str | None:
    """None when no row of train is mentioned; why the table cannot be cut by row, where it cannot."""
    if not mentions.wordy and _in_names(mentions, [str(name) for name in frame.columns]):
        return "train ids in its column names"
    most = max(200, min(_LOOKED_AT, _CELLS // max(frame.shape[1], 1)))
    found: list[pd.DataFrame] = []
    for spot in range(frame.shape[1]):
        column = frame.iloc[:, spot]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            continue
        sure, numbers = _looked_at(mentions, column, most)
        if not sure and not numbers:
            continue
        marks = _marks_in(mentions, text_of(column), numbers)
        if marks is None:
            return "train ids in too many cells"
        found.append(marks)
    return _mentioned(mentions, pd.concat(found).drop_duplicates(), len(frame)) if found else None


def _mentioned(mentions: Mentions, marks: pd.DataFrame, records: int) -> RecordMarks | str | None:
    record, row = marks["record"].to_numpy(), marks["row"].to_numpy()
    ours = row < mentions.train
    about = len(np.unique(record[ours]))
    if not about:
        return None
    if ours.sum() > _PER_ROW * about:
        return "train ids in lists"
    order = np.argsort(record[ours], kind="stable")
    train = Marks(record[ours][order], row[ours][order])
    return RecordMarks(train, Marks(record[~ours], row[~ours] - mentions.train), about / records)


def _in_names(mentions: Mentions, names: list[str]) -> bool:
    """Columns are named by ids. Numbers that count columns are no ids, unless there are exactly as
    many of them.
    """
    found = mentions.of_train(chain.from_iterable(map(mentions.found, names)))
    if len(found) >= max(1, min(_FEW_NAMES, mentions.train)):
        return True
    numbers = set(filter(str.isdecimal, names))
    if not mentions.numeric or len(numbers) < _FEW_NAMES:
        return False
    counts_columns = max(map(int, numbers)) <= len(numbers)
    if counts_columns and len(numbers) not in (mentions.train, mentions.train + mentions.official):
        return False
    rows, _ = mentions.numbers(" ".join(numbers))
    return len(mentions.of_train(rows)) >= _COVERED * mentions.train


def _looked_at(mentions: Mentions, column: pd.Series, most: int) -> tuple[bool, bool]:
    """Whether the column mentions rows of train, and whether its numbers are ids of theirs."""
    picked, expected = column, mentions.train
    if len(column) > most:
        picked, expected = column.sample(most, random_state=0), min(mentions.train, most // 2)
    cells = [cell for cell in text_of(picked).unique() if not _NO_TEXT.fullmatch(cell)]
    if not cells:
        return False, False
    text = "\n".join(cells)
    ours = len(mentions.of_train(mentions.found(text)))
    if mentions.wordy:
        about = sum(bool(mentions.found(cell)) for cell in cells)
        return about >= _ARE_IDS * len(cells) and ours >= max(1, _COVERED * expected), False
    sure = ours > 0
    if not mentions.numeric or not _alike(cells):
        return sure, False
    found, numbers = mentions.numbers(text)
    ours = len(mentions.of_train(found))
    return sure, len(found) >= _ARE_IDS * numbers and ours >= max(1, _COVERED * expected)


def _alike(cells: list[str]) -> bool:
    """The words beside the numbers are nearly always the same ones."""
    looked = cells[:_SHAPED]
    shapes = {_BETWEEN_WORDS.sub("#", cell) for cell in looked}
    return len(shapes) <= max(_FEW_SHAPES, _ALIKE * len(looked))


def _marks_in(mentions: Mentions, cells: pd.Series, numbers: bool) -> pd.DataFrame | None:
    """Columns `record` and `row`; None when there are too many different cells."""
    codes, distinct = pd.factorize(cells)
    if len(distinct) > _MAX_CELLS:
        return None
    pairs: list[tuple[int, int]] = []
    for code, cell in enumerate(distinct):
        for row in mentions.found(cell, numbers):
            pairs.append((code, row))
    rows = pd.DataFrame(pairs, columns=["code", "row"], dtype=np.int64)
    records = pd.DataFrame({"record": np.arange(len(codes)), "code": codes})
    return records.merge(rows, on="code")[["record", "row"]]
