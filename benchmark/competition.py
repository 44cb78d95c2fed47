"""What one competition of the pack consists of: where its data come from, how it is described and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

MetricFunction = Callable[[pd.DataFrame, pd.DataFrame], float]


@dataclass(frozen=True, slots=True)
class Competition:
    """A table of rows with answers that is cut into a public and a private part.

    load: the whole table, target columns included, without ids; raises ImportError when its package is not installed.
    id_column: made up at prepare time. test_share: rows that become the test table. dummy: value of the sample
    submission. metric_function: takes answers and prediction, both the target columns in the same row order.
    references: predictions of the target columns by name, from (public train, test features, seed).
    description: text of description.md.
    """

    name: str
    summary: str
    metric: str
    direction: Literal["maximize", "minimize"]
    load: Callable[[], pd.DataFrame]
    id_column: str
    target_columns: tuple[str, ...]
    dummy: float | str
    metric_function: MetricFunction
    references: dict[str, Callable[[pd.DataFrame, pd.DataFrame, int], np.ndarray]]
    description: str
    test_share: float = 0.3
    seed: int = 20240229
