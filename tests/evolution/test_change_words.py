"""What is written as a change of a recipe is read as the same change, by advice and by lessons."""

from __future__ import annotations

import pytest

from core.evolution.change_words import (
    FRAGMENT,
    Stated,
    change_text,
    moves_in,
    of_recipes,
    steps_in,
    swap_in,
    with_change,
    without_locus,
)
from core.evolution.changes import read_change

BEFORE: Stated = {FRAGMENT: "model_lightgbm", "LEAVES": 31, "RATE": 0.1, "WEIGHTS": "even"}


def test_other_values_are_written_and_read() -> None:
    after = {**BEFORE, "LEAVES": 63, "RATE": 0.05}
    text = change_text("MODEL", BEFORE, after)
    assert text == "MODEL: LEAVES 31 -> 63, RATE 0.1 -> 0.05"
    assert with_change("boosted trees", text) == f"boosted trees [{text}]"
    assert moves_in(text) == ("MODEL", {"LEAVES": ("31", "63"), "RATE": ("0.1", "0.05")})
    words = without_locus(text)
    assert steps_in(words) == [("LEAVES", "31", "63"), ("RATE", "0.1", "0.05")]
    assert of_recipes(words)
    assert read_change(text, "MODEL").advice == (
        "MODEL: raise LEAVES, as from 31 to 63, lower RATE, as from 0.1 to 0.05."
    )


def test_another_fragment_is_written_and_read() -> None:
    text = change_text("MODEL", BEFORE, {FRAGMENT: "model_linear", "C": 1.0})
    assert text == "MODEL: model_lightgbm -> model_linear"
    assert moves_in(text) == ("MODEL", {FRAGMENT: ("model_lightgbm", "model_linear")})
    assert swap_in(without_locus(text)) == ("model_lightgbm", "model_linear")
    assert read_change(text, "MODEL").of_recipes


def test_values_of_several_words_are_read_by_advice_only() -> None:
    text = change_text("TRAIN", {FRAGMENT: "f", "PLAN": "a b"}, {FRAGMENT: "f", "PLAN": "c, d"})
    assert moves_in(text) == ("TRAIN", {"PLAN": ("a b", "c, d")})
    assert steps_in(without_locus(text)) == []


@pytest.mark.parametrize("words", ["more trees", "MODEL: more trees", "model: LEAVES 1 -> 2", ""])
def test_other_words_name_no_change(words: str) -> None:
    assert moves_in(words) is None


def test_names_of_models_are_exact_but_not_of_recipes() -> None:
    assert steps_in("max_depth 4 -> 6") == [("max_depth", "4", "6")]
    assert not of_recipes("max_depth 4 -> 6")
    assert not of_recipes("ridge -> lasso")
