"""Ranks by pandas, which is there anyway: scipy.stats takes half a second to import. Runs in a
worker process.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from core.judging.statistic import Array


def ranked(
    values: Array, method: Literal["average", "max"] = "average", axis: Literal[0, 1] = 0
) -> Array:
    """Ranks from 1 along one axis of one- or two-dimensional numbers without NaN; equal numbers
    share a rank.
    """
    table = pd.DataFrame(values).rank(axis=axis, method=method)
    return np.asarray(table, dtype=float).reshape(np.shape(values))
