"""Every metric against values computed by hand or by its published definition, and properties of
all of them.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, log_loss, root_mean_squared_log_error

from core.judging.metrics import SCORED, score
from core.judging.metrics_numbers import LEAST_ERROR
from core.metric_names import BY_NAME
from core.records import ValueKind
from tests.judging.cases import EVERY, metric, truth_of


def column(*values: object) -> np.ndarray:
    return np.array(values)[:, None]


def test_every_named_metric_has_a_scorer() -> None:
    assert set(BY_NAME) == SCORED


# By hand: AUC counts pairs (one of four wrong, one tie); AP = 1/2 * 1 + 1/2 * 2/3; QWK = 1 - (1/4)
# / (10/4).
BY_HAND = [
    ("roc_auc", column(0, 0, 1, 1), column(0.1, 0.4, 0.35, 0.8), 0.75),
    ("roc_auc", column(0, 1), column(0.5, 0.5), 0.5),
    ("average_precision", column(1, 0, 1, 0), column(0.9, 0.8, 0.7, 0.1), 0.5 + 0.5 * 2 / 3),
    ("accuracy", column("a", "b", "c", "a"), column("a", "b", "a", "a"), 0.75),
    ("error_rate", column("a", "b", "c", "a"), column("a", "b", "a", "a"), 0.25),
    ("log_loss", column(1.0, 0.0), column(0.8, 0.4), -(math.log(0.8) + math.log(0.6)) / 2),
    ("log_loss", column(1.0), column(0.0), -math.log(1e-15)),
    ("rmse", column(1.0, 2.0, 3.0), column(1.0, 4.0, 3.0), math.sqrt(4 / 3)),
    ("rmsle", column(math.e - 1, 0.0), column(0.0, 0.0), math.sqrt(0.5)),
    ("mae", column(1.0, 2.0), column(2.0, 4.0), 1.5),
    ("quadratic_weighted_kappa", column(0.0, 1.0, 2.0, 3.0), column(0.0, 1.0, 2.0, 3.0), 1.0),
    ("quadratic_weighted_kappa", column(0.0, 2.0), column(2.0, 0.0), -1.0),
    ("f1_macro", column("a", "a", "b", "b"), column("a", "b", "b", "b"), (2 / 3 + 4 / 5) / 2),
    ("f1_micro", column("a", "a", "b", "b"), column("a", "b", "b", "b"), 0.75),
]


@pytest.mark.parametrize(("name", "truth", "pred", "expected"), BY_HAND)
def test_by_hand(name: str, truth: np.ndarray, pred: np.ndarray, expected: float) -> None:
    assert score(metric(name), truth, pred) == pytest.approx(expected, rel=1e-12)


def test_multiclass_log_loss_is_minus_the_mean_log_of_the_true_class() -> None:
    truth = np.eye(3)[[0, 2]]
    pred = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    expected = -(math.log(0.7) + math.log(0.4)) / 2
    assert score(metric("log_loss", one_hot=True), truth, pred) == pytest.approx(expected)
    assert score(metric("log_loss", one_hot=True), truth, pred) == pytest.approx(
        log_loss([0, 2], pred, labels=[0, 1, 2])
    )


def test_multi_label_log_loss_is_the_mean_over_columns() -> None:
    truth, pred = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.9, 0.2], [0.3, 0.4]])
    by_column = [log_loss(truth[:, c], pred[:, c], labels=[0, 1]) for c in (0, 1)]
    assert score(metric("log_loss"), truth, pred) == pytest.approx(np.mean(by_column))


def test_column_means_of_auc_rmse_and_rmsle() -> None:
    truth = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    pred = np.array([[0.1, 0.9], [0.8, 0.3], [0.7, 0.2]])
    for name in ("roc_auc", "rmse", "rmsle"):
        by_column = [score(metric(name), truth[:, [c]], pred[:, [c]]) for c in (0, 1)]
        assert score(metric(name), truth, pred) == pytest.approx(np.mean(by_column))
    assert score(metric("rmsle"), truth, pred) == pytest.approx(
        np.mean(root_mean_squared_log_error(truth, pred, multioutput="raw_values"))
    )


def test_auc_leaves_out_columns_with_one_class_and_is_undefined_without_any() -> None:
    truth = np.array([[0.0, 0.0], [1.0, 0.0]])
    pred = np.array([[0.1, 0.2], [0.9, 0.3]])
    assert score(metric("roc_auc"), truth, pred) == 1.0
    assert math.isnan(score(metric("roc_auc"), truth[:, 1:], pred[:, 1:]))


def test_kappa_and_f1_as_scikit_learn_defines_them() -> None:
    rng = np.random.default_rng(0)
    truth, pred = rng.integers(0, 5, 300), rng.integers(0, 5, 300)
    pred[:150] = truth[:150]
    kappa = cohen_kappa_score(truth, pred, weights="quadratic")
    found = score(
        metric("quadratic_weighted_kappa"),
        truth[:, None].astype(float),
        pred[:, None].astype(float),
    )
    assert found == pytest.approx(kappa)
    for name, average in (("f1_macro", "macro"), ("f1_micro", "micro")):
        expected = f1_score(truth, pred, average=average)
        assert score(metric(name), truth[:, None], pred[:, None]) == pytest.approx(expected)


def test_f1_over_several_columns() -> None:
    rng = np.random.default_rng(1)
    truth, pred = rng.integers(0, 2, (50, 4)), rng.integers(0, 2, (50, 4))
    for name, average in (("f1_macro", "macro"), ("f1_micro", "micro")):
        assert score(metric(name), truth, pred) == pytest.approx(
            f1_score(truth, pred, average=average)
        )


def test_label_metric_on_one_hot_columns_takes_the_largest() -> None:
    truth, pred = (
        np.eye(3)[[0, 1, 2]],
        np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.0, 0.0, 1.0]]),
    )
    assert score(metric("accuracy", one_hot=True), truth, pred) == pytest.approx(2 / 3)


def test_rmsle_refuses_negative_values() -> None:
    with pytest.raises(ValueError, match="negative"):
        score(metric("rmsle"), column(1.0), column(-0.5))


@pytest.mark.parametrize(("case", "seed"), list(product(EVERY, range(3))))
def test_perfect_reaches_the_bound_and_shuffled_is_worse(
    case: tuple[str, ValueKind], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = truth_of(*case, rng)
    known = metric(case[0], kind=case[1])
    perfect, shuffled = score(known, truth, truth), score(known, truth, rng.permutation(truth))
    bound = math.log(LEAST_ERROR) if known.name == "log_mae" else BY_NAME[known.name].bounds[1]
    assert perfect == pytest.approx(bound, abs=1e-12)
    assert shuffled < perfect if known.maximize else shuffled > perfect


@pytest.mark.parametrize("case", EVERY)
def test_row_order_is_irrelevant(case: tuple[str, ValueKind]) -> None:
    rng = np.random.default_rng(5)
    truth = truth_of(*case, rng)
    pred, order = rng.permutation(truth), rng.permutation(len(truth))
    known = metric(case[0], kind=case[1])
    assert score(known, truth[order], pred[order]) == pytest.approx(score(known, truth, pred))


def test_a_family_takes_any_number() -> None:
    assert (BY_NAME["map@7"].at, BY_NAME["map@7"].name, BY_NAME["map@k"].at) == (7, "map@7", None)
    assert "map@0" not in BY_NAME
    assert "rmse@3" not in BY_NAME
