"""Ranks equal those of scipy, ties, infinities and empty arrays included."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.stats import rankdata

from core.judging.ranks import ranked


@pytest.mark.parametrize("method", ["average", "max"])
@pytest.mark.parametrize("axis", [0, 1])
def test_ranks_are_those_of_scipy(method: Literal["average", "max"], axis: Literal[0, 1]) -> None:
    values = np.random.default_rng(0).integers(0, 4, (9, 5)).astype(float)
    values[0, :2] = np.inf, -np.inf
    np.testing.assert_array_equal(
        ranked(values, method, axis), rankdata(values, method=method, axis=axis)
    )
    np.testing.assert_array_equal(
        ranked(values[:, 0], method), rankdata(values[:, 0], method=method)
    )


def test_nothing_has_no_ranks() -> None:
    assert ranked(np.zeros(0)).shape == (0,)
    assert ranked(np.zeros((0, 3))).shape == (0, 3)
