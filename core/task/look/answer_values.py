"""The answers as numbers whose means can be told: themselves, or one class of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.folder.cells import Floats, numbers
from utils.text import exact
from utils.untrusted import one_line

_ENOUGH = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class AnswerValues:
    """values: one per row, NaN where there is none. what: of which mean is told, in words."""

    values: Floats
    what: str

    def of(self, places: np.ndarray) -> AnswerValues:
        """Those of some rows."""
        return AnswerValues(self.values[places], self.what)


def answer_values(spec: CompetitionSpec, frame: pd.DataFrame) -> AnswerValues | None:
    """Of the first label column; None where its answers are neither numbers nor two classes."""
    name = spec.answers.labels[0] if spec.answers.labels else ""
    if name not in frame.columns or spec.files.pixels is not None:
        return None
    column, classes = frame[name], spec.answers.classes
    several = f" `{one_line(name, 30)}`" if len(spec.answers.labels) > 1 else ""
    if spec.value_kind in ("label", "probability") and len(classes) == 2:
        second = spec.answers.positive or classes[1]
        hit = (column == second).to_numpy(dtype=float)
        hit[(column == "").to_numpy()] = np.nan
        return AnswerValues(hit, f"share of {one_line(second, 20)}{several}")
    if spec.value_kind not in ("real", "probability") or spec.answers.one_hot:
        return None
    values = numbers(column).to_numpy(dtype=float)
    if not len(values) or np.isfinite(values).mean() < _ENOUGH:
        return None
    return AnswerValues(values, f"mean answer{several}")


def row_of_numbers(values: Floats) -> str:
    """Numbers beside each other with as many digits as their spread asks for; "-" for none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    spread = float(np.ptp(known)) or abs(float(known[0])) or 1.0
    digits = int(np.clip(2 - np.floor(np.log10(spread)), 0, 6))
    largest = float(np.abs(known).max())
    scale, unit = 1.0, ""
    if largest >= 1e5:
        scale = 10.0 ** int(np.floor(np.log10(largest)) - 3)
        unit = f" (times {exact(scale)})"
        digits = int(np.clip(2 - np.floor(np.log10(spread / scale)), 0, 3))
    shown = " ".join(f"{value / scale:.{digits}f}" for value in values)
    return shown.replace("nan", "-") + unit
