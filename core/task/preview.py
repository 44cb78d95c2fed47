"""What a first look into a competition folder shows, as records: made once per run by
core.task.look.collect.

Every text is cut and holds one line, but it comes from the data: whoever shows it must fence it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ColumnKind = Literal[
    "number", "integer", "category", "text", "date", "identifier", "constant", "empty"
]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column, or a run of `count` like ones (name says from where to where). missing: share of
    empty cells, of rows that were read. summary: range, commonest values or lengths. drift: how the
    test table differs, "" where it does not or where nothing is known. low, high: of its numbers.
    """

    name: str
    kind: ColumnKind
    summary: str
    missing: float = 0.0
    distinct: int = 0
    count: int = 1
    drift: str = ""
    low: float | None = None
    high: float | None = None


# Lines of a kind so few among many others are shown before these.
_SCARCE = 12


def rank_of(facts: ColumnFacts, kinds: Mapping[ColumnKind, int]) -> int:
    """Which lines stay where not all have room, the lowest first: what differs in test, texts and
    dates, kinds of which there are few, runs, single columns, what does not vary. kinds: lines of
    each kind.
    """
    if facts.drift:
        return 0
    if facts.kind in ("constant", "empty"):
        return 4
    if facts.kind in ("text", "date"):
        return 1
    if kinds[facts.kind] <= _SCARCE and sum(kinds.values()) > 4 * _SCARCE:
        return 1
    return 2 if facts.count > 1 else 3


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The train table. layout: path, format and size. rows: in the file.

    columns: at most core.task.look.table.MAX_LINES of them; more: number and names of the others,
    by kind, "" when none. only_train: feature-like columns that the test table lacks. examples: a
    few rows as `column=value`.
    """

    layout: str
    rows: int
    columns: tuple[ColumnFacts, ...]
    more: str
    only_train: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """tree: folders and files with numbers and sizes. target: distribution of the answers. sample:
    first lines of the sample submission. others: further tables. media: facts from the headers of
    images or sounds, lengths of texts. text_words: words of a long text in the train table's text
    columns (95 % quantile), 0 without any. series: how rows follow each other in time. groups: how
    they belong together. texts: lengths and languages of text columns.
    """

    tree: tuple[str, ...]
    train: TableFacts | None
    target: tuple[str, ...]
    sample: tuple[str, ...]
    others: tuple[str, ...]
    media: tuple[str, ...]
    text_words: int = 0
    series: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
