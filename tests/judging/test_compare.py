"""Standard errors and paired comparisons: against theory, against each other, and lesson 44."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from core.judging.compare import CAP_ROWS, HeldTruth, Pair, mean_score, p_better, standard_error
from core.judging.metrics import score
from core.judging.ranking import auc_influence, weighted_average_precision
from core.judging.resample import DRAWS, MAX_UNITS, clusters, draws, pooled
from core.metric_names import BY_NAME
from core.records import ValueKind
from tests.judging.cases import EVERY, metric, truth_of, worse


def probabilities(rng: np.random.Generator, truth: np.ndarray, skill: float) -> np.ndarray:
    """Better with more skill; the noise is drawn from `rng`."""
    return 1 / (1 + np.exp(-(skill * (truth - 0.5) + rng.normal(size=truth.shape))))


def case(
    name: str, seed: int, rows: int = 800, kind: ValueKind | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, a good prediction, a worse one, for any metric."""
    rng = np.random.default_rng(seed)
    kind = kind or BY_NAME[name].predicts
    truth = truth_of(name, kind, rng, rows)
    if kind == "probability" and truth.shape[1] == 1:
        return truth, probabilities(rng, truth, 3.0), probabilities(rng, truth, 1.0)
    return truth, worse(truth, kind, 0.3, rng), worse(truth, kind, 0.7, rng)


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_the_better_candidate_wins_and_a_tie_is_even(name: str, kind: ValueKind) -> None:
    truth, good, bad = case(name, 0, kind=kind)
    held, known = HeldTruth(truth), metric(name, kind=kind)
    assert p_better(known, [Pair(held, good, bad)]) > 0.95
    assert p_better(known, [Pair(held, bad, good)]) < 0.05
    assert p_better(known, [Pair(held, good, good.copy())]) == 0.5


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_standard_errors_shrink_with_the_root_of_the_rows(name: str, kind: ValueKind) -> None:
    def typical(rows: int) -> float:
        cases = [case(name, seed, rows, kind)[:2] for seed in (1, 2, 3)]
        return float(
            np.median(
                [
                    standard_error(metric(name, kind=kind), HeldTruth(truth), good)
                    for truth, good in cases
                ]
            )
        )

    # Of fewer rows some errors fall faster at first (spearman); more are not looked at (CAP_ROWS).
    assert typical(1200) / typical(4800) == pytest.approx(2.0, rel=0.2)


def test_standard_error_of_a_mean_is_the_textbook_one() -> None:
    truth, good, _ = case("mae", 2)
    losses = np.abs(truth - good)
    expected = losses.std() / math.sqrt(len(losses))
    assert standard_error(metric("mae"), HeldTruth(truth), good) == pytest.approx(expected)


@pytest.mark.parametrize(
    "name", ["rmse", "roc_auc", "average_precision", "f1_macro", "quadratic_weighted_kappa"]
)
def test_standard_error_is_the_spread_over_repeated_samples(name: str) -> None:
    values, errors = [], []
    for seed in range(150):
        truth, _, bad = case(name, 1000 + seed, 300)
        values.append(score(metric(name), truth, bad))
        if seed < 10:
            errors.append(standard_error(metric(name), HeldTruth(truth), bad))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)


def test_delong_on_one_column_is_the_published_variance() -> None:
    """S10/m + S01/n with the placements written out pair by pair (DeLong, DeLong and Clarke-Pearson
    1988).
    """
    truth, _, pred = case("roc_auc", 3, 60)
    up, down = pred[truth == 1], pred[truth == 0]
    wins = (up[:, None] > down[None, :]) + 0.5 * (up[:, None] == down[None, :])
    expected = wins.mean(axis=1).var(ddof=1) / len(up) + wins.mean(axis=0).var(ddof=1) / len(down)
    value, influence = auc_influence(truth, pred)
    assert value == pytest.approx(roc_auc_score(truth, pred))
    assert (influence**2).sum() == pytest.approx(expected)


def test_weighted_average_precision_is_that_of_repeated_rows() -> None:
    rng = np.random.default_rng(4)
    truth, pred = rng.integers(0, 2, (40, 1)), rng.integers(0, 8, (40, 1)) / 8
    weights = rng.integers(0, 4, (3, 40))
    found = weighted_average_precision(truth, pred, weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(40), row)
        assert value == pytest.approx(
            average_precision_score(truth[repeated, 0], pred[repeated, 0])
        )


