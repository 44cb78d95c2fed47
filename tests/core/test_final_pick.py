"""The final pick: who is a finalist, what is affordable, who wins, and that it happens once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.doubles import (
    CLEAN,
    EventList,
    FreePace,
    ManualClock,
    ManualStop,
    PaperViews,
    ProgramDict,
    ScriptedJudge,
    ScriptedRunner,
    entry,
    view,
)
from core.evaluation import Evaluator
from core.events import EnsembleBuilt, FinalPicked
from core.final_pick import FinalPick, PickSettings
from core.finish import finalists, publish_winner, status
from core.journal.history import History
from core.records import Best, CompetitionSpec, Ensemble, Entry, Job, MetricSpec, Outcome, View
from core.results import Result, single

FOLDS = 3


class Desk:
    """A final pick over doubles: entries have search scores, `unseen` are their scores on final views."""

    def __init__(self, entries: Sequence[Entry], unseen: dict[str, float], workers: int = 1) -> None:
        self.clock, self.programs, self.events = ManualClock(), ProgramDict(), EventList()
        for item in entries:
            self.programs.put(item.id)
        self.history = History(self.programs.get)
        self.history.entries = list(entries)
        self.judge = ScriptedJudge(lambda job: unseen.get(job.program))
        for item in entries:
            self.judge.scores |= {fold.key: fold.verdict.score or 0.0 for fold in item.folds}
        self.runner = ScriptedRunner()
        evaluator = Evaluator(
            self.runner, PaperViews(FOLDS), self.judge, FreePace(), self.events, self.history, ManualStop()
        )
        self.built = 0
        self.pick = FinalPick(
            PickSettings(5, workers, "maximize"),
            evaluator,
            self.judge,
            self.programs,
            self.events,
            self._final_views,
            self.clock,
        )

    def _final_views(self) -> Sequence[View]:
        self.built += 1
        return [view(f"final{fold}", fold, "final") for fold in range(FOLDS)]

    def results(self) -> list[Result]:
        return [single(item, "mean") for item in self.history.entries]


def test_lesson_4_the_winner_is_decided_on_data_that_never_steered_the_search() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.7, "s0001": 0.8})
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0001"
    assert winner.best.final_pick == pytest.approx(0.8)
    (event,) = desk.events.of(FinalPicked)
    assert isinstance(event, FinalPicked)
    assert event.scores == pytest.approx((0.7, 0.8))
    assert {job.view.kind for job in desk.runner.jobs} == {"final"}


def test_with_a_locked_part_nothing_runs_again() -> None:
    desk = Desk([entry("s0000", 0.9), entry("s0001", 0.8)], {})
    winner = desk.pick.pick(desk.results(), 50, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0000"
    assert desk.runner.jobs == []
    assert desk.built == 0


@pytest.mark.parametrize(
    ("seconds", "finalists_left", "folds_left"), [(1000.0, 3, 3), (9.0, 3, 2), (6.0, 2, 2), (3.0, 1, 2), (2.0, 0, 0)]
)
def test_time_decides_how_many_folds_and_finalists_there_are(
    seconds: float, finalists_left: int, folds_left: int
) -> None:
    entries = [entry(f"s000{number}", 0.9 - number / 100) for number in range(3)]
    desk = Desk(entries, {item.id: 0.5 for item in entries})
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + seconds)
    assert (winner is not None) == (finalists_left > 0)
    assert len({job.proposal_id for job in desk.runner.jobs}) == finalists_left
    assert len({job.view.name for job in desk.runner.jobs}) == folds_left


def test_a_finalist_that_fails_on_a_new_fold_cannot_win() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.99, "s0001": 0.8})

    def crash_once(job: Job) -> Outcome:
        gone = job.program == "s0000" and job.view.fold == 1
        return Outcome(1, None, False, 1.0, 1.0, 1.0, None, "") if gone else CLEAN

    desk.runner._script = crash_once
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0001"


def test_ties_go_to_the_earlier_finalist() -> None:
    desk = Desk([entry("s0000", 0.9), entry("s0001", 0.8)], {"s0000": 0.7, "s0001": 0.7})
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0000"


class OneBlend:
    """A selector that always blends the two best."""

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        return Ensemble(((candidates[0][0], 0.5), (candidates[1][0], 0.5)), "mean", 0.95, 0.01)


def spec() -> CompetitionSpec:
    return CompetitionSpec(
        data_dir="",
        data_digest="",
        description="",
        metric=MetricSpec("roc_auc", "maximize", "config"),
        modality="tabular",
        value_kind="probability",
        sample=None,
        train=None,
        test=None,
        id_columns=("id",),
        target_columns=("y",),
        label_columns=("y",),
        classes=(),
        feature_columns=(),
        text_columns=(),
        rows_train=0,
        rows_test=0,
    )


def test_the_ensemble_is_among_the_finalists_and_incomplete_entries_are_not() -> None:
    entries = [entry(f"s000{number}", 0.5 + number / 100) for number in range(6)]
    desk = Desk([*entries, entry("s0009", 0.99, complete=False)], {})
    chosen = finalists(spec(), desk.history, 5, OneBlend(), desk.events)
    assert [result.best.id for result in chosen] == ["ensemble", "s0005", "s0004", "s0003", "s0002"]
    assert [member.entry.id for member in chosen[0].members] == ["s0005", "s0004"]
    assert len(desk.events.of(EnsembleBuilt)) == 1


class ShelfPublisher:
    def __init__(self, accepts: bool = True) -> None:
        self.accepts = accepts
        self.results: list[Result] = []

    def publish_result(self, result: Result) -> bool:
        self.results.append(result)
        return self.accepts


def test_a_pick_that_the_journal_holds_is_not_made_again() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.9, "s0001": 0.8})
    desk.history.final_pick = FinalPicked(("s0000", "s0001"), (0.7, 0.8), (0.1, 0.1), "s0001", "new folds")
    shelf = ShelfPublisher()
    reasons = publish_winner(desk.results(), desk.history, desk.pick, shelf, 0, desk.clock() + 1000)
    assert reasons == []
    assert desk.runner.jobs == []
    assert [(result.best.id, result.best.final_pick) for result in shelf.results] == [("s0001", 0.8)]


def test_no_time_and_a_rejecting_server_are_reasons() -> None:
    desk = Desk([entry("s0000", 0.99)], {"s0000": 0.9})
    shelf = ShelfPublisher(accepts=False)
    late = publish_winner(desk.results(), desk.history, desk.pick, shelf, 0, desk.clock())
    assert late == ["no time for the final pick"]
    refused = publish_winner(desk.results(), desk.history, desk.pick, shelf, 0, desk.clock() + 1000)
    assert refused == ["the validation server rejected the winner"]


def test_status_says_what_the_output_folder_holds() -> None:
    history = History(lambda key: "")
    assert status(history, []) == "failed"
    history.baseline = object()  # type: ignore[assignment]
    assert status(history, ["no program"]) == "baseline"
    history.published = object()  # type: ignore[assignment]
    assert status(history, []) == "ok"
    assert status(history, ["no description found"]) == "degraded"
    assert Best("a", "draft", None, None, "none").final_pick is None
