"""What each held-out row costs, for every metric: worse answers cost more, and rows add up to the
metric where it is a mean of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.judging.metrics import score
from core.judging.residuals.costs import error_signal, row_errors
from core.metric_names import BY_NAME
from core.records import ValueKind
from tests.judging.cases import EVERY, metric, truth_of, worse


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_a_worse_program_costs_more(name: str, kind: ValueKind) -> None:
    rng = np.random.default_rng(4)
    truth = truth_of(name, kind, rng)
    exclusive = BY_NAME[name].needs.of_shares == "always"
    scored = metric(name, kind=kind, exclusive=exclusive)
    costs = []
    for share in (0.0, 0.3, 0.9):
        pred = truth if share == 0.0 else worse(truth, kind, share, np.random.default_rng(5))
        found = row_errors(scored, truth, pred)
        assert found.costs.shape[0] == len(truth)
        assert (found.costs >= 0).all()
        costs.append(float(found.finish(found.costs.mean(axis=0))))
        assert error_signal(scored, truth, pred).shape[0] == len(truth)
    assert costs[0] <= costs[1] < costs[2]


@pytest.mark.parametrize("name", ["rmse", "mae", "rmsle", "log_loss", "mape", "pinball"])
def test_rows_add_up_to_a_metric_that_is_a_mean_of_them(name: str) -> None:
    rng = np.random.default_rng(6)
    kind = BY_NAME[name].predicts
    truth = truth_of(name, kind, rng)
    pred = worse(truth, kind, 0.5, rng)
    found = row_errors(metric(name), truth, pred)
    assert found.finish(found.costs.mean(axis=0)) == pytest.approx(score(metric(name), truth, pred))
    assert found.unit == name


def test_the_mean_over_either_class_is_what_the_auc_lacks() -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 2, (500, 1)).astype(float)
    pred = np.clip(0.3 * truth + rng.random((500, 1)), 0, 1).round(1)
    costs = row_errors(metric("roc_auc"), truth, pred).costs[:, 0]
    lacking = 1 - score(metric("roc_auc"), truth, pred)
    for answer in (0, 1):
        assert costs[truth[:, 0] == answer].mean() == pytest.approx(lacking)


def test_residuals_are_in_the_scale_of_the_metric() -> None:
    truth, pred = np.array([[1.0], [3.0], [8.0]]), np.array([[2.0], [4.0], [20.0]])
    plain = row_errors(metric("rmse"), truth, pred)
    assert plain.residuals is not None
    assert plain.residuals.ravel().tolist() == [1.0, 1.0, 12.0]
    logs = row_errors(metric("rmsle"), truth, pred)
    assert logs.residuals is not None
    assert logs.residuals.ravel() == pytest.approx(np.log1p(pred).ravel() - np.log1p(truth).ravel())
    assert logs.scale == "log(1 + y)"
    # Only the order counts: whatever the scale, the same order has no error.
    ranks = row_errors(metric("spearman"), truth, pred)
    assert ranks.residuals is not None
    assert np.abs(ranks.residuals).max() == pytest.approx(
        0.0 if BY_NAME["spearman"].by_ranks else 12.0
    )


def test_labels_have_no_residuals_unless_their_distance_counts() -> None:
    truth, pred = np.array([["cat"], ["dog"]]), np.array([["dog"], ["dog"]])
    assert row_errors(metric("accuracy"), truth, pred).residuals is None
    assert error_signal(metric("accuracy"), truth, pred).ravel().tolist() == [1.0, 0.0]
    numbers = row_errors(
        metric("quadratic_weighted_kappa"), np.array([[1.0], [4.0]]), np.array([[3.0], [4.0]])
    )
    assert numbers.residuals is not None
    assert numbers.residuals.ravel().tolist() == [2.0, 0.0]
