"""Likeness by predictions: asked once per pair, replaced by genes where nothing can be compared."""

from __future__ import annotations

import dataclasses

from core.doubles import entry
from core.ending.likeness import MOST_ROWS, Likeness, likeness_of
from core.evolution.diversity import genes_in_common
from core.protocols import BlendParts
from core.records import Agreement
from tests.core.paper_spec import paper_spec
from utils.errors import WorkerError


class Comparer:
    def __init__(self, answer: float | WorkerError) -> None:
        self._answer = answer
        self.asked: list[tuple[BlendParts, BlendParts, str]] = []

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        self.asked.append((a, b, how))
        if isinstance(self._answer, WorkerError):
            raise self._answer
        return Agreement(self._answer, 0.0)


def test_a_pair_is_compared_once_by_its_predictions() -> None:
    comparer = Comparer(0.7)
    alike = Likeness(comparer, "rank")
    first, second = entry("s0000", 0.6, folds=[0.6, 0.6]), entry("s0001", 0.9, folds=[0.9])
    assert alike(first, second) == alike(second, first) == alike(first, second) == 0.7
    names = [(["s0000-0", "s0000-1"], 1.0)], [(["s0001-0"], 1.0)]
    assert comparer.asked == [(*names, "rank")]


def test_genes_stand_in_where_predictions_cannot_be_compared() -> None:
    alike = Likeness(Comparer(WorkerError("gone")), "mean")
    first, second = (
        dataclasses.replace(entry(f"s{i}", 0.6), genes={"DATA": "a", "MODEL": str(i)})
        for i in range(2)
    )
    assert alike(first, second) == 0.5


def test_genes_stand_in_where_predictions_were_lost() -> None:
    comparer = Comparer(0.7)
    first, second = (
        dataclasses.replace(entry(f"s{i}", 0.6), genes={"DATA": "a", "MODEL": str(i)})
        for i in range(2)
    )
    without = first.without_predictions([fold.key for fold in first.folds])
    assert (
        Likeness(comparer, "mean")(without, second)
        == Likeness(comparer, "mean")(second, without)
        == 0.5
    )
    assert not comparer.asked


def test_many_rows_are_not_compared() -> None:
    comparer = Comparer(0.7)
    first, second = entry("s0000", 0.6), entry("s0001", 0.9)
    assert likeness_of(comparer, paper_spec(rows_test=MOST_ROWS))(first, second) == 0.7
    assert likeness_of(comparer, paper_spec(rows_test=MOST_ROWS + 1)) is genes_in_common
    assert [how for _, _, how in comparer.asked] == ["rank"]
