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
    assert to_cells(numbers, make_spec("f1_macro", classes=("1234567890", "2")))["target"].tolist() == [
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
