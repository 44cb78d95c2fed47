"""What one competition of the pack consists of: where its data come from, how it is cut and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from core.metric_names import BY_NAME, MetricName

Kind = Literal["rows", "text", "images"]

_DESCRIPTIONS = Path(__file__).resolve().parent / "descriptions"


@dataclass(frozen=True, slots=True)
class Competition:
    """A table of rows with answers that is cut into a public and a private part.

    metric: a key of core.metric_names.BY_NAME. load: takes a folder for what it fetches and gives
    the whole table, the target included, without ids; raises ImportError or NotRunError when the
    data are not to be had. dummy: value of the sample submission. kind: which reference models are
    fitted, and for images that the column `image` holds arrays, uint8 [height, width], that become
    files. time_column: the test part is the last one by it, and rows keep that order; else rows are
    shuffled. limit: rows that are kept at most. test_share: rows of the test part.
    """

    name: str
    summary: str
    metric: str
    load: Callable[[Path], pd.DataFrame]
    target: str
    dummy: float
    kind: Kind = "rows"
    id_column: str = "id"
    time_column: str | None = None
    limit: int | None = None
    test_share: float = 0.3
    seed: int = 20240229

    @property
    def scored_by(self) -> MetricName:
        return BY_NAME[self.metric]

    @property
    def description(self) -> str:
        """Text of description.md."""
        return (_DESCRIPTIONS / f"{self.name}.md").read_text(encoding="utf-8")


IMAGE = "image"
