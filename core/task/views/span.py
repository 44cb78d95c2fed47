"""What a view holds out, in words: the span of time or the groups, and the rows."""

from __future__ import annotations

import pandas as pd

from core.records import SplitSpec
from core.task.folder.cells import text_of
from core.task.folder.times import Times
from core.task.views.source import Source
from core.task.views.splits import Part
from utils.untrusted import one_line


def held_span(source: Source, split: SplitSpec, part: Part, rows: int) -> str:
    """Of the train rows that score the search. rows: how many rows of a submission they are. "" for
    none.
    """
    if not rows:
        return ""
    column = split.time_column or split.group_column
    if column is None or column not in source.train.columns:
        return _words(split, pd.Series([], dtype=object), rows)
    words = _words(split, text_of(source.train[column])[part.holdout], rows)
    if split.locked_blocks and part.locked.any():
        share = part.holdout.sum() / part.held.sum()
        words += f", {100 * share:.0f} % of those in this span"
    return words


def asked_span(source: Source, split: SplitSpec) -> str:
    """The same of the rows that the competition asks for."""
    column = split.time_column or split.group_column
    cells = pd.Series([], dtype=object)
    if column is not None and source.test is not None and column in source.test.columns:
        cells = text_of(source.test[column])
    return _words(split, cells, len(source.sample))


def _words(split: SplitSpec, cells: pd.Series, rows: int) -> str:
    filled, counted = cells[cells != ""], f"{rows:,} rows"
    if not len(filled):
        return counted
    if split.kind == "group":
        # Rows without a group are one of their own.
        return f"{cells.nunique():,} groups of {one_line(split.group_column or '', 40)}, {counted}"
    times = Times.of(filled)
    if times.dates:
        return f"{times.span()} ({times.length()}), {counted}"
    return f"{one_line(split.time_column or '', 40)} {times.span()}, {counted}"
