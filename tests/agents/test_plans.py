"""agents/plans.py: one request gives the first drafts plans of their own, whatever comes of it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents.plans import PURPOSE, FirstPlans, PlansSoFar, RequestTimes, read_plans
from agents.prompting.prompt_builder import PromptBuilder, RunProgress
from agents.prompting.siblings import WrittenDraft, written_drafts
from agents.prompting.system_text import CandidateMachine, TaskFacts
from agents.proposer import ModelProposer
from core.doubles import EventList, ManualClock, ScriptedModel
from core.events import PlansMade, Proposed
from core.execution.static_check import reasons_to_reject
from core.genome import digest
from core.journal.history import History
from core.journal.journal import Journal, read_lines
from core.records import Answer, Brief, Proposal, Request
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.recognise.spec import inspect_competition
from tests.agents.answers import GOOD, PLAN, fence, parent
from tests.task import folders
from utils.errors import Interrupted, ModelError, ProposalError

TREES = "boosted trees on lags and calendar, five forward folds"
RIDGE = "ridge on splines of the temperature, weights by season"
NEIGHBOURS = "nearest days by weather, scaled to the level of the week"
PLANS = (TREES, RIDGE, NEIGHBOURS)
LISTED = f"1. {TREES}\n2. {RIDGE}\n3. {NEIGHBOURS}\n"
RECIPES = ("linear model", "boosting")


class PlanTexts:
    """Texts that say just what they were asked for."""

    def system(self) -> str:
        return "rules"

    def plans(self, count: int, seconds: float) -> str:
        return f"{count} plans, {seconds:g} s each"


def first(model: ScriptedModel | GatedModel, count: int = 3, **known: object) -> FirstPlans:
    so_far = PlansSoFar(count, known.get("plans", ()), known.get("written", list))  # type: ignore[arg-type]
    times = RequestTimes(ManualClock(1000.0), 60.0, lambda: 1040.0)
    recorder = known.get("recorder", EventList())
    return FirstPlans(model, PlanTexts, so_far, recorder, times)  # type: ignore[arg-type]


def draft(step: int, *open_or_written: str) -> Brief:
    return Brief(step, "draft", 5, siblings=(*RECIPES, *open_or_written), seconds=90.0)


def own(plans: FirstPlans, brief: Brief) -> str | None:
    plans.claim(brief)
    kept = plans.of(brief)
    return kept.own if kept else None


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text",
    [
        LISTED,
        f"Here are the plans:\n\n{LISTED}",
        LISTED.replace("1. ", "**1.** ").replace("2. ", "2) ").replace("3. ", "Plan 3: "),
        f"```\n{LISTED}```\n",
        f"<think>1. naive Bayes for all\n</think>{LISTED}",
        f"{LISTED}4. {TREES}\n",
        LISTED.replace(", five", ",\n   five"),
        f"{LISTED}\nWhich one do you want first?",
    ],
)
def test_plans_are_read_from_what_models_write(text: str) -> None:
    assert read_plans(text, 3) == PLANS


def test_a_program_is_no_list_of_plans() -> None:
    program = GOOD.replace("# %% MODEL", "# 1. build the model\n# 2. fit the model\n# %% MODEL")
    assert read_plans(f"{PLAN}\n{fence(program)}", 3) == ()
    assert read_plans("I cannot plan.", 3) == ()
    assert (
        read_plans("1. \u4f7f\u7528\u68af\u5ea6\u63d0\u5347\u6811\u6a21\u578b\u9884\u6d4b", 3) == ()
    )


def test_plans_have_at_most_300_characters_and_no_more_are_taken_than_asked_for() -> None:
    long = "\n".join(f"{i}. {'extra trees on waves, ' * 30}{i}" for i in range(1, 9))
    assert [len(plan) <= 300 for plan in read_plans(long, 8)] == [True]
    assert read_plans(LISTED, 2) == PLANS[:2]


# ---------------------------------------------------------------- one request


def test_each_draft_has_its_own_plan_and_knows_the_others_from_one_request() -> None:
    model, recorder = ScriptedModel([LISTED]), EventList()
    plans = first(model, recorder=recorder)
    briefs = [draft(2), draft(3, ""), draft(4, "", "")]
    assert [own(plans, brief) for brief in briefs] == list(PLANS)
    second = plans.of(briefs[1])
    assert second is not None
    assert second.others == (TREES, NEIGHBOURS)
    (request,) = model.requests
    assert (request.purpose, request.system, request.deadline) == (PURPOSE, "rules", 1040.0)
    assert request.messages[0].text == "3 plans, 90 s each"
    assert [event.plans for event in recorder.of(PlansMade)] == [PLANS]


def test_other_briefs_ask_for_no_plans() -> None:
    model = ScriptedModel([LISTED])
    plans = first(model)
    late = dataclasses.replace(draft(9), parents=(parent(),))
    for brief in (late, Brief(7, "rewrite", 5, (parent(),))):
        assert own(plans, brief) is None
    assert model.requests == []


@pytest.mark.parametrize("answer", [ModelError("quota", permanent=True), "no", fence(GOOD)])
def test_a_request_that_brings_no_plans_is_made_once_and_drafts_go_on(
    answer: str | ModelError,
) -> None:
    model, recorder = ScriptedModel([answer, LISTED]), EventList()
    plans = first(model, recorder=recorder)
    assert [own(plans, brief) for brief in (draft(2), draft(3, ""))] == [None, None]
    assert len(model.requests) == 1
    assert recorder.of(PlansMade) == []


def test_one_draft_alone_needs_no_plans() -> None:
    model = ScriptedModel([LISTED])
    assert own(first(model, count=1), draft(2)) is None
    assert model.requests == []


def test_the_end_of_the_run_passes_through() -> None:
    class Ended(ScriptedModel):
        def complete(self, request: Request) -> Answer:
            raise Interrupted("the run ends")

    with pytest.raises(Interrupted):
        first(Ended([])).claim(draft(2))


def test_the_plan_of_a_draft_that_failed_is_free_again() -> None:
    plans = first(ScriptedModel([LISTED]))
    assert [own(plans, draft(2)), own(plans, draft(3, ""))] == [TREES, RIDGE]
    plans.release(draft(2))
    assert own(plans, draft(4, "")) == TREES
    assert own(plans, draft(5, "", "")) == NEIGHBOURS
    assert own(plans, draft(6, "", "", "")) is None


class GatedModel:
    """Answers when it is let."""

    available = True

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        self.requests: list[Request] = []

    def complete(self, request: Request) -> Answer:
        self.requests.append(request)
        self.asked.set()
        assert self.let.wait(30)
        return Answer(LISTED)


def test_drafts_that_are_open_together_wait_for_the_one_request() -> None:
    model = GatedModel()
    plans = first(model)
    with ThreadPoolExecutor(2) as lanes:
        early = lanes.submit(own, plans, draft(2))
        assert model.asked.wait(30)
        late = lanes.submit(own, plans, draft(3, ""))
        assert not late.done()
        model.let.set()
        assert {early.result(30), late.result(30)} == {TREES, RIDGE}
    assert len(model.requests) == 1


# ---------------------------------------------------------------- a resumed run


def test_a_resumed_run_goes_on_with_the_plans_of_its_journal(tmp_path: Path) -> None:
    program = digest(GOOD)
    written = Proposal.to(draft(2), plan=TREES, program=GOOD, genes={}, author="model")
    history = History(lambda key: GOOD)
    journal = Journal(tmp_path / "journal.jsonl", ManualClock(), history.apply)
    first(ScriptedModel([LISTED]), recorder=journal).claim(draft(2))
    journal.append(Proposed(written, program))
    journal.close()

    again = History(lambda key: GOOD)
    for line in read_lines(tmp_path / "journal.jsonl")[0]:
        again.apply(line)
    model = ScriptedModel([])
    plans = first(
        model,
        plans=again.plans,
        written=lambda: written_drafts(again.entries, again.pending.values()),
    )
    assert own(plans, draft(3, TREES)) == RIDGE
    assert model.requests == []


def test_a_run_whose_first_programs_are_under_way_asks_for_no_plans() -> None:
    model = ScriptedModel([LISTED])
    written = lambda: [WrittenDraft(TREES, by_recipes=False)]  # noqa: E731
    assert own(first(model, written=written), draft(3, TREES)) is None
    assert model.requests == []


# ---------------------------------------------------------------- with prompts and programs


@pytest.fixture
def asked(tmp_path: Path) -> tuple[ScriptedModel, ModelProposer]:
    """A model that answers with plans, then with programs, and the author that asks it."""
    spec = inspect_competition(folders.binary_rows(tmp_path / "data"), "", Hints.of())
    programs = [f"{PLAN}\n{fence(GOOD.replace('0.1', f'0.{i}'))}" for i in range(2, 5)]
    model = ScriptedModel([LISTED, "no", "no", *programs])
    plans = FirstPlans(
        model,
        lambda: prompts,
        PlansSoFar(3, (), list),
        EventList(),
        RequestTimes(ManualClock(1000.0), 60.0),
    )
    machine = CandidateMachine("3.11", {}, 2, 8192)
    progress = RunProgress(first_plan=plans.of)
    prompts = PromptBuilder(TaskFacts(spec, look(spec)), machine, progress)
    author = ModelProposer(
        model, prompts, reasons_to_reject, (), ManualClock(1000.0), 300.0, plans=plans
    )
    return model, author


def test_a_draft_is_asked_for_with_its_plan_and_the_others_beside_it(
    asked: tuple[ScriptedModel, ModelProposer],
) -> None:
    """A draft without a usable answer gives its plan back; four requests and a repair for three
    programs.
    """
    model, author = asked
    with pytest.raises(ProposalError):
        author.propose(draft(2))
    for step, siblings in ((3, ()), (4, (TREES,)), (5, (TREES, RIDGE))):
        author.propose(draft(step, *siblings))
    texts = [request.messages[0].text for request in model.requests]
    assert "Plan the first 3 programs" in texts[0]
    for text, plan in zip((texts[1], *texts[3:]), (TREES, *PLANS), strict=True):
        before, _, after = text.partition("Write the program of this plan")
        assert plan in after
        assert all(other in before for other in PLANS if other != plan)
        assert plan not in before.split("Other programs are written at the same time")[1]
    assert [request.purpose for request in model.requests][:2] == [PURPOSE, "s0002 draft"]


def test_a_run_with_plans_takes_at_most_1_2_requests_a_program() -> None:
    """The request for the plans included; here each program is right at once."""

    class Texts(PlanTexts):
        def write(self, brief: Brief) -> str:
            return f"{brief.kind} {brief.step}"

        def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
            return "repair"

    programs = [f"{PLAN}\n{fence(GOOD.replace('0.1', f'0.5{step}'))}" for step in range(10)]
    model = ScriptedModel([LISTED, *programs])
    author = ModelProposer(
        model, Texts(), reasons_to_reject, (), ManualClock(1000.0), 300.0, plans=first(model)
    )
    made = [author.propose(draft(step)) for step in range(2, 5)]
    made += [author.propose(Brief(step, "rewrite", 5, (parent(),))) for step in range(5, 12)]
    assert len(made) == 10
    assert len(model.requests) == 11 <= 1.2 * len(made)


def test_a_draft_reads_whole_plans_of_the_drafts_before_it(tmp_path: Path) -> None:
    spec = inspect_competition(folders.binary_rows(tmp_path / "data"), "", Hints.of())
    machine = CandidateMachine("3.11", {}, 2, 8192)
    long = ", ".join(f"ridge on waves of {i} hours and their products" for i in range(2, 8))
    assert 250 < len(long) <= 300
    text = PromptBuilder(TaskFacts(spec, look(spec)), machine, RunProgress()).write(
        draft(3, long, TREES)
    )
    assert f"- {long}\n" in text
    crowd = PromptBuilder(TaskFacts(spec, look(spec)), machine, RunProgress()).write(
        draft(9, *(f"{i} {long}" for i in range(7)))
    )
    assert "- 3 ridge on waves of 2 hours and their products, ridge on waves of 3 hours" in crowd
    assert "and their ..." not in crowd


def test_a_draft_without_a_plan_is_asked_for_as_before(tmp_path: Path) -> None:
    spec = inspect_competition(folders.binary_rows(tmp_path / "data"), "", Hints.of())
    machine = CandidateMachine("3.11", {}, 2, 8192)
    text = PromptBuilder(TaskFacts(spec, look(spec)), machine, RunProgress()).write(draft(2))
    assert "Write the program of this plan" not in text
    assert "at the same time" not in text
    assert "idea that is still free" in text
