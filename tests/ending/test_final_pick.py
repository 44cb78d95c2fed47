"""The final pick: who is a finalist, what is affordable, who wins, and that it happens once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.budget import MODEL_RESERVE_AT_MOST, RESERVE_AT_MOST, Budget
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
from core.ending.end_game import decide, finalists, refit_is_due, unpicked
from core.ending.ensemble import build_ensemble
from core.ending.final_pick import FinalPick, PickSettings
from core.ending.refit import Refit, affordable, pays
from core.evaluation import Evaluator
from core.events import EnsembleBuilt, FinalPicked, Published, Refitted
from core.journal.history import History
from core.pacing import Pacer
from core.protocols import BlendParts
from core.publishing.reasons import status
from core.publishing.result import NO_RESULT, Result, blended, single
from core.publishing.standing import standing, stands
from core.records import Agreement, Best, Ensemble, Entry, Job, Outcome, SplitSpec, View
from tests.core.paper_spec import paper_spec
from utils.errors import Interrupted

FOLDS = 3


class Desk:
    """A final pick over doubles: entries have search scores, `unseen` are their scores on final
    views.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        unseen: dict[str, float],
        workers: int = 1,
        least_folds: int = 2,
    ) -> None:
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
            self.runner,
            PaperViews(FOLDS),
            self.judge,
            FreePace(),
            self.events,
            self.history,
            ManualStop(),
            lambda outcome: None,
        )
        self.built = 0
        self.pick = FinalPick(
            PickSettings(5, workers, "maximize", least_folds),
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
    ("seconds", "finalists_left", "folds_left"),
    [(1000.0, 3, 3), (9.0, 3, 2), (6.0, 2, 2), (3.0, 1, 2), (2.0, 0, 0)],
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


@pytest.mark.parametrize(("least", "folds_left"), [(2, 0), (1, 1)])
def test_one_new_fold_will_do_where_less_was_kept_back(least: int, folds_left: int) -> None:
    entries = [entry(f"s000{number}", 0.9 - number / 100) for number in range(3)]
    desk = Desk(entries, {item.id: 0.5 for item in entries}, least_folds=least)
    desk.pick.pick(desk.results(), 0, desk.clock() + 2.0)
    assert len({job.view.name for job in desk.runner.jobs}) == folds_left
    # Where there is time for two, one finalist less is no reason for a fold less.
    desk = Desk(entries, {item.id: 0.5 for item in entries}, least_folds=least)
    desk.pick.pick(desk.results(), 0, desk.clock() + 6.0)
    assert len({job.view.name for job in desk.runner.jobs}) == 2


def test_a_finalist_that_fails_on_a_new_fold_cannot_win() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.99, "s0001": 0.8})

    def crash_once(job: Job) -> Outcome:
        gone = job.program == "s0000" and job.view.fold == 1
        return Outcome(1, None, False, 1.0, 1.0, 1.0, None, "") if gone else CLEAN

    desk.runner._script = crash_once
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0001"


def test_a_finalist_that_was_cut_off_is_compared_on_the_folds_that_it_has() -> None:
    """The slow one runs out of time on the last fold: that alone neither loses it the pick nor wins
    it.
    """
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.9, "s0001": 0.8})

    def cut_off(job: Job) -> Outcome:
        if job.program == "s0000" and job.view.fold == 2:
            raise Interrupted("the end of the run")
        return CLEAN

    desk.runner._script = cut_off
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0000"
    (event,) = desk.events.of(FinalPicked)
    assert isinstance(event, FinalPicked)
    assert event.on == "2 of 3 new folds"
    assert event.scores == pytest.approx((0.9, 0.8))


def test_without_a_common_fold_there_is_no_winner() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.9, "s0001": 0.8})

    def cut_off(job: Job) -> Outcome:
        if job.program == "s0000":
            raise Interrupted("the end of the run")
        return CLEAN

    desk.runner._script = cut_off
    assert desk.pick.pick(desk.results(), 0, desk.clock() + 1000) is None


