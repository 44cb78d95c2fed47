"""Who of the mixed team answers a brief."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from agents.team import MixedTeam, Partners, TeamRules
from core.doubles import ScriptedModel, ScriptedProposer, proposal
from core.protocols import Proposer
from core.records import Brief, Proposal
from utils.errors import ModelError, ProposalError


class Writer:
    """Names itself in the plan; an error in the script is raised instead."""

    def __init__(self, name: str, script: list[Exception | None] | None = None) -> None:
        self._name, self._script = name, iter(script or [])

    def propose(self, brief: Brief) -> Proposal:
        error = next(self._script, None)
        if error is not None:
            raise error
        return dataclasses.replace(proposal(brief, f"x = {brief.step}"), plan=self._name)


def brief(step: int, kind: str = "mutate", siblings: int = 5) -> Brief:
    return Brief(step, kind, 0, siblings=("plan",) * siblings)  # type: ignore[arg-type]


def team(author: Proposer, model: ScriptedModel | None = None) -> MixedTeam:
    rules = TeamRules(recipe_drafts=2)
    return MixedTeam(Writer("recipes"), author, model or ScriptedModel([]), rules)


def test_recipes_write_the_first_drafts_and_the_model_everything_after() -> None:
    mixed = team(Writer("model"))
    kinds = [brief(0, "draft", 0), brief(1, "draft", 1), brief(2, "draft", 2), brief(3)]
    assert [mixed.propose(one).plan for one in kinds] == ["recipes", "recipes", "model", "model"]


def test_recipes_stand_in_while_the_model_is_not_available() -> None:
    model = ScriptedModel([], available=False)
    mixed = team(Writer("model"), model)
    assert mixed.propose(brief(3)).plan == "recipes"
    model.available = True
    assert mixed.propose(brief(4)).plan == "model"


def test_a_failed_call_costs_no_step() -> None:
    assert team(Writer("model", [ModelError("HTTP 500")])).propose(brief(3)).plan == "recipes"


def test_a_cause_is_told_once_until_the_model_answers_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    down, quota = ModelError("HTTP 500"), ModelError("no quota")
    mixed = team(Writer("model", [down, down, quota, None, quota]))
    for step in range(3, 8):
        mixed.propose(brief(step))
    said = [
        record.getMessage().rpartition(": ")[2]
        for record in caplog.records
        if record.levelname == "WARNING"
    ]
    assert said == ["HTTP 500", "no quota", "no quota"]


def test_lesson_19_unusable_answers_count_and_make_the_model_rest_longer_each_time() -> None:
    mixed = team(
        Writer(
            "model", [ProposalError("prose"), ProposalError("prose"), None, ProposalError("prose")]
        )
    )

    def who(step: int) -> str:
        try:
            return mixed.propose(brief(step)).plan
        except ProposalError:
            return "failed"

    answers = [who(step) for step in range(3, 12)]
    assert answers == [
        "failed",
        "recipes",
        "failed",
        "recipes",
        "recipes",
        "model",
        "failed",
        "recipes",
        "model",
    ]


def test_a_brief_is_the_models_however_many_others_it_works_on() -> None:
    author = Slow()
    mixed = team(author)
    first = threading.Thread(target=mixed.propose, args=(brief(3),))
    first.start()
    assert author.asked.wait(30)
    author.asked.clear()
    answers: list[str] = []
    second = threading.Thread(target=lambda: answers.append(mixed.propose(brief(4)).plan))
    second.start()
    assert author.asked.wait(30)
    author.go.set()
    first.join(30)
    second.join(30)
    assert answers == ["model"]


class Slow:
    """An author that holds its calls until they are let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def propose(self, brief: Brief) -> Proposal:
        self.asked.set()
        assert self.go.wait(30)
        return dataclasses.replace(proposal(brief, f"x = {brief.step}"), plan="model")


class Families:
    """Recipes of these families in turn, the first that no sibling has, then the last one again."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def propose(self, brief: Brief) -> Proposal:
        taken = {plan.partition(",")[0] for plan in brief.siblings}
        left = [name for name in self._names if name not in taken]
        name = next(iter(left), self._names[-1])
        return dataclasses.replace(proposal(brief, name), plan=f"{name}, on all columns")


def test_partners_are_one_recipe_of_each_family() -> None:
    partners, plans = Partners(Families("linear model", "boosting")), list[str]()
    for step in range(2):
        plans.append(partners.propose(Brief(step, "draft", 0, siblings=tuple(plans))).plan)
    assert plans == ["linear model, on all columns", "boosting, on all columns"]
    with pytest.raises(ProposalError, match="every family"):
        partners.propose(Brief(2, "draft", 0, siblings=tuple(plans)))


def test_errors_of_the_recipes_come_out() -> None:
    mixed = MixedTeam(ScriptedProposer([]), Writer("model"), ScriptedModel([]), TeamRules())
    with pytest.raises(ProposalError, match="the script is over"):
        mixed.propose(brief(0, "draft", 0))


def test_recipes_do_not_stand_in_for_answers_that_the_end_of_the_search_cut_off() -> None:
    late = ModelError("relay: no complete answer within 16 s")
    over = False
    author = Writer("model", [late, late])
    mixed = MixedTeam(
        Writer("recipes"), author, ScriptedModel([]), TeamRules(recipe_drafts=0), lambda: over
    )
    assert mixed.propose(brief(3)).plan == "recipes"
    over = True
    with pytest.raises(ProposalError, match="no answer before the search ended: relay"):
        mixed.propose(brief(4))
