"""What the recogniser has seen of a folder, handed to the rules that make a label table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from core.records import PixelRows, TableFile
from core.task.folder.inventory import FoundFile
from core.task.recognise.columns import AskedColumns, Labels
from core.task.recognise.roles import Roles


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """sample: cells as text; None without a sample submission. description: text of the
    competition.
    """

    root: Path
    files: tuple[FoundFile, ...]
    roles: Roles
    asked: AskedColumns
    sample: pd.DataFrame | None
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class DerivedLabels:
    """A train table that was made of labels which lie elsewhere; one row per item or per row of the
    sample.

    how: the rule and its reason, for the notes. frame: id columns as in the sample, the target
    columns (or one class column), and columns that say more of a row. sources: files that hold
    answers of any row, relative paths. test: the same columns for the rows of the sample, without
    answers, where there is no test table, or (`items`) one with a row per item where the sample has
    several. group, time: a column of the frame by which rows must be split, where the rule knows
    one. pixels: the frame names images that are the answers, and `answers` shows some of their
    values.
    """

    how: str
    frame: pd.DataFrame
    sources: tuple[str, ...] = ()
    test: pd.DataFrame | None = None
    group: str | None = None
    time: str | None = None
    pixels: PixelRows | None = None
    answers: pd.DataFrame | None = None
    items: TableFile | None = None


class Rule(Protocol):
    """One adaptor of labels. None where the folder is not of its shape."""

    def __call__(self, seen: Evidence) -> DerivedLabels | None: ...


class LateRule(Protocol):
    """The same where a table holds the labels, but perhaps not one row per item."""

    def __call__(self, seen: Evidence, labels: Labels) -> DerivedLabels | None: ...


def first(rules: Sequence[Rule], seen: Evidence) -> DerivedLabels | None:
    """What the first rule that fits makes of it."""
    for rule in rules:
        derived = rule(seen)
        if derived is not None and len(derived.frame):
            return derived
    return None
