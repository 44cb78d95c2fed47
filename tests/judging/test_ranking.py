"""Rank metrics equal scikit-learn's, and a blend is the same whichever of the two it was chosen by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from core.judging import metrics
from core.judging.compare import HeldTruth
from core.judging.greedy import RowBlock, pick
from core.judging.metrics import score
from core.judging.ranking import Ranking, auc, average_precision
from core.judging.statistic import Array
from tests.judging.cases import metric

OURS = {"roc_auc": auc, "average_precision": average_precision}
THEIRS = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}


def by_scikit_learn(name: str, truth: Array, pred: Array) -> float:
    columns = [column for column in range(truth.shape[1]) if len(np.unique(truth[:, column])) == 2]
    return float(np.mean([THEIRS[name](truth[:, column], pred[:, column]) for column in columns]))


def drawn(seed: int, ties: bool, columns: int = 1) -> tuple[Array, Array]:
    """Truth and predictions of some worth; ties: on a dozen different values."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 400))
    truth = (rng.random((rows, columns)) < rng.uniform(0.02, 0.98)).astype(float)
    truth[0], truth[1] = 0.0, 1.0
    pred = truth + rng.normal(size=truth.shape) * rng.uniform(0.1, 5.0)
    return truth, pred.round(0 if ties else 17)


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_values_are_those_of_scikit_learn(name: str, ties: bool, seed: int) -> None:
    for columns in (1, 3):
        truth, pred = drawn(seed, ties, columns)
        assert OURS[name](truth, pred) == pytest.approx(
            by_scikit_learn(name, truth, pred), rel=0, abs=1e-12
        )
        assert score(metric(name), truth, pred) == OURS[name](truth, pred)


@pytest.mark.parametrize("name", sorted(OURS))
def test_one_value_for_all_rows_is_no_ranking(name: str) -> None:
    truth = np.array([[0.0], [1.0], [0.0], [0.0]])
    assert (
        OURS[name](truth, np.full((4, 1), 0.3)) == {"roc_auc": 0.5, "average_precision": 0.25}[name]
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_without_both_classes_there_is_no_value(name: str) -> None:
    for value in (0.0, 1.0):
        assert math.isnan(
            OURS[name](np.full((5, 2), value), np.random.default_rng(0).random((5, 2)))
        )


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_blends_are_those_that_scikit_learn_would_choose(
    name: str, ties: bool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(100 + seed)
    blocks = []
    for _ in range(2):
        truth = (rng.random((150, 1)) < 0.3).astype(float)
        stack = [truth + rng.normal(size=truth.shape) * (1 + number) for number in range(6)]
        blocks.append(
            RowBlock(
                HeldTruth(truth),
                tuple(values.round(0 if ties else 17) for values in (*stack, stack[0])),
            )
        )
    weights = pick(metric(name), blocks, "rank")
    theirs = {
        each: Ranking(lambda truth, pred, name=each: by_scikit_learn(name, truth, pred))
        for each in OURS
    }
    monkeypatch.setattr(metrics, "RANKINGS", theirs)
    np.testing.assert_array_equal(weights, pick(metric(name), blocks, "rank"))
    assert 2 <= np.count_nonzero(weights)
    assert np.ptp(weights) > 0
