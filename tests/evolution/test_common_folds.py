"""Programs that ran different folds are compared on those that both ran."""

from __future__ import annotations

import pytest

from core.doubles import entry
from core.evolution.selection import common_gain, whole


def test_parent_and_child_are_compared_on_the_folds_that_both_ran() -> None:
    parent = entry("s0000", 0.7, folds=[0.6, 0.7, 0.8])
    raced = entry("s0001", 0.62, folds=[0.62], complete=False)
    assert common_gain(raced, parent, "maximize") == pytest.approx(0.02)
    assert common_gain(parent, raced, "maximize") == pytest.approx(-0.02)
    assert common_gain(raced, parent, "minimize") == pytest.approx(-0.02)


def test_the_gain_is_the_mean_over_the_common_folds() -> None:
    parent = entry("s0000", 0.2, folds=[0.2, 0.3])
    child = entry("s0001", 0.2, folds=[0.1, 0.25, 0.9])
    assert common_gain(child, parent, "minimize") == pytest.approx(0.075)


def test_nothing_is_said_of_programs_without_a_common_fold() -> None:
    failed, valid = entry("s0000", None), entry("s0001", 0.7)
    assert common_gain(failed, valid, "maximize") is None
    assert common_gain(valid, failed, "maximize") is None


def test_whole_is_what_is_valid_and_ran_every_fold() -> None:
    assert whole(entry("s0000", 0.7))
    assert not whole(entry("s0001", 0.7, complete=False))
    assert not whole(entry("s0002", None))