def test_ties_go_to_the_earlier_finalist() -> None:
    desk = Desk([entry("s0000", 0.9), entry("s0001", 0.8)], {"s0000": 0.7, "s0001": 0.7})
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0000"


@pytest.mark.parametrize(
    ("blend", "single_program", "stderr", "wins"),
    [
        (0.700, 0.7024, 0.01, "ensemble"),
        (0.700, 0.7026, 0.01, "s0000"),
        (0.700, 0.7024, None, "s0000"),
        (0.700, 0.6, None, "ensemble"),
        (None, 0.6, 0.01, "s0000"),
    ],
)
def test_a_single_program_must_beat_the_ensemble_clearly(
    blend: float | None, single_program: float, stderr: float | None, wins: str
) -> None:
    entries = [entry("s0000", 0.9), entry("s0001", 0.8)]
    desk = Desk(entries, {})
    scores = {2: (blend, stderr), 1: (single_program, 0.01)}

    class Locked(ScriptedJudge):
        def score_blend(
            self, parts: BlendParts, how: str, part: str
        ) -> tuple[float | None, float | None]:
            return scores[len(parts)]

    desk.pick._judge = Locked(lambda job: None)
    ensemble = blended(
        Ensemble((("s0000", 0.5), ("s0001", 0.5)), "mean", 0.91, 0.01),
        {it.id: it for it in entries},
    )
    winner = desk.pick.pick([ensemble, desk.results()[0]], 50, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == wins
    assert winner.best.final_pick == (blend if wins == "ensemble" else single_program)


def test_among_single_programs_the_best_score_wins() -> None:
    desk = Desk([entry("s0000", 0.9), entry("s0001", 0.8)], {"s0000": 0.7, "s0001": 0.7001})
    winner = desk.pick.pick(desk.results(), 0, desk.clock() + 1000)
    assert winner is not None
    assert winner.best.id == "s0001"


class ScriptedBlender:
    """Blends score by how many members they have; programs named in `alike` cannot be told apart."""

    def __init__(
        self,
        even: dict[int, float],
        greedy: Ensemble | None = None,
        alike: frozenset[str] = frozenset(),
    ):
        self._even, self._greedy, self._alike = even, greedy, alike

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        return self._greedy

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        return self._even.get(len(parts)), 0.01

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        pair = {parts[0][0][0].partition("-")[0] for parts in (a, b)}
        return Agreement(0.999 if pair <= self._alike else 0.9, 0.0)


def six_entries() -> list[Entry]:
    return [entry(f"s000{number}", 0.5 + number / 100) for number in range(6)]


def test_the_ensemble_is_among_the_finalists_and_incomplete_entries_are_not() -> None:
    desk = Desk([*six_entries(), entry("s0009", 0.99, complete=False)], {})
    chosen = finalists(paper_spec(), desk.history, 5, ScriptedBlender({2: 0.56}), desk.events)
    assert [result.best.id for result in chosen] == ["ensemble", "s0005", "s0004", "s0003", "s0002"]
    assert [member.entry.id for member in chosen[0].members] == ["s0005", "s0004"]
    assert chosen[0].how == "rank"
    assert len(desk.events.of(EnsembleBuilt)) == 1


def test_a_program_is_a_finalist_once_whatever_its_seeds() -> None:
    entries = six_entries()
    seed = replace(entry("x0000", 0.99, kind="seed"), program=entries[3].program, extra=True)
    desk = Desk([*entries, seed], {})
    chosen = finalists(paper_spec(), desk.history, 5, None, desk.events)
    assert [result.best.id for result in chosen] == ["x0000", "s0005", "s0004", "s0002", "s0001"]


def test_a_trial_that_has_not_shown_to_be_better_is_in_the_ensemble_alone() -> None:
    entries = six_entries()
    lucky = entry("x0000", 0.99, kind="tune", parents=("s0003",))
    lucky = replace(lucky, extra=True, unproven=True)
    desk = Desk([*entries, lucky], {})
    blender = ScriptedBlender({2: 1.0})
    chosen = finalists(paper_spec(), desk.history, 4, blender, desk.events)
    assert [result.best.id for result in chosen] == ["ensemble", "s0005", "s0004", "s0003"]
    assert "x0000" in [member.entry.id for member in chosen[0].members]


@pytest.mark.parametrize(
    ("most", "programs_left"), [(RESERVE_AT_MOST, 3), (MODEL_RESERVE_AT_MOST, 2)]
)
def test_the_pick_makes_do_with_what_is_kept_back(most: float, programs_left: int) -> None:
    """Runs of 10 s: half of the reserve leaves fewer finalists, and still a winner."""
    slow = replace(CLEAN, duration_s=10.0)
    entries = [entry(f"s000{number}", 0.9 - number / 100, outcome=slow) for number in range(3)]
    desk = Desk(entries, {item.id: 0.5 for item in entries})
    now = desk.clock()
    budget = Budget.plan(10, now, now + 350.0, most)
    pacer = Pacer(desk.history, budget, 5, 900.0, PaperViews(FOLDS), desk.clock, 15.0)
    desk.clock.now = pacer.search_ends()
    assert desk.pick.pick(desk.results(), 0, budget.deadline) is not None
    assert len({job.proposal_id for job in desk.runner.jobs}) == programs_left


def test_an_even_blend_takes_programs_that_differ() -> None:
    blender = ScriptedBlender({2: 0.56}, alike=frozenset({"s0005", "s0004", "s0003"}))
    blend = build_ensemble(paper_spec(), six_entries()[::-1], blender, EventList())
    assert blend is not None
    assert blend.members == (("s0005", 0.5), ("s0002", 0.5))


def test_an_even_blend_may_be_wide() -> None:
    entries = [entry(f"s00{number:02}", 0.9 - number / 100) for number in range(12)]
    blender = ScriptedBlender({count: 0.9 + count / 100 for count in range(13)})
    blend = build_ensemble(paper_spec(), entries, blender, EventList())
    assert blend is not None
    assert [name for name, _ in blend.members] == [it.id for it in entries[:8]]


@pytest.mark.parametrize(
    ("even", "fitted", "members"),
    [(0.57, 0.56, 2), (0.56, 0.57, 3), (0.54, 0.53, None), (0.55, None, None)],
)
def test_the_better_blend_is_taken_where_it_beats_the_best_program(
    even: float, fitted: float | None, members: int | None
) -> None:
    weights = (("s0005", 0.5), ("s0001", 0.3), ("s0000", 0.2))
    greedy = None if fitted is None else Ensemble(weights, "rank", fitted, 0.01)
    events = EventList()
    blend = build_ensemble(
        paper_spec(), six_entries()[::-1], ScriptedBlender({2: even}, greedy), events
    )
    assert (blend and len(blend.members)) == members
    assert len(events.events) == (members is not None)


def test_the_ensemble_can_be_switched_off() -> None:
    desk = Desk([entry("s0000", 0.9), entry("s0001", 0.8)], {})
    assert [
        result.best.id for result in finalists(paper_spec(), desk.history, 5, None, desk.events)
    ] == [
        "s0000",
        "s0001",
    ]


def test_a_pick_that_the_journal_holds_is_not_made_again() -> None:
    desk = Desk([entry("s0000", 0.99), entry("s0001", 0.9)], {"s0000": 0.9, "s0001": 0.8})
    desk.history.final_pick = FinalPicked(
        ("s0000", "s0001"), (0.7, 0.8), (0.1, 0.1), "s0001", "new folds"
    )
    winner = decide(desk.results(), desk.history, desk.pick, 0, desk.clock() + 1000)
    assert winner is not None
    assert (winner.best.id, winner.best.final_pick) == ("s0001", 0.8)
    assert desk.runner.jobs == []


def test_without_time_there_is_no_winner() -> None:
    desk = Desk([entry("s0000", 0.99)], {"s0000": 0.9})
    assert decide(desk.results(), desk.history, desk.pick, 0, desk.clock()) is None


def test_without_a_pick_the_ensemble_is_published_and_no_single_program() -> None:
    entries = [entry("s0000", 0.9), entry("s0001", 0.8)]
    blend = blended(
        Ensemble((("s0000", 0.5), ("s0001", 0.5)), "mean", 0.91, 0.01),
        {it.id: it for it in entries},
    )
    alone = [single(item, "mean") for item in entries]
    assert unpicked([blend, *alone]) is blend
    assert unpicked(alone) is None
    assert unpicked([]) is None


def test_status_says_what_the_output_folder_holds() -> None:
    history = History(lambda key: "")
    assert status(history, []) == "failed"
    history.baseline = object()  # type: ignore[assignment]
    assert status(history, ["no program"]) == "baseline"
    history.published = Published(single(entry("a", 0.8), "mean").best, 10, "", "local")
    assert status(history, []) == "ok"
    assert status(history, ["no description found"]) == "degraded"
    history.published = Published(NO_RESULT, 10, "", "local")
    assert status(history, ["a was published"]) == "baseline"
    assert Best("a", "draft", None, None, "none").final_pick is None


class ScriptedComparer:
    """Agreement by the names of the second blend's first prediction."""

    def __init__(self, refit: Agreement, search: Agreement) -> None:
        self._refit, self._search = refit, search

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        return self._search if b[0][0][0].startswith("s") else self._refit


@pytest.mark.parametrize(
    ("rank", "shift", "accepted"),
    [(0.99, 0.01, True), (0.90, 0.20, True), (0.80, 0.01, False), (0.99, 0.4, False)],
)
def test_lesson_45_a_refit_replaces_the_winner_only_within_the_spread_of_search_runs(
    rank: float, shift: float, accepted: bool
) -> None:
    desk = Desk(
        [entry("s0000", 0.9, folds=[0.9]), entry("s0001", 0.8, folds=[0.8])],
        {"s0000": 0.0, "s0001": 0.0},
    )
    comparer = ScriptedComparer(Agreement(rank, shift), Agreement(0.88, 0.1))
    refit = Refit(desk.pick._evaluator, comparer, desk.programs, desk.events, desk.clock)
    first, second = desk.results()
    made = refit.refit(first, [second], view("full", -1, "full"), desk.clock() + 100)
    assert (made is not None) == accepted
    (event,) = desk.events.of(Refitted)
    assert isinstance(event, Refitted)
    assert event.accepted == accepted
    if made is not None:
        assert made.best.kind == "refit"
        assert [fold.view for fold in made.members[0].entry.folds] == ["full"]


def test_a_refit_that_does_not_fit_the_time_is_not_started() -> None:
    desk = Desk([entry("s0000", 0.9, folds=[0.9])], {"s0000": 0.0})
    comparer = ScriptedComparer(Agreement(1.0, 0.0), Agreement(1.0, 0.0))
    refit = Refit(desk.pick._evaluator, comparer, desk.programs, desk.events, desk.clock)
    assert refit.refit(desk.results()[0], [], view("full", -1, "full"), desk.clock() + 1.0) is None
    assert desk.runner.jobs == []
    assert len(desk.events.of(Refitted)) == 1


def slow(seconds: float) -> Outcome:
    return replace(CLEAN, duration_s=seconds)


def weighed(costs: Sequence[float], weights: Sequence[float]) -> Result:
    entries = [
        entry(f"s000{i}", 0.9 - i / 100, folds=[0.9], outcome=slow(cost))
        for i, cost in enumerate(costs)
    ]
    parts = tuple((item.id, weight) for item, weight in zip(entries, weights, strict=True))
    return blended(Ensemble(parts, "mean", 0.91, 0.01), {item.id: item for item in entries})


@pytest.mark.parametrize(
    ("left", "workers", "places"),
    [
        (100.0, 1, [1, 0, 2]),
        (29.0, 1, [1, 0]),
        (29.0, 2, [1, 0, 2]),
        (14.0, 1, [1]),
        (12.0, 1, [2]),
        (5.0, 1, []),
    ],
)
def test_the_heaviest_members_that_fit_the_time_are_refitted(
    left: float, workers: int, places: list[int]
) -> None:
    assert affordable(weighed([10.0, 10.0, 5.0], [0.3, 0.5, 0.2]).members, left, workers) == places


def test_a_member_that_is_not_refitted_stays_as_the_search_trained_it() -> None:
    winner = weighed([10.0, 10.0, 10.0], [0.5, 0.3, 0.2])
    desk = Desk(
        [member.entry for member in winner.members], {"s0000": 0.0, "s0001": 0.0, "s0002": 0.0}
    )

    def crash_once(job: Job) -> Outcome:
        return Outcome(1, None, False, 1.0, 1.0, 1.0, None, "") if job.program == "s0001" else CLEAN

    desk.runner._script = crash_once
    comparer = ScriptedComparer(Agreement(1.0, 0.0), Agreement(1.0, 0.0))
    refit = Refit(desk.pick._evaluator, comparer, desk.programs, desk.events, desk.clock)
    made = refit.refit(winner, [], view("full", -1, "full"), desk.clock() + 27.0)
    assert made is not None
    assert [job.program for job in desk.runner.jobs] == ["s0000", "s0001"]
    assert [member.entry.folds[0].view for member in made.members] == ["full", "search0", "search0"]
    assert [member.weight for member in made.members] == [0.5, 0.3, 0.2]
    (event,) = desk.events.of(Refitted)
    assert isinstance(event, Refitted)
    assert event.accepted
    assert event.reasons[0] == "1 of 3 members"
    assert event.reasons[1].startswith("s0001 on all rows: ")
    assert "(1 of 3 members; s0001 on all rows" in event.render()


def test_a_refit_pays_only_where_rows_were_held_back_for_good() -> None:
    folds = SplitSpec("stratified", 5, 100, 0, 1, "")
    assert not pays(folds)
    assert pays(replace(folds, folds=1))
    assert pays(replace(folds, kind="time", folds=3))


def test_a_refit_stands_for_its_winner_and_nothing_else_does() -> None:
    winner = single(entry("a", 0.8), "mean").with_final_pick(0.7)
    refit = replace(winner.best, kind="refit")
    assert stands(winner.best, winner)
    assert stands(refit, winner)
    assert not stands(winner.best, replace(winner, best=refit))
    assert not stands(winner.best, winner.with_final_pick(0.6))


def test_an_accepted_refit_that_was_not_published_is_due_again() -> None:
    history = History(lambda key: "")
    winner = single(entry("a", 0.8), "mean").best
    history.published = Published(winner, 10, "", "local")
    assert refit_is_due(history)
    history.refit = Refitted("a", False, ("it differs",))
    assert not refit_is_due(history)
    history.refit = Refitted("a", True, ())
    assert refit_is_due(history)
    history.published = Published(replace(winner, kind="refit"), 10, "", "local")
    assert not refit_is_due(history)


def test_what_stands_while_the_search_goes_on() -> None:
    history = History(lambda key: "")
    assert standing(history, "mean") is None
    history.entries = [entry("a", 0.7, steers=True), entry("b", 0.8, steers=True), entry("c", 0.6)]
    assert standing(history, "mean") == single(history.entries[1], "mean")
    blend = Ensemble((("a", 0.5), ("b", 0.5)), "mean", 0.81, 0.01)
    history.ensemble = EnsembleBuilt("e", blend)
    assert standing(history, "mean") == single(history.entries[1], "mean")
    made = blended(blend, {item.id: item for item in history.entries})
    history.published = Published(made.best, 10, "", "local")
    assert standing(history, "mean") == made
    history.final_pick = FinalPicked(("b",), (0.7,), (0.01,), "b", "")
    assert standing(history, "mean") is None
