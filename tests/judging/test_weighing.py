"""Rows that do not count alike: reference values, and that they change what is kept and what is
preferred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from core.judging.compare import HeldTruth, Pair, mean_score, p_better
from core.judging.metrics import score
from core.judging.weighing import Weighing
from core.records import MetricSpec
from tests.judging.arena import Arena, make_spec
from tests.judging.cases import metric

RNG = np.random.default_rng(31)
WEIGHTS = RNG.integers(0, 6, 80).astype(float)
LEVELS = np.array([f"kind {number % 7 % 3}" for number in range(80)])
CODES = [np.flatnonzero(LEVELS == name) for name in np.unique(LEVELS)]


def column(values: object) -> np.ndarray:
    return np.asarray(values)[:, None]


TRUTH = RNG.gamma(2.0, 2.0, 80)
PRED = TRUTH + RNG.normal(0, 1.0, 80)
SIDES, SHARES = RNG.integers(0, 2, 80), RNG.uniform(0.05, 0.95, 80)
GRADES, SAID = RNG.integers(0, 4, 80), RNG.integers(0, 4, 80)


@pytest.mark.parametrize(
    ("name", "truth", "pred", "function"),
    [
        ("rmse", TRUTH, PRED, root_mean_squared_error),
        ("mae", TRUTH, PRED, mean_absolute_error),
        ("r2", TRUTH, PRED, r2_score),
        ("log_loss", SIDES.astype(float), SHARES, log_loss),
        ("accuracy", GRADES.astype(str), SAID.astype(str), accuracy_score),
        (
            "f1_macro",
            GRADES.astype(str),
            SAID.astype(str),
            lambda t, p, **kw: f1_score(t, p, average="macro", **kw),
        ),
        (
            "quadratic_weighted_kappa",
            GRADES.astype(float),
            SAID.astype(float),
            lambda t, p, **kw: cohen_kappa_score(t, p, weights="quadratic", **kw),
        ),
    ],
)
def test_weights_are_the_sample_weights_of_scikit_learn(
    name: str, truth: np.ndarray, pred: np.ndarray, function: object
) -> None:
    found = score(metric(name), column(truth), column(pred), Weighing(WEIGHTS))
    assert found == pytest.approx(function(truth, pred, sample_weight=WEIGHTS))  # type: ignore[operator]
    assert score(metric(name), column(truth), column(pred), Weighing()) == pytest.approx(
        function(truth, pred)  # type: ignore[operator]
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_mean_over_levels_is_the_mean_of_their_scores(weights: np.ndarray | None) -> None:
    parts = [
        root_mean_squared_error(
            TRUTH[rows], PRED[rows], sample_weight=None if weights is None else weights[rows]
        )
        for rows in CODES
    ]
    found = score(metric("rmse"), column(TRUTH), column(PRED), Weighing(weights, LEVELS))
    assert found == pytest.approx(np.mean(parts))
    assert found != pytest.approx(root_mean_squared_error(TRUTH, PRED))


def test_the_log_of_the_error_by_type_has_the_published_floor() -> None:
    """champs-scalar-coupling: mean over types of ln(max(MAE, 1e-9)); about -20.7232 for a perfect
    answer.
    """
    by_type = [np.log(np.abs(TRUTH[rows] - PRED[rows]).mean()) for rows in CODES]
    assert score(
        metric("log_mae"), column(TRUTH), column(PRED), Weighing(None, LEVELS)
    ) == pytest.approx(np.mean(by_type))
    perfect = score(metric("log_mae"), column(TRUTH), column(TRUTH), Weighing(None, LEVELS))
    assert perfect == pytest.approx(-20.7232, abs=1e-4)


def test_weights_decide_which_candidate_is_better() -> None:
    heavy = np.arange(80) < 10
    first, second = np.where(heavy, TRUTH, TRUTH + 1.0), np.where(heavy, TRUTH + 1.0, TRUTH)
    weights = np.where(heavy, 100.0, 1.0)
    pair = {
        weighing: p_better(
            metric("mae"),
            [Pair(HeldTruth(column(TRUTH), None, how), column(first), column(second))],
        )
        for weighing, how in (("alike", Weighing()), ("weighed", Weighing(weights)))
    }
    assert pair["alike"] is not None
    assert pair["weighed"] is not None
    assert pair["alike"] < 0.01
    assert pair["weighed"] > 0.9


def test_the_standard_error_is_that_of_the_weighed_score() -> None:
    values, errors = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth, weights = rng.normal(size=300), rng.integers(1, 4, 300).astype(float)
        held = HeldTruth(
            column(truth), None, Weighing(weights, np.where(np.arange(300) % 3 == 0, "a", "b"))
        )
        value, error = mean_score(metric("rmse"), [(held, column(truth + rng.normal(size=300)))])
        values.append(value)
        errors.append(error)
    assert np.median(errors) == pytest.approx(np.std(values), rel=0.15)


def test_a_level_without_weight_counts_nothing() -> None:
    weights = np.where(LEVELS == "kind 0", 0.0, 1.0)
    some = LEVELS != "kind 0"
    found = score(metric("mae"), column(TRUTH), column(PRED), Weighing(weights, LEVELS))
    assert found == pytest.approx(
        score(metric("mae"), column(TRUTH[some]), column(PRED[some]), Weighing(None, LEVELS[some]))
    )
    assert np.isnan(
        score(metric("mae"), column(TRUTH), column(PRED), Weighing(np.zeros(80), LEVELS))
    )


def test_the_judge_scores_and_selects_by_what_the_rows_weigh(arena: Callable[..., Arena]) -> None:
    """The better one on the rows that weigh much wins, alone and in the selection of a blend."""
    spec = replace(
        make_spec("mae"), metric=MetricSpec("mae", "minimize", "description", "", "cost")
    )
    heavy = np.arange(80) % 4 == 0
    first, second = np.where(heavy, TRUTH, TRUTH + 3.0), np.where(heavy, TRUTH + 3.0, TRUTH)
    weights = np.where(heavy, 100.0, 1.0)
    places = {
        "alike": arena(spec, [TRUTH, TRUTH]),
        "weighed": arena(spec, [TRUTH, TRUTH], weights=weights),
    }
    for how, place in places.items():
        for fold in (0, 1):
            for name, values in (("first", first), ("second", second)):
                verdict = place.keep(f"{name}{fold}", values, fold)
                expected = mean_absolute_error(
                    TRUTH, values, sample_weight=weights if how == "weighed" else None
                )
                assert verdict.score == pytest.approx(expected)
        chosen = place.judge.select(
            [(name, [f"{name}0", f"{name}1"]) for name in ("first", "second")]
        )
        assert chosen is not None
        assert chosen.single == ("first" if how == "weighed" else "second")
