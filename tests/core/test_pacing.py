"""Limits come from measured cost and remaining time, never from a constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from core.budget import MODEL_RESERVE_AT_MOST, RESERVE_AT_MOST, Budget
from core.doubles import (
    CLEAN,
    EventList,
    ManualClock,
    ManualStop,
    PaperViews,
    ScriptedJudge,
    ScriptedRunner,
    entry,
    proposal,
    view,
)
from core.evaluation import Evaluator
from core.events import FoldScored, Probed
from core.execution.limits import seconds_to_tell
from core.execution.probe import probe_fault
from core.journal.history import History
from core.pacing import Pacer
from core.records import Brief, ErrorInfo, Job, Outcome, Proposal, View
from utils.errors import Interrupted
from utils.json_records import to_json

NAME_ERROR = Outcome(
    1, None, False, 1.0, 1.0, 1.0, ErrorInfo("NameError", "name 'x'", "Traceback"), ""
)


class BigViews(PaperViews):
    """Views of a table that is too long to go without a probe."""

    def __init__(self, rows: int, broken: Sequence[str]) -> None:
        super().__init__(2, broken)
        self._views = {
            name: dataclasses.replace(item, rows_train=rows) for name, item in self._views.items()
        }
        self._views["probe"] = view("probe", -1, "probe", rows=1000)


class Track:
    """A pacer over doubles with 100 s for the search."""

    def __init__(
        self, rows: int = 100, outcome: Outcome = CLEAN, broken: Sequence[str] = ()
    ) -> None:
        self.clock = ManualClock()
        self.history = History(lambda key: "x\n")
        self.events = EventList(lambda event: self.history.apply(self._line(event)))
        self.runner = ScriptedRunner(lambda job: outcome)
        now = self.clock()
        self.views = BigViews(rows, broken)
        self.budget = Budget(10, now, now + 120.0, 20.0)
        self.history.entries = [entry("s0099", 0.5)]
        self.pacer = Pacer(self.history, self.budget, 25, 50.0, self.views, self.clock)
        self.evaluator = Evaluator(
            self.runner,
            self.views,
            ScriptedJudge(lambda job: None),
            self.pacer,
            self.events,
            self.history,
            ManualStop(),
            probe_fault,
        )

    def _line(self, event: object) -> dict[str, object]:
        return {"type": event.type, "t": self.clock()} | to_json(event.fields())  # type: ignore[attr-defined]

    def ran(self, offer: Proposal, seconds: float, fold: int = 0) -> None:
        result = entry(offer.id, 0.5, outcome=dataclasses.replace(CLEAN, duration_s=seconds)).folds[
            fold
        ]
        self.events.append(FoldScored(offer.id, result, 60.0))


def offer(step: int = 0) -> Proposal:
    return proposal(Brief(step, "draft", 7), f"{step}\n")


def search_view(track: Track) -> View:
    return track.views.search()[0]


def test_a_short_run_is_not_probed() -> None:
    track = Track(rows=1000)
    assert track.evaluator.probe(offer()) is None
    assert track.runner.jobs == []


def test_a_long_run_is_probed_and_its_upper_cost_is_the_limits_base() -> None:
    track = Track(rows=10_000, outcome=dataclasses.replace(CLEAN, duration_s=1.3))
    assert track.evaluator.probe(offer()) is None
    (event,) = track.events.of(Probed)
    assert isinstance(event, Probed)
    assert event.predicted_s == pytest.approx(1.0 + 0.3 * 10**2)
    assert track.pacer.limit(offer(), search_view(track)) == pytest.approx(1.5 * event.predicted_s)
    assert [job.view.name for job in track.runner.jobs] == ["probe"]
    track.evaluator.probe(offer())
    assert len(track.runner.jobs) == 1


def test_what_ran_but_for_a_value_is_not_probed_again() -> None:
    track = Track(rows=50_000)
    parent = entry("s0000", 0.5, outcome=dataclasses.replace(CLEAN, duration_s=40.0))
    track.history.entries.append(parent)
    child = dataclasses.replace(offer(1), kind="tune", parents=(parent.id,))
    assert track.pacer.probe_limit(child) is not None
    assert track.pacer.probe_limit(dataclasses.replace(child, extra=True)) is None
    assert track.pacer.probe_limit(dataclasses.replace(child, parents=(), extra=True)) is not None


def test_a_program_that_cannot_work_is_rejected_by_its_probe() -> None:
    track = Track(rows=50_000, outcome=NAME_ERROR)
    failed = track.evaluator.probe(offer())
    assert failed is not None
    outcome, verdict = failed
    assert outcome == NAME_ERROR
    assert not verdict.valid
    assert "NameError" in verdict.reasons[0]


def test_a_probe_that_damages_its_view_is_told_of_and_leaves_no_folder() -> None:
    track = Track(rows=50_000, outcome=NAME_ERROR, broken=["probe"])
    failed = track.evaluator.probe(offer())
    assert failed is not None
    assert failed[0] == dataclasses.replace(NAME_ERROR, view_intact=False)
    assert track.runner.released == [job.key for job in track.runner.jobs]


def test_a_stop_during_the_probe_is_no_verdict() -> None:
    track = Track(rows=50_000, outcome=dataclasses.replace(CLEAN, killed_for="stop"))
    with pytest.raises(Interrupted):
        track.evaluator.probe(offer())
    assert track.events.events == []


def test_lesson_16_the_limit_never_exceeds_what_remains_or_the_cap() -> None:
    track = Track()
    track.ran(offer(), 40.0)
    assert track.pacer.limit(offer(), search_view(track)) == 50.0
    track.clock.advance(55.0)
    assert track.pacer.limit(offer(), search_view(track)) == pytest.approx(45.0)
    track.clock.advance(10.0)
    # 35 s are left, and the program needs 40.
    assert track.pacer.limit(offer(), search_view(track)) == 0.0


def test_the_reserve_belongs_to_the_final_views() -> None:
    track = Track()
    track.ran(offer(), 8.0)
    track.clock.advance(100.0)
    assert track.pacer.limit(offer(), search_view(track)) == 0.0
    # All that is left but the margin, less than four times what it took before.
    assert track.pacer.limit(offer(), view("final0", 0, "final")) == pytest.approx(17.0)


def test_nothing_starts_that_could_not_end() -> None:
    track = Track()
    assert track.pacer.worth_starting()
    track.ran(offer(), 20.0)
    track.clock.advance(65.0)
    assert track.pacer.worth_starting()
    track.clock.advance(10.0)
    assert not track.pacer.worth_starting()


def test_new_programs_are_told_what_fits() -> None:
    track = Track()
    assert track.pacer.affordable() == pytest.approx(50.0)
    track.clock.advance(60.0)
    assert track.pacer.affordable() == pytest.approx(20.0)


def test_a_timed_out_run_measures_nothing() -> None:
    track = Track()
    cut = dataclasses.replace(CLEAN, duration_s=5.0, timed_out=True)
    track.events.append(FoldScored("s0000", entry("s0000", 0.5, outcome=cut).folds[0], 5.0))
    assert track.pacer.limit(offer(), search_view(track)) > 5.0 * 1.5


def test_the_reserve_grows_with_what_the_final_pick_will_cost() -> None:
    track = Track()
    track.pacer._runs_at_end = 2.0
    before = track.pacer.affordable()
    track.ran(offer(), 12.0)
    assert track.pacer.affordable() == pytest.approx((120.0 - 1.3 * 2 * 12.0 - 3.0) / 2)
    assert track.pacer.affordable() < before
    for step in range(1, 6):
        track.ran(offer(step), 1000.0)
    assert track.pacer.affordable() * 2 == pytest.approx(120.0 * 0.7, rel=0.2)


def test_quick_failures_do_not_make_the_final_pick_look_cheap() -> None:
    track = Track()
    track.pacer._runs_at_end = 2.0
    for step in range(9):
        track.ran(offer(step), 1.0)
    slow = dataclasses.replace(CLEAN, duration_s=12.0)
    track.history.entries = [
        entry("s0098", 0.5, outcome=slow),
        entry("s0099", 0.4, outcome=CLEAN, complete=False),
    ]
    assert track.pacer.affordable() == pytest.approx((120.0 - 1.3 * 2 * 12.0 - 3.0) / 2)


def test_the_first_result_may_use_the_reserve() -> None:
    track = Track()
    track.clock.advance(105.0)
    assert not track.pacer.worth_starting()
    track.history.entries = [entry("s0099", 0.5, complete=False)]
    assert track.pacer.worth_starting()
    assert track.pacer.limit(offer(), search_view(track)) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("measured_s", "limit_s"),
    [
        pytest.param(11.0, 15.0, id="fits before the reserve"),
        pytest.param(14.0, 21.0, id="needs it"),
    ],
)
def test_a_run_before_the_first_result_uses_the_reserve_only_where_it_must(
    measured_s: float, limit_s: float
) -> None:
    track = Track()
    track.history.entries = []
    track.ran(offer(), measured_s)
    # 35 s are left, 20 of them are the reserve.
    track.clock.advance(85.0)
    assert track.pacer.limit(offer(), search_view(track)) == pytest.approx(limit_s)


def test_a_run_that_began_before_the_first_result_leaves_the_end_its_time() -> None:
    """Its limit cannot be shortened any more when another program becomes the first whole one."""
    track = Track()
    track.history.entries = []
    track.ran(offer(), 40.0, fold=1)

    def until_its_limit(job: Job) -> Outcome:
        track.clock.advance(job.limit_s)
        track.history.entries.append(entry("s0001", 0.5))
        return dataclasses.replace(CLEAN, timed_out=True, submission=None)

    track.runner = ScriptedRunner(until_its_limit)
    track.evaluator._runner = track.runner
    track.clock.advance(48.0)
    with pytest.raises(Interrupted):
        track.evaluator.evaluate(offer(), search_view(track))
    assert len(track.runner.jobs) == 1
    assert track.budget.remaining(track.clock()) >= track.budget.reserve_s


def test_a_search_ends_earlier_once_there_is_something_to_choose_from() -> None:
    """Who asked what he may wait for before that must not go by the answer."""
    track = Track()
    track.history.entries = []
    deadline = track.budget.deadline
    assert track.pacer.search_ends() == pytest.approx(deadline - 3.0)
    track.history.entries = [entry("s0099", 0.5)]
    assert track.pacer.search_ends() == pytest.approx(deadline - 20.0)


# ---------------------------------------------------------------- where a model writes


def with_model(track: Track, workers: int = 1, seconds: float = 4_800.0) -> Pacer:
    """The pacer of a run whose programs a model writes; 100 steps, nothing kept back but 10 s."""
    now = track.clock()
    track.budget = Budget(100, now, now + seconds + 10.0, 10.0, 0.15)
    return Pacer(
        track.history, track.budget, 25, 900.0, track.views, track.clock, model_workers=workers
    )


def told(offer: Proposal, seconds: float) -> Proposal:
    return dataclasses.replace(offer, told_s=seconds, author="model")


def test_a_model_is_told_a_share_that_lets_several_programs_finish() -> None:
    assert seconds_to_tell(2400.0, 5, 1, 0.0) == pytest.approx(2400 / (5 * 24))
    assert seconds_to_tell(2400.0, 5, 4, 0.0) == pytest.approx(4 * 2400 / (5 * 24))
    # Half of the way: a quarter of the programs, so half of the time serves twice as long runs.
    assert seconds_to_tell(1200.0, 5, 1, 0.5) == pytest.approx(1200 / (5 * 6))
    assert seconds_to_tell(240.0, 5, 1, 0.9) == pytest.approx(240 / (5 * 2))


def test_what_is_told_is_worth_a_run_and_never_more_than_all_folds_of_it() -> None:
    assert seconds_to_tell(100.0, 5, 1, 0.0) == 10.0
    assert seconds_to_tell(40.0, 5, 1, 0.0) == 8.0
    assert seconds_to_tell(1000.0, 5, 16, 0.9) == 200.0


def test_first_runs_are_short_and_later_ones_longer() -> None:
    track = Track()
    pacer = with_model(track)
    first = pacer.affordable()
    track.clock.advance(2400.0)
    assert first == pytest.approx(4800 / (2 * 24), rel=0.03)
    assert pacer.affordable() == pytest.approx(2400 / (2 * 6), rel=0.01)
    # With recipes, all that is left.
    assert track.pacer.affordable() == 0.0


def test_steps_that_end_before_the_time_make_programs_longer() -> None:
    track = Track()
    pacer = with_model(track)
    before = pacer.affordable()
    track.history.entries = [entry(f"s{step:04d}", 0.5) for step in range(80)]
    assert pacer.affordable() == pytest.approx(900.0)
    assert pacer.affordable() > 5 * before


def test_the_first_limit_follows_what_the_author_was_told() -> None:
    track = Track()
    pacer = with_model(track)
    view = search_view(track)
    assert pacer.limit(told(offer(), 40.0), view) == pytest.approx(50.0)
    # Nothing was told: a share of what remains, as ever.
    assert pacer.limit(offer(), view) == pytest.approx(900.0)
    # With recipes, what was told counts for nothing.
    plain = Pacer(track.history, track.budget, 25, 900.0, track.views, track.clock)
    assert plain.limit(told(offer(), 40.0), view) == pytest.approx(900.0)


def test_what_was_measured_counts_more_than_what_was_told() -> None:
    track = Track()
    pacer = with_model(track)
    track.ran(offer(), 60.0)
    assert pacer.limit(told(offer(), 40.0), search_view(track)) == pytest.approx(90.0)


def test_every_fold_of_a_program_has_the_time_that_was_told() -> None:
    """One that asks how much is left would do without its last stages on a shorter one."""
    track = Track()
    pacer = with_model(track)
    track.ran(offer(), 8.0)
    assert pacer.limit(told(offer(), 40.0), search_view(track)) == pytest.approx(50.0)
    plain = Pacer(track.history, track.budget, 25, 900.0, track.views, track.clock)
    assert plain.limit(told(offer(), 40.0), search_view(track)) == pytest.approx(12.0)


def test_what_is_built_on_a_program_is_told_no_less_than_that_took() -> None:
    track = Track()
    pacer = with_model(track)
    slow = dataclasses.replace(CLEAN, duration_s=320.0)
    track.history.entries = [entry("s0007", 0.5, outcome=slow)]
    assert pacer.affordable() < 320.0
    assert pacer.affordable(["s0007"]) == pytest.approx(320.0)


@pytest.mark.parametrize(("told_s", "limit_s"), [(40.0, 180.0), (200.0, 250.0)])
def test_a_child_gets_what_it_was_told_and_no_less_than_its_parent_needs(
    told_s: float, limit_s: float
) -> None:
    track = Track()
    pacer = with_model(track)
    slow = dataclasses.replace(CLEAN, duration_s=120.0)
    track.history.entries = [entry("s0007", 0.5, outcome=slow)]
    child = dataclasses.replace(told(offer(9), told_s), parents=("s0007",))
    assert pacer.limit(child, search_view(track)) == pytest.approx(limit_s)


def test_a_model_keeps_back_half_as_much_for_the_end_at_most() -> None:
    lefts = []
    for most in (RESERVE_AT_MOST, MODEL_RESERVE_AT_MOST):
        track = Track()
        now = track.clock()
        budget = Budget.plan(10, now, now + 1000.0, most)
        pacer = Pacer(track.history, budget, 25, 900.0, track.views, track.clock, 5.0)
        track.ran(offer(), 200.0)
        lefts.append(pacer.search_ends() - now)
    assert lefts == pytest.approx([700.0, 850.0])
