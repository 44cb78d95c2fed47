"""What the recogniser found in a folder, handed to the rules that make a label table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from core.records import PixelRows, TableFile
from core.task.folder.inventory import FoundFile
from core.task.recognise.label_columns import Labels
from core.task.recognise.roles import Roles
from core.task.recognise.submission_columns import SubmissionColumns


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a rule may look at."""

    root: Path
    files: tuple[FoundFile, ...]
    roles: Roles
    submission: SubmissionColumns
    # Cells as text; None without a sample submission.
    sample: pd.DataFrame | None
    # The text of the competition.
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """A train table that was made of labels which lie elsewhere; one row per item or per row of the
    sample.
    """

    # The rule and its reason, for the notes.
    how: str
    # Id columns as in the sample, the target columns (or one class column), and columns that say
    # more of a row.
    frame: pd.DataFrame
    # Files that hold answers of any row, relative paths.
    sources: tuple[str, ...] = ()
    # The same columns for the rows of the sample, without answers, where there is no test table, or
    # (`items`) one with a row per item where the sample has several.
    test: pd.DataFrame | None = None
    # A column of the frame by which rows must be split, where the rule knows one.
    group: str | None = None
    time: str | None = None
    # The frame names images that are the answers.
    pixels: PixelRows | None = None
    # Some of the values of these images.
    answers: pd.DataFrame | None = None
    items: TableFile | None = None


class Rule(Protocol):
    """One adaptor of labels. None where the folder is not of its shape."""

    def __call__(self, evidence: Evidence) -> LabelTable | None: ...


class LateRule(Protocol):
    """The same where a table holds the labels, but perhaps not one row per item."""

    def __call__(self, evidence: Evidence, labels: Labels) -> LabelTable | None: ...


def first(rules: Sequence[Rule], evidence: Evidence) -> LabelTable | None:
    """What the first rule that fits makes of it."""
    for rule in rules:
        table = rule(evidence)
        if table is not None and len(table.frame):
            return table
    return None
