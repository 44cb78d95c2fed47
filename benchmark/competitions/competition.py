"""What one competition of the pack consists of: where its data come from, how it is cut and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from core.metric_names import BY_NAME, MetricName

CompetitionKind = Literal["rows", "text", "images"]

_DESCRIPTIONS = Path(__file__).resolve().parent / "descriptions"


@dataclass(frozen=True, slots=True)
class Competition:
    """A table of rows with answers that is cut into a public and a private part."""

    # Unique in the pack.
    name: str
    # What it is about, in a line.
    about: str
    # Where the data come from.
    source: str
    # Of train and test together.
    rows: int
    # A key of core.metric_names.BY_NAME.
    metric: str
    # Takes a folder for what it fetches and gives the whole table, the target included, without ids.
    # Raises ImportError or NotRunError when the data are not to be had.
    load: Callable[[Path], pd.DataFrame]
    # Column of the answers.
    target: str
    # Value of the sample submission.
    dummy: float
    # Which reference models are fitted; for images the column `image` holds arrays, uint8
    # [height, width], that become files.
    kind: CompetitionKind = "rows"
    # Column that names a row.
    id_column: str = "id"
    # The test part is the last one by it, and rows keep that order; None: rows are shuffled.
    time_column: str | None = None
    # Rows that are kept at most.
    limit: int | None = None
    # Of the rows.
    test_share: float = 0.3
    # Of the cut into train and test.
    seed: int = 20240229

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.about} ({self.source})"

    def facts(self) -> dict[str, str | int]:
        """For other programs, as JSON values."""
        return {
            "name": self.name,
            "about": self.about,
            "source": self.source,
            "rows": self.rows,
            "metric": self.metric,
            "direction": self.scored_by.direction,
            "kind": self.kind,
            "target": self.target,
        }

    @property
    def scored_by(self) -> MetricName:
        return BY_NAME[self.metric]

    @property
    def description(self) -> str:
        """Text of description.md."""
        return (_DESCRIPTIONS / f"{self.name}.md").read_text(encoding="utf-8")


IMAGE = "image"
