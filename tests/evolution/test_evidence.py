"""Trials of a program: which of them stand for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.prompting.ideas import best_whole
from core.doubles import entry
from core.evolution.diversity import without_twins
from core.evolution.evidence import SURE, is_unproven
from core.records import Entry

PARENT = entry("s0001", 0.80, folds=[0.80, 0.81, 0.79])


def trial(folds: list[float], p_parent: float | None, kind: str = "tune", **fields: Any) -> Entry:
    score = sum(folds) / len(folds)
    made = entry("x0000", score, kind=kind, parents=("s0001",), folds=folds)
    return replace(made, extra=True, author="model", p_parent=p_parent, **fields)


@pytest.mark.parametrize("kind", ["tune", "seed"])
@pytest.mark.parametrize(
    ("folds", "p_parent", "unproven"),
    [
        # Each fold gains alike.
        ([0.82, 0.83, 0.81], 0.99, False),
        ([0.82, 0.83, 0.81], SURE, False),
        ([0.82, 0.83, 0.81], SURE - 0.01, True),
        ([0.82, 0.83, 0.81], None, True),
        # Sure on all rows, and made by one fold: +.06, -.01, -.01.
        ([0.86, 0.80, 0.78], 0.99, True),
        ([0.84, 0.82, 0.79], 0.99, False),
        # A single holdout has no folds to agree.
        ([0.82], 0.9, False),
    ],
)
def test_a_trial_is_proven_by_its_rows_and_its_folds(
    folds: list[float], p_parent: float | None, unproven: bool, kind: str
) -> None:
    assert is_unproven(trial(folds, p_parent, kind), PARENT, "maximize") == unproven


def test_less_is_better_where_the_metric_is_an_error() -> None:
    better = trial([0.78, 0.79, 0.77], 0.99)
    assert is_unproven(better, PARENT, "maximize")
    assert not is_unproven(better, PARENT, "minimize")


def test_what_was_asked_for_needs_no_proof() -> None:
    doubtful = trial([0.70, 0.71, 0.72], 0.01)
    assert not is_unproven(replace(doubtful, extra=False, kind="mutate"), PARENT, "maximize")
    assert not is_unproven(replace(doubtful, kind="folds"), PARENT, "maximize")
    assert not is_unproven(doubtful, None, "maximize")
    assert not is_unproven(entry("x0000", None, kind="tune"), PARENT, "maximize")


def test_an_unproven_trial_is_no_parent_and_not_the_best_in_a_prompt() -> None:
    better = trial([0.9, 0.9, 0.9], 0.5)
    for unproven, stands in ((True, "s0001"), (False, "x0000")):
        child = replace(better, unproven=unproven)
        every = [PARENT, child]
        known = {one.id: one for one in every}
        assert [one.id for one in without_twins([child, PARENT], known)] == [stands]
        assert [one.id for one in best_whole(every, "maximize")] == [stands]
