"""Reference values of metrics of relative errors, quantiles, agreement, short lists and chances: by
hand from their definitions, and by scikit-learn.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    brier_score_loss,
    cohen_kappa_score,
    mean_pinball_loss,
    ndcg_score,
    roc_auc_score,
)

from core.judging.compare import HeldTruth, standard_error
from core.judging.metrics import score
from core.judging.weighing import Weighing
from tests.judging.cases import metric

RNG = np.random.default_rng(18)


def column(*values: object) -> np.ndarray:
    return np.array(values)[:, None]


def cells(*texts: str) -> np.ndarray:
    return np.array(texts, dtype=object)[:, None]


# ---------------------------------------------------------------- numbers


def test_smape_is_a_share_and_0_where_both_are_0() -> None:
    truth, pred = column(100.0, 0.0, 0.0, -1.0), column(110.0, 0.0, 3.0, 1.0)
    assert score(metric("smape"), truth, pred) == pytest.approx((20 / 210 + 0 + 2 + 2) / 4)


def test_rmspe_leaves_out_a_truth_of_0() -> None:
    truth, pred = column(10.0, 0.0, 4.0), column(11.0, 9.0, 3.0)
    assert score(metric("rmspe"), truth, pred) == pytest.approx(math.sqrt((0.01 + 0.0625) / 2))
    assert math.isnan(score(metric("rmspe"), column(0.0), column(1.0)))


def test_pinball_as_scikit_learn_defines_it_with_a_quantile_per_column() -> None:
    truth, pred = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
    levels = (0.1, 0.5, 0.9)
    by_column = [
        mean_pinball_loss(truth[:, c], pred[:, c], alpha=level) for c, level in enumerate(levels)
    ]
    known = replace(metric("pinball"), parameters=levels)
    assert score(known, truth, pred) == pytest.approx(np.mean(by_column))
    one = replace(metric("pinball"), parameters=(0.9,))
    assert score(one, truth[:, [2]], pred[:, [2]]) == pytest.approx(by_column[2])
    # Without one, the median.
    assert score(metric("pinball"), column(1.0, 2.0), column(2.0, 5.0)) == pytest.approx(1.0)


def test_mase_is_the_absolute_error_over_the_scale_of_its_column() -> None:
    """Naive steps of 1, 3, 2: what is 2 off on average has 1."""
    truth, pred = column(5.0, 6.0), column(8.0, 5.0)
    assert score(replace(metric("mase"), parameters=(2.0,)), truth, pred) == pytest.approx(1.0)
    both = replace(metric("mase"), parameters=(2.0, 4.0))
    assert score(both, np.hstack([truth, truth]), np.hstack([pred, pred])) == pytest.approx(0.75)


def test_log_cosh_by_hand_and_of_large_errors() -> None:
    expected = (math.log(math.cosh(1.0)) + math.log(math.cosh(-2.5))) / 2
    assert score(metric("log_cosh"), column(1.0, 2.0), column(2.0, -0.5)) == pytest.approx(expected)
    assert score(metric("log_cosh"), column(0.0), column(1e4)) == pytest.approx(1e4 - math.log(2))


def kaggle_gini(actual: np.ndarray, pred: np.ndarray) -> float:
    """As the competitions wrote it: the sum over rows, best predictions first, of what is found so
    far.
    """
    order = np.lexsort((np.arange(len(actual)), -pred))
    found = np.cumsum(actual[order]) / actual.sum()
    return float((found.sum() - (len(actual) + 1) / 2) / len(actual))


def test_normalized_gini_is_that_of_kaggle() -> None:
    truth, pred = RNG.gamma(2.0, 2.0, 80), RNG.normal(size=80)
    pred += truth / 4
    expected = kaggle_gini(truth, pred) / kaggle_gini(truth, truth)
    assert score(metric("normalized_gini"), column(*truth), column(*pred)) == pytest.approx(
        expected
    )


def test_normalized_gini_of_two_classes_is_twice_the_auc_minus_1_also_with_ties() -> None:
    truth = (RNG.random(200) < 0.2).astype(float)
    pred = (RNG.normal(size=200) + truth).round(1)
    found = score(metric("normalized_gini", kind="probability"), column(*truth), column(*pred))
    assert found == pytest.approx(2 * roc_auc_score(truth, pred) - 1)
    assert score(metric("normalized_gini"), column(*truth), np.ones((200, 1))) == pytest.approx(0.0)
    assert math.isnan(score(metric("normalized_gini"), np.ones((5, 1)), column(*range(5))))


# ---------------------------------------------------------------- agreement


@pytest.mark.parametrize(
    ("name", "weights"), [("cohen_kappa", None), ("linear_weighted_kappa", "linear")]
)
def test_kappas_as_scikit_learn_defines_them(name: str, weights: str | None) -> None:
    truth, pred = (RNG.integers(0, 5, (300, 2)).astype(float) for _ in range(2))
    pred[:150] = truth[:150]
    by_column = [cohen_kappa_score(truth[:, c], pred[:, c], weights=weights) for c in (0, 1)]
    assert score(metric(name), truth[:, :1], pred[:, :1]) == pytest.approx(by_column[0])
    assert score(metric(name), truth, pred) == pytest.approx(np.mean(by_column))


def test_kappas_by_hand() -> None:
    """Half agrees, half would by chance. Distances: 1 on average, by chance (0 + 3 + 3 + 0) / 4."""
    truth, pred = column("a", "a", "b", "b"), column("a", "b", "b", "a")
    assert score(metric("cohen_kappa"), truth, pred) == pytest.approx(0.0)
    values, said = column(0.0, 0.0, 3.0, 3.0), column(0.0, 1.0, 3.0, 0.0)
    chance = np.abs(values - said.T).mean()
    assert score(metric("linear_weighted_kappa"), values, said) == pytest.approx(1 - 1.0 / chance)
    assert score(metric("cohen_kappa"), column("a", "a"), column("a", "a")) == 1.0


# ---------------------------------------------------------------- short lists


def test_ndcg_by_hand_and_as_scikit_learn_defines_it() -> None:
    truth, pred = cells("a b", "a", "a"), cells("x a y b", "x y z", "a a")
    first = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert score(metric("ndcg@3"), truth, pred) == pytest.approx((first + 0 + 1) / 3)
    names = list("abcdefgh")
    for _ in range(20):
        wanted = set(RNG.choice(names, RNG.integers(1, 6), replace=False))
        order = list(RNG.permutation(names))
        gains = [[float(name in wanted) for name in names]]
        places = [[-float(order.index(name)) for name in names]]
        found = score(metric("ndcg@4"), cells(" ".join(sorted(wanted))), cells(" ".join(order)))
        assert found == pytest.approx(ndcg_score(gains, places, k=4))


def test_reciprocal_ranks_by_hand() -> None:
    truth, pred = cells("a b", "a", "c", "d"), cells("x b a", "a x", "x y", "x x d")
    assert score(metric("mrr"), truth, pred) == pytest.approx((1 / 2 + 1 + 0 + 1 / 3) / 4)
    assert score(metric("mrr@2"), truth, pred) == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)


# ---------------------------------------------------------------- chances


def test_brier_as_scikit_learn_defines_it() -> None:
    truth, pred = RNG.integers(0, 2, 60), RNG.random(60)
    expected = brier_score_loss(truth, pred)
    assert score(metric("brier"), column(*truth.astype(float)), column(*pred)) == pytest.approx(
        expected
    )


def test_brier_of_classes_adds_up_the_errors_of_a_row() -> None:
    truth, pred = np.eye(3)[[0, 2]], np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    expected = (0.09 + 0.04 + 0.01 + 0.09 + 0.09 + 0.36) / 2
    assert score(metric("brier", one_hot=True), truth, pred) == pytest.approx(expected)
    assert score(metric("brier", exclusive=True), truth, pred) == pytest.approx(expected)
    assert score(metric("brier"), truth, pred) == pytest.approx(expected / 3)


# ---------------------------------------------------------------- how sure, and weighed


@pytest.mark.parametrize("name", ["smape", "mase", "log_cosh", "pinball"])
def test_errors_of_means_are_the_textbook_ones(name: str) -> None:
    truth = RNG.gamma(2.0, 2.0, (300, 1))
    pred = truth + RNG.normal(size=truth.shape)
    rows = np.array([score(metric(name), truth[[i]], pred[[i]]) for i in range(len(truth))])
    found = standard_error(metric(name), HeldTruth(truth), pred)
    assert found == pytest.approx(rows.std() / math.sqrt(len(rows)))


@pytest.mark.parametrize("name", ["rmspe", "brier", "cohen_kappa", "linear_weighted_kappa"])
def test_a_row_that_weighs_twice_is_a_row_that_stands_twice(name: str) -> None:
    truth = RNG.integers(0, 2, (60, 1)).astype(float)
    pred = np.where(RNG.random(truth.shape) < 0.7, truth, 1 - truth)
    weights = RNG.integers(1, 4, 60)
    repeated = np.repeat(np.arange(60), weights)
    found = score(metric(name), truth, pred, Weighing(weights.astype(float)))
    assert found == pytest.approx(score(metric(name), truth[repeated], pred[repeated]))


def test_errors_of_the_gini_are_the_spread_over_repeated_samples() -> None:
    values, errors = [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        truth = rng.gamma(2.0, 2.0, (300, 1))
        pred = truth + rng.normal(size=truth.shape)
        values.append(score(metric("normalized_gini"), truth, pred))
        if seed < 10:
            errors.append(standard_error(metric("normalized_gini"), HeldTruth(truth), pred))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)


def test_errors_of_the_gini_of_two_classes_are_delongs() -> None:
    truth = (RNG.random((400, 1)) < 0.3).astype(float)
    pred = truth + RNG.normal(size=truth.shape)
    gini = standard_error(metric("normalized_gini", kind="probability"), HeldTruth(truth), pred)
    assert gini == pytest.approx(
        2 * standard_error(metric("roc_auc"), HeldTruth(truth), pred), rel=0.1
    )
