"""Kept predictions that are gone or damaged: what is evaluated again, and what is left of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.doubles import entry, proposal
from core.events import (
    EnsembleBuilt,
    Event,
    FinalPicked,
    FoldScored,
    PredictionsLost,
    Proposed,
    Published,
    StepDone,
)
from core.journal.history import History
from core.judging.service import is_intact
from core.publishing.result import CANDIDATES
from core.publishing.standing import lost_predictions
from core.records import Best, Brief, Ensemble, Entry

WINNER = Best("s0002", "draft", 0.8, 0.01, "holdout")
PICKED = FinalPicked(("s0002",), (0.79,), (0.01,), "s0002", "locked rows")


class Told:
    """A history that is told of events as the journal would."""

    def __init__(self) -> None:
        self.history = History(lambda digest: f"# {digest}\n")
        self._seq = 0

    def tell(self, event: Event) -> None:
        line = {
            "v": 1,
            "seq": self._seq,
            "t": float(self._seq),
            "type": event.type,
            **event.fields(),
        }
        self._seq += 1
        self.history.apply(line)

    def finish(self, made: Entry) -> None:
        self.tell(Proposed(proposal(Brief(made.step, "draft", 7), "text"), made.program))
        for fold in made.folds:
            self.tell(FoldScored(made.id, fold, 60.0))
        self.tell(StepDone(made))


def told_of(*entries: Entry) -> Told:
    told = Told()
    for made in entries:
        told.finish(made)
    return told


def lost(history: History, *names: str, in_place: bool = True) -> PredictionsLost | None:
    """What is decided where the predictions of these executions are gone; of all of them without
    names.
    """
    return lost_predictions(
        history, "maximize", lambda name: bool(names) and name not in names, in_place
    )


def test_nothing_is_lost_where_all_is_there() -> None:
    told = told_of(entry("s0000", 0.6), entry("s0001", None))
    assert lost(told.history, "of another run") is None


def test_candidates_are_evaluated_again_best_first_and_the_leader_whatever_its_rank() -> None:
    scores = [0.5, *(0.6 + 0.01 * number for number in range(CANDIDATES + 2))]
    entries = [
        entry(f"s{number:04d}", score, steers=number == 0) for number, score in enumerate(scores)
    ]
    raced_out = entry("s0099", 0.99, complete=False, folds=[0.99])
    decided = lost(told_of(*entries, raced_out).history)
    assert decided is not None
    best = [f"s{number:04d}" for number in range(CANDIDATES + 2, 2, -1)]
    assert decided.again == (*best, "s0000")
    assert len(decided.keys) == 3 * len(entries) + 1


def test_only_what_lost_something_is_evaluated_again() -> None:
    told = told_of(entry("s0000", 0.6), entry("s0001", 0.7), entry("s0002", 0.8, steers=True))
    assert lost(told.history, "s0001-2") == PredictionsLost(("s0001-2",), ("s0001",))


@pytest.mark.parametrize("in_place", [True, False])
def test_a_run_that_is_over_needs_its_predictions_only_where_its_result_is_gone(
    in_place: bool,
) -> None:
    told = told_of(entry("s0002", 0.8, steers=True))
    told.tell(PICKED)
    told.tell(Published(WINNER, 10, "ab", "local"))
    assert (lost(told.history, in_place=in_place) is None) == in_place


def test_a_final_pick_that_was_not_published_is_made_again() -> None:
    told = told_of(entry("s0002", 0.8, steers=True))
    told.tell(Published(Best("s0001", "draft", 0.7, 0.01, "holdout"), 10, "ab", "local"))
    told.tell(PICKED)
    assert lost(told.history) is not None


def test_what_is_evaluated_again_is_a_proposal_and_the_rest_no_candidate() -> None:
    told = told_of(
        entry("s0000", 0.6), entry("s0001", 0.7, steers=True), entry("s0002", 0.8, steers=True)
    )
    history = told.history
    told.tell(Proposed(proposal(Brief(3, "draft", 7), "cut off"), "digest"))
    told.tell(
        EnsembleBuilt("ensemble", Ensemble((("s0001", 0.5), ("s0002", 0.5)), "mean", 0.81, 0.01))
    )
    told.tell(PICKED)
    told.tell(PredictionsLost(("s0001-0", "s0002-0", "s0002-1"), ("s0002",)))
    assert list(history.pending) == ["s0002", "s0003"]
    again = history.pending["s0002"]
    assert (again.program, again.seed) == (f"# {entry('s0002', 0.8).program}\n", 7)
    whole, cut = history.entries
    assert whole.complete
    assert (cut.id, cut.complete, cut.steers, cut.verdict.score) == ("s0001", False, False, 0.7)
    assert [fold.verdict.predictions for fold in cut.folds] == [None, "s0001-1", "s0001-2"]
    assert history.incumbent is history.ensemble is history.final_pick is None
    assert sorted(history.folds) == [
        "s0000-0",
        "s0000-1",
        "s0000-2",
        "s0001-1",
        "s0001-2",
        "s0002-2",
    ]


def test_an_entry_that_was_evaluated_again_is_as_it_was() -> None:
    made = entry("s0002", 0.8, steers=True)
    told = told_of(made)
    told.tell(PredictionsLost(("s0002-1",), ("s0002",)))
    told.tell(FoldScored(made.id, made.folds[1], 60.0))
    told.tell(StepDone(made))
    assert told.history.entries == [made]
    assert told.history.incumbent == made
    assert not told.history.pending


def test_a_damaged_file_is_not_intact(tmp_path: Path) -> None:
    assert not is_intact(tmp_path, "gone")
    np.savez(tmp_path / "whole.npz", values=np.zeros(1000))
    assert is_intact(tmp_path, "whole")
    data = (tmp_path / "whole.npz").read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.npz").write_bytes(data[:size])
        assert not is_intact(tmp_path, "cut")
    for place in (0, 30, len(data) // 2, len(data) - 60):
        flipped = bytes(byte ^ 255 for byte in data[place : place + 20])
        (tmp_path / "flipped.npz").write_bytes(data[:place] + flipped + data[place + 20 :])
        assert not is_intact(tmp_path, "flipped")
