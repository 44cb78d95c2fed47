"""Correlation of held-out errors: what two programs get wrong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.judging.arena import Arena, make_spec

Build = Callable[..., Arena]
RNG_SEED = 3
ROWS = 4000


def shared(share: float, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Two errors of variance 1 whose correlation is `share`."""
    rng = np.random.default_rng(RNG_SEED)
    common, first, second = rng.normal(size=(3, rows))
    mixed = [np.sqrt(share) * common + np.sqrt(1 - share) * own for own in (first, second)]
    return mixed[0], mixed[1]


def test_residuals_of_numbers_correlate_as_they_were_made(arena: Build) -> None:
    truth = np.random.default_rng(0).normal(100, 50, ROWS)
    made = arena(make_spec("rmse"), [truth])
    first, second = shared(0.6)
    made.keep("a", truth + first)
    made.keep("b", truth + 5 + second)
    assert made.judge.error_correlation(["a"], ["b"]) == pytest.approx(0.6, abs=0.03)
    assert made.judge.error_correlation(["b"], ["a"]) == made.judge.error_correlation(["a"], ["b"])
    assert made.judge.error_correlation(["a"], ["a"]) == 1.0


def test_only_common_folds_count(arena: Build) -> None:
    truths = list(np.random.default_rng(0).normal(size=(2, 500)))
    made = arena(make_spec("rmse"), truths)
    first, second = shared(0.5, 500)
    for fold, truth in enumerate(truths):
        made.keep(f"a{fold}", truth + first, fold)
    # On the second fold, where the other one was not tried, it errs quite differently.
    made.keep("b0", truths[0] + first, 0)
    made.keep("c1", truths[1] + second, 1)
    assert made.judge.error_correlation(["a0", "a1"], ["b0"]) == 1.0
    assert made.judge.error_correlation(["b0"], ["c1"]) is None


def test_a_program_that_never_errs_is_like_nobody(arena: Build) -> None:
    truth = np.arange(50.0)
    made = arena(make_spec("rmse"), [truth])
    made.keep("perfect", truth)
    made.keep("other", truth + shared(0.5, 50)[0])
    assert made.judge.error_correlation(["perfect"], ["other"]) is None


def test_probabilities_err_by_their_distance_from_the_answer(arena: Build) -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(ROWS) < 0.5).astype(float)
    made = arena(make_spec("log_loss"), [truth])
    good = np.where(truth == 1, 0.8, 0.2)
    wrong_on = rng.random((3, ROWS)) < 0.2
    made.keep("a", np.where(wrong_on[0], 1 - good, good))
    made.keep("same_places", np.where(wrong_on[0], 0.9 * (1 - good), good))
    made.keep("elsewhere", np.where(wrong_on[1], 1 - good, good))
    near = made.judge.error_correlation(["a"], ["same_places"])
    far = made.judge.error_correlation(["a"], ["elsewhere"])
    assert near is not None
    assert far is not None
    # Both err the same way on each answer, so that even strangers are somewhat alike.
    assert near > 0.95
    assert far < 0.7


def test_labels_err_where_they_are_wrong(arena: Build) -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(["cat", "dog", "eel"], ROWS)
    made = arena(make_spec("f1_macro", classes=("cat", "dog", "eel")), [truth])
    wrong = rng.random((2, ROWS)) < 0.3
    turned = np.where(truth == "cat", "dog", "cat")
    made.keep("a", np.where(wrong[0], turned, truth))
    made.keep("elsewhere", np.where(wrong[1], turned, truth))
    made.keep("same_rows", np.where(wrong[0], np.where(truth == "eel", "dog", "eel"), truth))
    # Rows count as wrong whatever they were taken for, but for those that "eel" is no error of.
    assert (made.judge.error_correlation(["a"], ["same_rows"]) or 0) > 0.5
    assert abs(made.judge.error_correlation(["a"], ["elsewhere"]) or 0) < 0.06


def test_texts_err_by_what_each_row_costs(arena: Build) -> None:
    truth = np.array([f"word{number} and more" for number in range(60)], dtype=object)
    made = arena(make_spec("word_error_rate"), [truth])
    halves = np.arange(60) % 2 == 0
    made.keep("even", np.where(halves, truth, "nothing"))
    made.keep("even2", np.where(halves, truth, "other"))
    made.keep("odd", np.where(halves, "nothing", truth))
    assert made.judge.error_correlation(["even"], ["even2"]) == pytest.approx(1.0)
    assert made.judge.error_correlation(["even"], ["odd"]) == pytest.approx(-1.0)
