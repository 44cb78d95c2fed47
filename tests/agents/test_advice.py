"""Skills change what is proposed without a model: what they advise comes first, and only that is on
their account.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from agents.recipes.advice import Advice
from agents.recipes.assemble import Choice, stated
from agents.recipes.catalog import load
from agents.recipes.proposer import RecipesProposer
from agents.recipes.space import Space
from benchmark.study.library import Extent, make_library
from benchmark.study.proposer import LibraryProposer
from core.evolution.change_words import change_text
from core.genome import Genome
from core.protocols import Proposer
from core.records import Brief, BriefKind, CompetitionSpec, Parent, Proposal
from core.skill import Skill
from tests.benchmark.test_study_proposer import PROBLEM

PACKAGES = frozenset({"lightgbm"})
BEFORE = {
    "fragment": "model_hist_boosting",
    "RATE": 0.1,
    "TREES": 200,
    "KIND": "words and characters",
}


def skill(change: str, name: str = "k1", gain: float = 0.3) -> Skill:
    return Skill(
        name, f"Do this: {change}", change, change.partition(":")[0], {}, ("s0001", "s0002"), gain
    )


@pytest.fixture
def spec(tools: Any, tmp_path: Any) -> CompetitionSpec:
    return tools.make_spec(tmp_path, "log_loss", feature_columns=tuple("abcdefgh"), rows_train=5000)


@pytest.fixture(params=["recipes", "library"])
def fresh(request: pytest.FixtureRequest, spec: CompetitionSpec) -> Callable[[], Proposer]:
    """Makes proposers that have written nothing yet."""
    made: Proposer = RecipesProposer(spec, PACKAGES)
    if request.param == "library":
        made = LibraryProposer(make_library(Space(PROBLEM, PACKAGES), Extent(2, 2, 3, 2, 900)), 0)
    return lambda: copy.deepcopy(made)


@pytest.fixture
def proposer(fresh: Callable[[], Proposer]) -> Proposer:
    return fresh()


def child(
    proposer: Proposer,
    parent: Proposal,
    step: int,
    *skills: Skill,
    kind: BriefKind = "mutate",
    locus: str | None = None,
) -> Proposal:
    told = (Parent(parent.id, parent.program, parent.plan, 0.5, None, parent.change),)
    return proposer.propose(Brief(step, kind, step, told, locus, skills=skills))


def changes(made: list[Proposal]) -> list[str]:
    return [proposal.change for proposal in made]


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize(
    ("change", "after", "backed"),
    [
        ("MODEL: model_hist_boosting -> model_mlp", {"fragment": "model_mlp", "WIDTH": 3}, True),
        ("MODEL: model_linear -> model_mlp", {"fragment": "model_mlp", "WIDTH": 3}, True),
        ("MODEL: model_mlp -> model_hist_boosting", {"fragment": "model_mlp", "WIDTH": 3}, False),
        ("DATA: model_linear -> model_mlp", {"fragment": "model_mlp", "WIDTH": 3}, False),
        ("MODEL: RATE 0.1 -> 0.05", BEFORE | {"RATE": 0.08}, True),
        ("MODEL: RATE 0.3 -> 0.2", BEFORE | {"RATE": 0.08}, True),
        ("MODEL: RATE 0.1 -> 0.2", BEFORE | {"RATE": 0.08}, False),
        ("MODEL: TREES 100 -> 200", BEFORE | {"RATE": 0.12}, False),
        ("MODEL: RATE 0.1 -> 0.05, TREES 100 -> 200", BEFORE | {"RATE": 0.05, "TREES": 400}, True),
        ("MODEL: RATE 0.1 -> 0.05, TREES 100 -> 200", BEFORE | {"TREES": 400}, True),
        ("MODEL: RATE 0.1 -> 0.05, TREES 100 -> 200", BEFORE | {"RATE": 0.05, "TREES": 100}, False),
        ("MODEL: RATE 0.1 -> 0.05", BEFORE | {"RATE": 0.05, "TREES": 400}, False),
        ("MODEL: KIND characters -> words", BEFORE | {"KIND": "words"}, True),
        (
            "MODEL: KIND words -> words and characters, RATE 1 -> 2",
            BEFORE | {"KIND": "words"},
            False,
        ),
        ("MODEL: a smaller learning rate with more trees", BEFORE | {"RATE": 0.05}, False),
        ("MODEL: RATE 0.1 -> 0.05", BEFORE, False),
        ("", BEFORE | {"RATE": 0.05}, False),
    ],
)
def test_a_change_is_matched_by_its_direction(
    change: str, after: dict[str, Any], backed: bool
) -> None:
    advice = Advice([skill(change)])
    assert advice.favours("MODEL", BEFORE, after) == backed
    assert advice.behind("MODEL", BEFORE, after) == (("k1",) if backed else ())


def test_the_closest_skill_ranks_first_and_losses_advise_nothing() -> None:
    lower, higher = BEFORE | {"RATE": 0.05}, BEFORE | {"RATE": 0.2}
    advice = Advice([skill("MODEL: RATE 1 -> 2", "up"), skill("MODEL: RATE 2 -> 1", "down")])
    assert [
        advice.rank("MODEL", BEFORE, after) for after in (higher, lower, BEFORE | {"TREES": 1})
    ] == [0, 1, 2]
    assert Advice([skill("MODEL: RATE 2 -> 1", gain=-0.4)]).behind("MODEL", BEFORE, lower) == ()
    assert Advice([]).rank("MODEL", BEFORE, lower) == 0


def test_what_is_warned_of_comes_last_and_a_heeded_warning_is_followed() -> None:
    lower, other = BEFORE | {"RATE": 0.05}, BEFORE | {"TREES": 1}
    warning = dataclasses.replace(skill("MODEL: RATE 2 -> 1", "w", gain=-0.4), warns=True)
    advice = Advice([skill("MODEL: RATE 1 -> 2", "up"), warning])
    assert advice.rank("MODEL", BEFORE, lower) > advice.rank("MODEL", BEFORE, other)
    assert not advice.favours("MODEL", BEFORE, lower)
    assert advice.behind("MODEL", BEFORE, lower) == ()
    assert advice.behind("MODEL", BEFORE, other) == ("w",)
    assert advice.behind("MODEL", BEFORE, BEFORE | {"RATE": 0.2}) == ("up", "w")
    assert advice.behind("DATA", BEFORE, other) == ()


def test_the_words_of_every_swap_and_step_are_read_back() -> None:
    count = 0
    for fragment in load("tabular"):
        for other in load("tabular"):
            if other.locus == fragment.locus and other is not fragment:
                a, b = Choice.of(fragment).stated, Choice.of(other).stated
                assert Advice([skill(change_text(fragment.locus, a, b))]).favours(
                    fragment.locus, a, b
                )
        for parameter in fragment.parameters:
            for value in parameter.neighbours(parameter.default):
                a, b = (
                    Choice.of(fragment).stated,
                    Choice.of(fragment, {parameter.name: value}).stated,
                )
                back = Advice([skill(change_text(fragment.locus, a, b))])
                assert back.favours(fragment.locus, a, b), (fragment.key, parameter.name, value)
                assert not back.favours(fragment.locus, b, a)
                count += 1
    assert count > 100


# ---------------------------------------------------------------- what is proposed


def test_lesson_25_a_skill_decides_the_program(proposer: Proposer) -> None:
    parent = proposer.propose(Brief(0, "draft", 0))
    plain = [child(proposer, parent, step) for step in range(1, 9)]
    assert len({change.partition(" ->")[0] for change in changes(plain)}) > 3
    told = next(change for change in changes(plain)[::-1] if change.startswith("DATA: data_"))
    target = told.rpartition(" ")[2]
    other = proposer.propose(
        Brief(20, "draft", 20, siblings=("histogram boosting", "linear model"))
    )
    assert stated(Genome.parse(other.program).gene("DATA"))["fragment"] != target
    for step, locus in ((21, "DATA"), (22, None)):
        fresh = child(
            proposer,
            other,
            step,
            skill("MODEL: NONSENSE 1 -> 2", "none"),
            skill(told, "k7"),
            locus=locus,
        )
        if step == 21:
            assert fresh.change.endswith(f"-> {target}")
            assert (fresh.locus, fresh.skills) == ("DATA", ("k7",))


@pytest.mark.parametrize("kind", ["mutate", "tune"])
def test_what_a_skill_advises_comes_first_wherever_it_is(
    kind: BriefKind, fresh: Callable[[], Proposer]
) -> None:
    """No locus is asked for: the skill decides it, and the fragment or the direction of the step."""
    proposer = fresh()
    parent = proposer.propose(Brief(0, "draft", 0))
    told = changes([child(proposer, parent, step, kind=kind) for step in range(1, 9)])
    for change in [each for each in told if kind == "mutate" or re.match("[A-Z]+: [A-Z]", each)]:
        made = child(
            fresh(), parent, 1, skill("TRAIN: NONE 1 -> 2", "none"), skill(change, "k7"), kind=kind
        )
        assert made.skills == ("k7",)
        assert made.locus == change.partition(":")[0]
        assert what(made.change) == what(change)


def what(change: str) -> list[str]:
    """The names of what changed: the new fragment, or parameters."""
    return re.findall(r"[A-Z0-9_]{2,} (?=.+? ->)|(?<=-> )[a-z]+_\w+$", change)


def test_the_direction_of_a_step_is_that_of_the_skill(spec: CompetitionSpec) -> None:
    for told, sign in (("MODEL: LEARNING_RATE 0.1 -> 0.2", 1), ("MODEL: LEARNING_RATE 3 -> 2", -1)):
        proposer = RecipesProposer(spec, PACKAGES)
        made = child(proposer, proposer.propose(Brief(0, "draft", 0)), 1, skill(told))
        was, now = made.change.removeprefix("MODEL: LEARNING_RATE ").split(" -> ")
        assert (float(now) - float(was)) * sign > 0


def test_the_asked_locus_comes_before_advice_for_another(proposer: Proposer) -> None:
    parent = proposer.propose(Brief(0, "draft", 0))
    made = child(proposer, parent, 1, skill("MODEL: LEARNING_RATE 0.1 -> 0.2"), locus="DATA")
    assert (made.locus, made.skills) == ("DATA", ())


def test_a_skill_that_fits_nothing_changes_no_program(spec: CompetitionSpec) -> None:
    for told in ((), (skill("MODEL: model_a -> model_b"), skill("less of everything"))):
        proposer = RecipesProposer(spec, PACKAGES)
        parent = proposer.propose(Brief(0, "draft", 0))
        made = [
            child(proposer, parent, step, *told, kind="tune" if step % 3 else "mutate")
            for step in range(1, 20)
        ]
        if not told:
            plain = made
    assert [item.program for item in made] == [item.program for item in plain]
    assert {item.skills for item in made} == {()}


def test_drafts_are_on_no_skills_account(proposer: Proposer) -> None:
    made = proposer.propose(
        Brief(0, "draft", 0, skills=(skill("MODEL: model_linear -> model_hist_boosting"),))
    )
    assert made.skills == ()
