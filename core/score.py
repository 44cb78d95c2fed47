"""A score with its direction: `>` always means better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

Direction = Literal["maximize", "minimize"]


@total_ordering
@dataclass(frozen=True, slots=True)
class Score:
    """A metric value that knows which way is better.

    `None` and non-finite values are unscored; an unscored Score sorts below every scored one.
    """

    value: float | None
    direction: Direction

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            object.__setattr__(self, "value", None)

    @property
    def scored(self) -> bool:
        return self.value is not None

    @property
    def utility(self) -> float:
        """The value turned so that larger is better; minus infinity when unscored."""
        if self.value is None:
            return -math.inf
        return self.value if self.direction == "maximize" else -self.value

    def gain_over(self, other: Score) -> float:
        """How much better than `other`, in units of the metric; 0 when either is unscored."""
        if self.value is None or other.value is None:
            return 0.0
        return self.utility - other.utility

    def __lt__(self, other: Score) -> bool:
        return self.utility < other.utility

    def __str__(self) -> str:
        if self.value is None:
            return "unscored"
        return f"{self.value:.5f}"


def unscored(direction: Direction) -> Score:
    return Score(None, direction)
