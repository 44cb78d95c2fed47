"""What keeps an answer of a held-out row from being read out of reports.

A report goes to authors only, never into the box, and authors write programs: so one could be written
whose predictions ask questions of chosen rows, with the answers in its report. What stands against it:
- A group has LEAST_ROWS rows or it is not told of; bands of answers, predictions and columns have
  more, their limits are rounded, and groups by a column of groups have no names.
- No row counts more than the LEAST_ROWS-th largest of all, so that no prediction of fewer rows stands
  out, however wild.
- A report rests on four rows of five, drawn by the names of the predictions, which no author chooses:
  two reports never rest on the same rows, and their difference tells nothing of a single one.
- Fewer than LEAST_FOR_TABLES rows have no tables. Figures have three digits.
What remains: aggregates over LEAST_ROWS rows or more of held-out answers, as the score itself is one
over all of them; and only programs that became parents by that score have a report.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from core.judging.statistic import Array

LEAST_ROWS = 20
# So that the rows that are clipped are one of twenty at most.
LEAST_FOR_TABLES = 20 * LEAST_ROWS
MOST_ROWS = 50_000
DIGITS = 3
_KEPT = 0.8


def drawn(names: Sequence[str], rows: int) -> Array:
    """Which rows a report on these predictions rests on: their numbers, in order."""
    key = hashlib.sha256("\n".join(names).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(key[:8], "big"))
    kept = min(math.ceil(_KEPT * rows), MOST_ROWS)
    return np.sort(rng.permutation(rows)[:kept])


def clipped(values: Array, both: bool = False) -> Array:
    """values: [rows, columns], at most the LEAST_ROWS-th largest of each column; with `both`, at
    least its LEAST_ROWS-th smallest. As they are where there are too few rows for that.
    """
    if len(values) < LEAST_FOR_TABLES:
        return values
    ordered = np.sort(values, axis=0)
    low = np.full(values.shape[1], -np.inf)
    if both:
        low = ordered[LEAST_ROWS - 1]
    return np.asarray(np.clip(values, low, ordered[-LEAST_ROWS]))


def rounded(value: float, digits: int = DIGITS) -> float:
    """To so many significant digits; what is no number stays."""
    if not math.isfinite(value) or value == 0:
        return value
    return float(f"{value:.{digits}g}")
