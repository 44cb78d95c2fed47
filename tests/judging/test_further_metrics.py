"""Reference values of correlations, shares, lists, texts and masks: by hand, and by other
implementations.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    jaccard_score,
    label_ranking_average_precision_score,
    log_loss,
    matthews_corrcoef,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.preprocessing import MultiLabelBinarizer

from core.judging.metrics import score
from core.judging.metrics_masks import runs
from core.judging.metrics_texts import edit_distance, words
from tests.judging.cases import metric

RNG = np.random.default_rng(12)


def cells(*texts: str) -> np.ndarray:
    return np.array(texts, dtype=object)[:, None]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("pearson", lambda t, p: pearsonr(t, p)[0]),
        ("spearman", lambda t, p: spearmanr(t, p)[0]),
        ("r2", r2_score),
        ("mape", mean_absolute_percentage_error),
        ("mcrmse", root_mean_squared_error),
    ],
)
def test_numbers_are_those_of_scipy_and_scikit_learn(name: str, function: object) -> None:
    truth = RNG.integers(1, 40, (60, 2)).astype(float)
    pred = truth + RNG.integers(-9, 9, truth.shape)
    expected = np.mean([function(truth[:, c], pred[:, c]) for c in (0, 1)])  # type: ignore[operator]
    assert score(metric(name), truth, pred) == pytest.approx(expected)


def test_mse_by_hand() -> None:
    assert score(metric("mse"), np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]])) == 2.5


def test_correlations_of_a_constant_have_no_value() -> None:
    truth = np.arange(5.0)[:, None]
    for name in ("pearson", "spearman"):
        assert math.isnan(score(metric(name), truth, np.ones((5, 1))))


def test_kl_divergence_by_hand_and_of_vote_counts() -> None:
    truth, pred = np.array([[0.5, 0.5, 0.0]]), np.array([[0.25, 0.25, 0.5]])
    assert score(metric("kl_divergence"), truth, pred) == pytest.approx(math.log(2))
    assert score(metric("kl_divergence"), 6 * truth, pred) == pytest.approx(math.log(2))
    certain = score(metric("kl_divergence"), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert certain == pytest.approx(-math.log(1e-15))


def test_shares_of_one_whole_have_the_multiclass_log_loss() -> None:
    truth, pred = np.eye(3)[[0, 2]], np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    expected = log_loss([0, 2], pred, labels=[0, 1, 2])
    assert score(metric("log_loss", exclusive=True), truth, pred) == pytest.approx(expected)


def test_probabilistic_f1_by_hand() -> None:
    """pTP = .8, pFP = .4: precision 2/3, recall .8 / 1."""
    truth, pred = np.array([[1.0], [0.0]]), np.array([[0.8], [0.4]])
    assert score(metric("probabilistic_f1"), truth, pred) == pytest.approx(
        2 * (2 / 3) * 0.8 / (2 / 3 + 0.8)
    )


def test_label_ranking_precision_as_scikit_learn_defines_it() -> None:
    truth = (RNG.random((40, 5)) < 0.4).astype(float)
    pred = RNG.integers(0, 4, truth.shape) / 4
    assert score(metric("lrap"), truth, pred) == pytest.approx(
        label_ranking_average_precision_score(truth, pred)
    )
    counts = truth.sum(axis=1)
    some = counts > 0
    expected = label_ranking_average_precision_score(
        truth[some], pred[some], sample_weight=counts[some]
    )
    assert score(metric("lwlrap"), truth, pred) == pytest.approx(expected)


# ---------------------------------------------------------------- labels


def test_labels_as_scikit_learn_defines_them() -> None:
    truth, noise = RNG.integers(0, 4, 300), RNG.integers(0, 4, 300)
    pred = np.where(RNG.random(300) < 0.6, truth, noise)
    for name, expected in (
        ("mcc", matthews_corrcoef(truth, pred)),
        ("balanced_accuracy", balanced_accuracy_score(truth, pred)),
        ("f1_weighted", f1_score(truth, pred, average="weighted")),
    ):
        assert score(metric(name), truth[:, None], pred[:, None]) == pytest.approx(expected)
    assert score(metric("mcc"), truth[:, None], np.ones((300, 1), dtype=int)) == 0.0


def test_two_columns_of_labels_are_averaged() -> None:
    truth, pred = RNG.integers(0, 2, (80, 2)), RNG.integers(0, 2, (80, 2))
    for name, function in (
        ("mcc", matthews_corrcoef),
        ("balanced_accuracy", balanced_accuracy_score),
    ):
        expected = np.mean([function(truth[:, c], pred[:, c]) for c in (0, 1)])
        assert score(metric(name), truth, pred) == pytest.approx(expected)


# ---------------------------------------------------------------- lists


def test_map_at_k_by_hand() -> None:
    """First hit at place 2 of 2 wanted: 1/2 * 1/2; then both at once; nothing; a repeated hit
    counts once.
    """
    truth = cells("a b", "a b", "a", "a")
    pred = cells("x a y z b", "b a", "x y z", "a a a")
    assert score(metric("map@3"), truth, pred) == pytest.approx((0.25 + 1 + 0 + 1) / 4)
    assert score(metric("map@1"), cells("a b"), cells("a")) == 1.0
    assert score(metric("map@3"), cells("a b c d"), cells("a b c")) == 1.0


def test_f1_of_lists_is_that_of_indicator_columns() -> None:
    names = list("abcdef")
    truth, pred = (
        [list(RNG.choice(names, RNG.integers(1, 4), replace=False)) for _ in range(60)]
        for _ in range(2)
    )
    binary = MultiLabelBinarizer(classes=names)
    known, said = binary.fit_transform(truth), binary.transform(pred)
    first, second = (cells(*(" ".join(row) for row in rows)) for rows in (truth, pred))
    for average in ("micro", "macro"):
        found = score(metric(f"f1_{average}", kind="list"), first, second)
        assert found == pytest.approx(f1_score(known, said, average=average))
    expected = jaccard_score(known, said, average="samples")
    assert score(metric("jaccard", kind="list"), first, second) == pytest.approx(expected)


def test_kendall_counts_swaps_over_all_lists() -> None:
    """One list: tau of the places. Two lists: swaps and pairs are summed before they are divided."""
    truth, pred = "a b c d e", "b a d e c"
    places = [truth.split().index(word) for word in pred.split()]
    assert score(metric("kendall"), cells(truth), cells(pred)) == pytest.approx(
        kendalltau(range(5), places)[0]
    )
    assert score(metric("kendall"), cells("a b", "c d e"), cells("b a", "c d e")) == pytest.approx(
        1 - 4 * 1 / (2 + 6)
    )
    assert score(metric("kendall"), cells("a b c"), cells("a b b")) == -1.0


def test_words_of_a_list_in_any_usual_spelling() -> None:
    assert words("a b") == words("a, b") == words("a,b") == words(" a;b ") == ["a", "b"]
    assert words("") == []


# ---------------------------------------------------------------- texts


def slow_distance(a: str, b: str) -> int:
    """The recurrence of Wagner and Fischer (1974)."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        last, row = row, [i]
        for j, right in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right)))
    return row[-1]