def test_lesson_44_pairs_tell_apart_what_single_errors_cannot() -> None:
    """Two candidates .001 apart, each with an error of about .006: the same rows make the
    difference certain.
    """
    rng = np.random.default_rng(44)
    truth = rng.normal(size=(4000, 1))
    shared = rng.normal(size=truth.shape)
    old, new = truth + shared, truth + 0.985 * shared
    known, held = metric("rmse"), HeldTruth(truth)
    gap = score(known, truth, old) - score(known, truth, new)
    assert 0 < gap < 2 * standard_error(known, held, old)
    assert p_better(known, [Pair(held, new, old)]) > 0.99


def test_lesson_44_holds_for_auc_too() -> None:
    rng = np.random.default_rng(45)
    truth = rng.integers(0, 2, (3000, 1)).astype(float)
    shared = rng.normal(size=truth.shape)
    old, new = 1.0 * truth + shared, 1.05 * truth + shared
    known, held = metric("roc_auc"), HeldTruth(truth)
    gap = score(known, truth, new) - score(known, truth, old)
    assert 0 < gap < 2 * standard_error(known, held, old)
    assert p_better(known, [Pair(held, new, old)]) > 0.99


def test_delong_and_bootstrap_agree_on_the_probability() -> None:
    """The closed form against drawing rows with replacement and counting."""
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, (300, 1)).astype(float)
    new, old = probabilities(rng, truth, 1.15), probabilities(rng, truth, 1.0)
    closed = p_better(metric("roc_auc"), [Pair(HeldTruth(truth), new, old)])
    wins = 0
    for _ in range(400):
        rows = rng.integers(0, 300, 300)
        wins += roc_auc_score(truth[rows], new[rows]) > roc_auc_score(truth[rows], old[rows])
    assert closed == pytest.approx(wins / 400, abs=0.07)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "average_precision"])
def test_rows_of_a_group_count_as_one(name: str) -> None:
    """Each row ten times over, as one group: as uncertain as the rows alone, not sqrt(10) surer."""
    truth, good, _ = case(name, 7, 400)
    groups = np.repeat([f"g{number}" for number in range(400)], 10)
    alone = standard_error(metric(name), HeldTruth(truth), good)
    tenfold = HeldTruth(np.repeat(truth, 10, axis=0), groups)
    assert standard_error(metric(name), tenfold, np.repeat(good, 10, axis=0)) == pytest.approx(
        alone, rel=0.15
    )


def test_folds_are_compared_fold_by_fold() -> None:
    """Predictions on other scales per fold: each fold ranks for itself, and folds add up to more
    certainty.
    """
    pairs = []
    for fold in range(4):
        rng = np.random.default_rng(fold)
        truth = rng.integers(0, 2, (300, 1)).astype(float)
        pairs.append(
            Pair(
                HeldTruth(truth),
                probabilities(rng, truth, 1.4) * (fold + 1),
                probabilities(rng, truth, 1.0),
            )
        )
    known = metric("roc_auc")
    assert p_better(known, pairs) > max(0.9, p_better(known, pairs[:1]) - 0.05)


def test_same_arguments_same_answer_and_no_rows_no_answer() -> None:
    truth, good, bad = case("log_loss", 8)
    pair = Pair(HeldTruth(truth), bad * 0.5 + good * 0.5, good)
    assert p_better(metric("log_loss"), [pair]) == p_better(metric("log_loss"), [pair])
    assert p_better(metric("log_loss"), []) is None
    one_class = Pair(HeldTruth(np.ones((5, 1))), np.ones((5, 1)), np.ones((5, 1)))
    assert p_better(metric("roc_auc"), [one_class]) is None
    assert mean_score(metric("roc_auc"), [(one_class.held, one_class.challenger)]) == (None, None)


def test_many_rows_are_pooled_without_losing_power() -> None:
    truth, good, _ = case("f1_macro", 9, 20_000)
    error = standard_error(metric("f1_macro"), HeldTruth(truth), good)
    small = standard_error(metric("f1_macro"), HeldTruth(truth[:2000]), good[:2000])
    assert small / error == pytest.approx(math.sqrt(10), rel=0.25)


def test_units_and_draws() -> None:
    groups = np.array(["b", "", "a", "b", ""])
    cluster = clusters(groups, 5)
    assert cluster[0] == cluster[3]
    assert len(set(cluster.tolist())) == 4
    assert pooled(np.arange(3 * MAX_UNITS), 0).max() == MAX_UNITS - 1
    assert draws(50, 1).shape == (DRAWS, 50)
    assert (draws(50, 1).sum(axis=1) == 50).all()


def test_average_precision_on_many_rows_uses_a_sample() -> None:
    truth, good, bad = case("average_precision", 10, 4 * CAP_ROWS)
    assert p_better(metric("average_precision"), [Pair(HeldTruth(truth), good, bad)]) > 0.99
