"""The loop over scripted doubles: what it starts, records, races, publishes and never does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from core.budget import Budget
from core.doubles import (
    CLEAN,
    EventList,
    FreePace,
    ManualClock,
    ManualStop,
    PaperViews,
    ProgramDict,
    PublisherList,
    ScriptedJudge,
    ScriptedProposer,
    ScriptedRunner,
)
from core.evaluation import Evaluator, evaluation_key
from core.events import (
    EpochClosed,
    Event,
    FoldScored,
    PredictionsLost,
    ProposalFailed,
    Proposed,
    Published,
    StepDone,
)
from core.evolution.search import EvolutionSearch
from core.evolution.selection import race_is_lost, takes_the_lead
from core.journal.history import History
from core.loop import Loop, LoopParts, Rules
from core.protocols import Extras, Judge
from core.records import Author, Brief, ErrorInfo, Job, Outcome, Proposal, Suspicion, Verdict
from tests.slices import search_config, solution_config
from utils.errors import ProposalError, WorkerError
from utils.json_records import to_json

FOLDS = 3


class World:
    """A loop over doubles; scores are keyed by program text."""

    def __init__(
        self,
        programs: Sequence[str | ProposalError],
        scores: dict[str, float | None] | None = None,
        *,
        judge: Callable[[Job], float | None] | None = None,
        outcome: Callable[[Job], Outcome] = lambda job: CLEAN,
        steps: int = 10,
        lanes: int = 1,
        gate: Callable[[str], Sequence[str]] = lambda program: (),
        pace: FreePace | None = None,
        broken: Sequence[str] = (),
        probe_fault: Callable[[Outcome], str | None] = lambda outcome: None,
        calls: int = 0,
        workers: int = 1,
        extras: Extras | None = None,
        author: Author = "recipes",
        odd: Callable[[Sequence[str]], Suspicion | None] = lambda names: None,
        judged_by: Judge | None = None,
    ) -> None:
        table = scores or {}
        self.clock, self.programs, self.stop = ManualClock(), ProgramDict(), ManualStop()
        self.history = History(self.programs.get)
        self.events = EventList(self._apply)
        self.runner = ScriptedRunner(outcome, self.clock)
        self.judge = ScriptedJudge(judge or (lambda job: table[job.program]), odd)
        self.views = PaperViews(FOLDS, broken)
        self.proposer = ScriptedProposer(programs, author)
        self.publisher = PublisherList(self.events.append)
        pace = pace or FreePace()
        self.evaluator = Evaluator(
            self.runner,
            self.views,
            judged_by or self.judge,
            pace,
            self.events,
            self.history,
            self.stop,
            probe_fault,
        )
        config = search_config(num_drafts=2, debug_tries=1)
        search = EvolutionSearch(config, solution_config(), "maximize", 1, self.programs.get)
        parts = LoopParts(
            self.proposer,
            search,
            self.evaluator,
            pace,
            self.events,
            self.history,
            self.programs,
            self.publisher,
            self.stop,
            self.clock,
            extras=extras,
        )
        rules = Rules(lanes, 2, gate, takes_the_lead, race_is_lost, calls, workers)
        self.loop = Loop(parts, rules, Budget.plan(steps, self.clock(), self.clock() + 1e6))

    def _apply(self, event: Event) -> None:
        line = {"type": event.type, "seq": 0, "t": self.clock()} | to_json(event.fields())
        self.history.apply(line)

    def run(self) -> World:
        self.loop.run()
        return self


def test_every_fold_runs_and_the_better_one_leads_and_is_published() -> None:
    world = World(["a\n", "b\n", "c\n"], {"a\n": 0.7, "b\n": 0.9, "c\n": 0.8}).run()
    entries = world.history.entries
    assert [entry.verdict.score for entry in entries] == pytest.approx([0.7, 0.9, 0.8])
    assert [entry.steers for entry in entries] == [True, True, False]
    assert [len(entry.folds) for entry in entries] == [FOLDS, FOLDS, 1]
    assert [entry.id for entry in world.publisher.entries] == ["s0000", "s0000", "s0001"]
    assert world.runner.released == [job.key for job in world.runner.jobs]


def test_the_first_fold_of_a_run_is_published_at_once() -> None:
    world = World(["a\n"], {"a\n": 0.7}, steps=1).run()
    kinds = [event.type for event in world.events.events]
    assert kinds.index("published") < kinds.index("step")
    assert len(world.publisher.entries[0].folds) == 1
    assert len(world.publisher.entries[1].folds) == FOLDS


def test_a_challenger_that_is_far_behind_runs_one_fold_only() -> None:
    world = World(["a\n", "b\n"], {"a\n": 0.9, "b\n": 0.1}, steps=2).run()
    assert len(world.history.entries[1].folds) == 1
    assert not world.history.entries[1].complete
    assert world.history.entries[1].verdict.valid


def test_a_candidate_that_lost_its_predictions_becomes_whole_again_however_far_behind() -> None:
    world = World(["a\n", "b\n"], {"a\n": 0.1, "b\n": 0.9}, steps=2).run()
    before = {entry.id: entry for entry in world.history.entries}
    assert all(entry.complete for entry in before.values())
    world.events.append(PredictionsLost(tuple(world.history.folds), ("s0001", "s0000")))
    world.run()
    assert [entry.id for entry in world.history.entries] == ["s0001", "s0000"]
    assert all(entry.complete and len(entry.folds) == FOLDS for entry in world.history.entries)
    assert not world.history.again


def test_folds_rotate_so_that_no_fold_is_everybodys_first() -> None:
    world = World(["a\n", "b\n", "c\n"], {"a\n": 0.7, "b\n": 0.8, "c\n": 0.9}, steps=3).run()
    assert [entry.folds[0].fold for entry in world.history.entries] == [0, 1, 2]


def test_an_invalid_fold_ends_the_step_and_a_repair_is_asked_for() -> None:
    crash = Outcome(1, None, False, 1.0, 1.0, 1.0, ErrorInfo("KeyError", "'x'", "Traceback"), "")
    world = World(
        ["a\n", "bad\n", "fix\n"],
        {"a\n": 0.7, "bad\n": None, "fix\n": 0.8},
        outcome=lambda job: crash if job.program == "bad\n" else CLEAN,
        steps=3,
    ).run()
    assert [entry.verdict.valid for entry in world.history.entries] == [True, False, True]
    assert len(world.history.entries[1].folds) == 1
    repair = world.proposer.briefs[2]
    assert repair.kind == "debug"
    assert repair.parents[0].program == "bad\n"
    assert repair.parents[0].error is not None
    assert repair.parents[0].error.type == "KeyError"


def test_lesson_27_duplicates_are_rejected_before_they_cost_anything() -> None:
    world = World(["a\n", "# again\na\n", "b\n"], {"a\n": 0.7, "b\n": 0.8}, steps=2).run()
    assert [job.program for job in world.runner.jobs] == ["a\n"] * FOLDS + ["b\n"] * FOLDS
    assert [event.reason for event in world.events.of(ProposalFailed)] == [  # type: ignore[attr-defined]
        "the same program was proposed before"
    ]


def test_a_program_that_breaks_the_rules_never_runs() -> None:
    world = World(
        ["open('/home/data')\n", "b\n"],
        {"b\n": 0.8},
        steps=1,
        gate=lambda program: ("absolute path",) if "/home" in program else (),
    ).run()
    assert {job.program for job in world.runner.jobs} == {"b\n"}
    assert world.history.next_step == 2
    assert world.history.steps_done == 1


def test_a_proposer_without_ideas_ends_the_search() -> None:
    world = World([], {}).run()
    assert world.history.failed_in_a_row == 25
    assert world.history.steps_done == 0


def test_a_probe_that_fails_is_a_step_without_folds() -> None:
    verdict = Verdict(False, None, None, "none", ("uses an undefined name",))
    world = World(
        ["a\n", "b\n"],
        {"b\n": 0.8},
        steps=2,
        pace=FreePace({"s0000"}),
        probe_fault=lambda outcome: "uses an undefined name",
    ).run()
    assert world.history.entries[0].verdict == verdict
    assert world.history.entries[0].folds == ()
    assert world.history.entries[1].steers


def test_steps_are_distinct_programs_executed_whatever_their_folds() -> None:
    world = World([f"{n}\n" for n in range(9)], judge=lambda job: 0.5, steps=4).run()
    assert world.history.steps_done == 4
    assert len(world.events.of(StepDone)) == 4
    assert [event.epoch for event in world.events.of(EpochClosed)] == [1, 2]  # type: ignore[attr-defined]


def test_a_job_that_damages_its_view_is_told_to_the_judge() -> None:
    seen: list[bool] = []
    world = World(["a\n"], {"a\n": 0.7}, steps=1, broken=["search0"])
    real = world.judge.judge
    world.judge.judge = lambda job, outcome: (seen.append(outcome.view_intact), real(job, outcome))[
        1
    ]  # type: ignore[method-assign]
    world.run()
    assert seen == [False, True, True]


def test_a_stop_keeps_what_is_finished_and_leaves_the_rest_pending() -> None:
    world = World(["a\n", "b\n"], {"a\n": 0.7, "b\n": 0.8})

    def stop_in_b(job: Job) -> Outcome:
        if job.program == "b\n" and job.view.fold == 2:
            world.stop.reason = "SIGTERM"
            return dataclasses.replace(CLEAN, killed_for="stop")
        return CLEAN

    world.runner._script = stop_in_b
    world.run()
    assert [entry.id for entry in world.history.entries] == ["s0000"]
    assert list(world.history.pending) == ["s0001"]
    assert len(world.events.of(FoldScored)) == FOLDS + 1


def test_resume_runs_only_the_folds_that_are_missing() -> None:
    first = World(["a\n", "b\n"], {"a\n": 0.7, "b\n": 0.8})

    def stop_in_b(job: Job) -> Outcome:
        if (job.program, job.view.fold) != ("b\n", 0):
            return CLEAN
        first.stop.reason = "SIGINT"
        return dataclasses.replace(CLEAN, killed_for="stop")

    first.runner._script = stop_in_b
    first.run()
    second = World(["c\n"], {"a\n": 0.7, "b\n": 0.8, "c\n": 0.9}, steps=3)
    second.programs._texts.update(first.programs._texts)
    second.judge.scores.update(first.judge.scores)
    for event in first.events.events:
        second._apply(event)
    second.loop = Loop(second.loop._parts, second.loop._rules, second.loop._budget)
    second.run()
    assert [(job.program, job.view.fold) for job in second.runner.jobs[:1]] == [("b\n", 0)]
    assert [job.program for job in second.runner.jobs] == ["b\n"] + ["c\n"] * FOLDS
    assert [entry.id for entry in second.history.entries] == ["s0000", "s0001", "s0002"]
    assert second.history.next_step == 3


def test_with_several_lanes_nothing_is_lost_or_repeated() -> None:
    programs = [f"{number}\n" for number in range(30)]
    world = World(programs, judge=lambda job: int(job.program) / 30, steps=30, lanes=3).run()
    assert sorted(entry.step for entry in world.history.entries) == list(range(30))
    keys = [job.key for job in world.runner.jobs]
    assert len(keys) == len(set(keys))
    lead = world.history.incumbent
    assert lead is not None
    assert lead.verdict.score == 29 / 30
    assert isinstance(world.events.of(Published)[-1], Published)


def test_a_bug_of_ours_is_loud() -> None:
    def broken(job: Job) -> float:
        raise WorkerError("the judge is gone")

    with pytest.raises(WorkerError, match="the judge is gone"):
        World(["a\n"], judge=broken).run()


def test_evaluation_key_depends_on_program_view_and_seed() -> None:
    views = PaperViews(2)
    base = evaluation_key("a", views.get("search0"), 1)
    assert base == evaluation_key("a", views.get("search0"), 1)
    others = [
        evaluation_key("b", views.get("search0"), 1),
        evaluation_key("a", views.get("search1"), 1),
        evaluation_key("a", views.get("search0"), 2),
    ]
    assert len({base, *others}) == 4


def test_a_proposal_is_recorded_before_it_runs() -> None:
    world = World(["a\n"], {"a\n": 0.7}, steps=1).run()
    types = [type(event) for event in world.events.events]
    assert types.index(Proposed) < types.index(FoldScored) < types.index(StepDone)


@pytest.mark.parametrize(
    "error", [RecursionError("too deep"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no")]
)
def test_an_error_of_ours_in_looking_at_an_answer_costs_the_proposal_and_not_the_run(
    error: Exception,
) -> None:
    world = World(["a\n", "b\n"], {"a\n": 0.7, "b\n": 0.8}, steps=2)
    propose, errors = world.proposer.propose, [error, error]

    def look(brief: Brief) -> Proposal:
        if errors:
            raise errors.pop()
        return propose(brief)

    world.proposer.propose = look  # type: ignore[method-assign]
    world.run()
    assert len(world.history.entries) == 2
    reasons = [event.reason for event in world.events.of(ProposalFailed)]  # type: ignore[attr-defined]
    assert len(reasons) == 2
    assert all(reason.startswith(f"internal error: {type(error).__name__}: ") for reason in reasons)