def test_edit_distance_is_that_of_the_recurrence() -> None:
    assert edit_distance("kitten", "sitting") == 3
    for _ in range(300):
        a, b = ("".join(RNG.choice(list("abc"), RNG.integers(0, 90))) for _ in range(2))
        assert edit_distance(a, b) == slow_distance(a, b)


def test_edit_metrics_by_hand() -> None:
    truth, pred = cells("the cat sat", "a dog"), cells("the bat sat down", "a dog")
    assert score(metric("word_error_rate"), truth, pred) == pytest.approx(2 / 5)
    assert score(metric("levenshtein"), truth, pred) == pytest.approx(6 / 2)
    assert score(metric("character_error_rate"), truth, pred) == pytest.approx(6 / 16)
    assert score(metric("levenshtein", kind="list"), cells("1 2 3"), cells("1 3")) == 1.0
    assert score(metric("accuracy", kind="text"), truth, pred) == 0.5


def test_jaccard_of_words_by_hand() -> None:
    assert score(metric("jaccard"), cells("Very good idea"), cells("very good")) == pytest.approx(
        2 / 3
    )
    assert score(metric("jaccard"), cells("", "a"), cells("", "b")) == 0.5


# ---------------------------------------------------------------- masks


def pixels(cell: str, size: int) -> np.ndarray:
    mask = np.zeros(size, dtype=bool)
    for first, last in runs(cell).tolist():
        mask[first:last] = True
    return mask


def encode(mask: np.ndarray) -> str:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return " ".join(f"{start + 1} {end - start}" for start, end in edges.reshape(-1, 2).tolist())


def test_masks_are_compared_as_pixels_are() -> None:
    masks = [RNG.random((2, 300)) < share for share in (0.02, 0.2, 0.5, 0.9, 0.0)]
    truth, pred = (cells(*(encode(pair[side]) for pair in masks)) for side in (0, 1))
    assert (pixels(truth[0, 0], 300) == masks[0][0]).all()
    both, sizes = [(a & b).sum() for a, b in masks], [a.sum() + b.sum() for a, b in masks]
    known = np.array(both[:-1]), np.array(sizes[:-1])
    dice, iou = 2 * known[0] / known[1], known[0] / (known[1] - known[0])
    assert score(metric("dice"), truth, pred) == pytest.approx(np.append(dice, 1).mean())
    assert score(metric("dice_global"), truth, pred) == pytest.approx(2 * sum(both) / sum(sizes))
    assert score(metric("jaccard", kind="mask"), truth, pred) == pytest.approx(
        np.append(iou, 1).mean()
    )


def test_iou_precision_by_hand() -> None:
    """Intersection over union .8 exceeds .5 to .75: six of ten thresholds; half of an empty pair
    counts nothing.
    """
    truth, pred = cells("1 10", "-", "1 5", ""), cells("1 8", "", "", "2 2")
    assert score(metric("iou_precision"), truth, pred) == pytest.approx((0.6 + 1 + 0 + 0) / 4)


@pytest.mark.parametrize("text", ["1", "a b", "0 3", "5 0", "1 3 2 2", "9 1 1 1", "1.5 2", "-1 3"])
def test_what_is_no_mask(text: str) -> None:
    with pytest.raises(ValueError, match="a mask|masks|of a mask"):
        runs(text)
