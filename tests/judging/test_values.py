"""Cells of targets: as predictions, as truth, and written back."""

from __future__ import annotations

import numpy as np
import pytest

from core.judging.values import is_text, to_cells, to_labels, truth_values
from tests.judging.arena import make_spec


def test_labels_are_text_unless_all_classes_are_numbers() -> None:
    assert is_text(make_spec("accuracy", classes=("a", "1")))
    assert is_text(make_spec("accuracy"))
    assert not is_text(make_spec("accuracy", classes=("1", "2.5")))
    assert not is_text(make_spec("quadratic_weighted_kappa"))
    assert not is_text(make_spec("log_loss", classes=("a", "b")))


def test_large_numbers_keep_their_digits_as_labels() -> None:
    numbers = np.array([[1234567890.0], [0.1]])
    assert to_labels(numbers, ()).tolist() == [["1234567890"], ["0.1"]]
    assert to_cells(numbers, make_spec("f1_macro", classes=("1234567890", "2")))[
        "target"
    ].tolist() == [
        "1234567890",
        "0.1",
    ]


def test_truth_in_words_becomes_numbers_where_numbers_are_predicted() -> None:
    truth = np.array([["True"], ["False"]])
    for classes in (("False", "True"), ("True", "False")):
        assert truth_values(truth, make_spec("roc_auc", classes=classes)).tolist() == [[1.0], [0.0]]
    assert truth_values(np.array([["2"], ["3.5"]]), make_spec("rmse")).tolist() == [[2.0], [3.5]]
    with pytest.raises(ValueError, match="no numbers"):
        truth_values(np.array([["x"]]), make_spec("rmse"))


@pytest.mark.parametrize(
    "names", [("1", "2"), ("2", "4"), ("-1", "1"), ("1.0", "2.0"), ("no", "yes")]
)
def test_two_labels_of_any_spelling_are_0_and_1_where_probabilities_are_predicted(
    names: tuple[str, str],
) -> None:
    truth = np.array([[names[1], names[0]], [names[0], names[0]]])
    for metric in ("roc_auc", "average_precision", "log_loss"):
        spec = make_spec(metric, classes=names)
        assert truth_values(truth, spec).tolist() == [[1.0, 0.0], [0.0, 0.0]]
        if names[0] != "no":
            assert truth_values(truth.astype(float), spec).tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_answers_that_are_what_is_predicted_stay_as_they_are() -> None:
    shares = np.array([[0.2, 0.8], [0.8, 0.2]])
    three = {"target_columns": ("a", "b"), "label_columns": ("a", "b")}
    assert (
        truth_values(shares, make_spec("log_loss", classes=("0.2", "0.8"))).tolist()
        == shares.tolist()
    )
    assert truth_values(
        shares.round(), make_spec("log_loss", classes=("0", "1"), **three)
    ).tolist() == [[0, 1], [1, 0]]
    one_hot = make_spec("log_loss", classes=("1", "2"), target_columns=("a", "b"))
    assert truth_values(np.eye(2), one_hot).tolist() == np.eye(2).tolist()
    votes = make_spec("kl_divergence", classes=("1", "3"), exclusive=True, **three)
    assert truth_values(np.array([["1", "3"], ["3", "1"]]), votes).tolist() == [[1, 3], [3, 1]]
    assert truth_values(
        np.array([[1.0], [2.0]]), make_spec("f1_macro", classes=("1", "2"))
    ).tolist() == [[1], [2]]
    kappa = make_spec("quadratic_weighted_kappa", classes=("1", "2"))
    assert truth_values(np.array([[1.0], [2.0]]), kappa).tolist() == [[1], [2]]
