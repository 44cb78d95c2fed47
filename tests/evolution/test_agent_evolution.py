"""How personas change: who is rewritten, what comes of it, and when it is undone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from core.events import Event, PersonaChanged
from core.evolution.agent_evolution import (
    LEAST_WEIGHT,
    LONGEST_TRIAL,
    MOST_WEIGHT,
    TRIAL_RECORDS,
    AgentEvolution,
    recombined,
    standings_of,
)
from core.evolution.experience import Experience
from core.persona import Persona, Population
from core.skill import Example
from tests.slices import agent_config

ANNA = Persona(
    "anna",
    "tunes models",
    strategy={"mutate": "small steps"},
    loci={"MODEL": 3.0},
    operators={"tune": 2.0},
)
BERT = Persona(
    "bert", "makes features", strategy={"draft": "joins"}, loci={"DATA": 3.0}, genes={"data_*": 2.0}
)
CLEO = Persona("cleo", "blends")


def team(*personas: Persona) -> Population:
    population = Population()
    for persona in personas or (ANNA, BERT, CLEO):
        population = population.with_persona(persona, "joined", 0)
    return population


def steps(*gains: tuple[str, float | None], kind: str = "mutate") -> list[Experience]:
    """One record per (label, gain), in order."""
    return [
        Experience(
            f"s{i}", i, label, kind, gain, 1.0, "", None, "", (), (), False, len(gains) - 1 - i
        )  # type: ignore[arg-type]
        for i, (label, gain) in enumerate(gains)
    ]


def rounds(count: int, **gains: float | None) -> list[Experience]:
    """Everybody in turn, `count` times."""
    return steps(*[(label, gain) for _ in range(count) for label, gain in gains.items()])


def evolve(
    pool: Sequence[Experience],
    population: Population | None = None,
    epoch: int = 3,
    coach: Any = None,
    **changes: Any,
) -> list[Event]:
    rules = agent_config(**changes)
    return AgentEvolution(rules, None, coach, 7).evolve(epoch, population or team(), pool, 30)


def changed(events: Sequence[Event]) -> PersonaChanged:
    (event,) = events
    assert isinstance(event, PersonaChanged)
    return event


# ---------------------------------------------------------------- who is rewritten


def test_the_weakest_is_rewritten_after_the_strongest() -> None:
    event = changed(evolve(rounds(10, anna=0.5, bert=0.0, cleo=0.2)))
    assert (event.persona.label, event.change, event.step) == ("bert.1", "rewritten", 30)
    assert event.evidence["after"] == "anna"
    assert event.persona.loci["MODEL"] != 1.0 or event.persona.loci["DATA"] != 3.0


def test_lesson_31_who_does_all_the_work_is_left_alone() -> None:
    """The one with most steps gained less per step than was to be expected, and more than anybody
    in all.
    """
    pool = steps(*[("cleo", 0.15)] * 24, *[("anna", 0.3)] * 4, *[("bert", 0.2)] * 4)
    standings = standings_of(pool)
    assert min(standings, key=lambda label: standings[label].ratio) == "cleo"
    assert [
        event
        for event in evolve(pool)
        if isinstance(event, PersonaChanged) and event.persona.name == "cleo"
    ] == []


def test_lesson_33_every_third_epoch_and_not_before_there_is_experience() -> None:
    pool = rounds(10, anna=0.5, bert=0.0, cleo=0.2)
    assert [epoch for epoch in range(1, 10) if evolve(pool, epoch=epoch)] == [3, 6, 9]
    assert evolve(pool[:19]) == []
    assert [epoch for epoch in range(1, 5) if evolve(pool, epoch=epoch, every_epochs=2)] == [2, 4]


def test_nobody_is_rewritten_where_that_is_off_or_all_are_alike() -> None:
    assert evolve(rounds(10, anna=0.5, bert=0.0, cleo=0.2), enabled=False) == []
    assert evolve(rounds(10, anna=0.2, bert=0.2, cleo=0.2)) == []
    assert evolve(steps(*[("anna", 0.2)] * 30)) == []


def test_gains_are_measured_against_the_same_kind_at_the_same_time() -> None:
    """Everybody gains early and with drafts; who came late with tuning steps is not weak for that."""
    early = [("anna", 0.8), ("cleo", 0.8)] * 15
    late = [("bert", 0.1), ("cleo", 0.02)] * 60
    found = standings_of(steps(*early, *late))
    assert found["bert"].ratio > 1 > found["cleo"].ratio
    drafting, tuning = (
        steps(*[("anna", 0.8)] * 8, kind="draft"),
        steps(*[("bert", 0.1), ("cleo", 0.1)] * 4, kind="tune"),
    )
    mixed = standings_of([*drafting, *tuning])
    assert mixed["bert"].ratio == pytest.approx(1.0)


def test_failures_and_losses_gain_nothing_and_openings_do_not_count() -> None:
    pool = [
        *steps(("anna", None), ("anna", -0.7)),
        *(dataclasses.replace(s, opening=True) for s in steps(("bert", 0.9))),
    ]
    assert standings_of(pool)["anna"].gain == 0.0
    assert "bert" not in standings_of(pool)


# ---------------------------------------------------------------- recombination


def test_a_child_has_biases_of_both_and_some_of_its_own() -> None:
    children = [recombined(BERT, ANNA, random.Random(seed)) for seed in range(60)]
    weights = {child.loci["MODEL"] for child in children}
    assert {1.0, 3.0} < weights
    assert all(LEAST_WEIGHT <= weight <= MOST_WEIGHT for weight in weights)
    assert {tuple(child.strategy) for child in children} == {
        (),
        ("draft",),
        ("mutate",),
        ("draft", "mutate"),
    }
    assert {(child.name, child.role) for child in children} == {("bert", "makes features")}


def test_words_for_a_rebuild_change_no_other_draw() -> None:
    """Recipes read no words: with these they decide as before."""
    told = dataclasses.replace(ANNA, strategy={**ANNA.strategy, "rebuild": "gathers"})
    heard = set()
    for seed in range(20):
        bare = recombined(BERT, ANNA, random.Random(seed))
        child = recombined(BERT, told, random.Random(seed))
        words = dict(child.strategy)
        heard.add(words.pop("rebuild", ""))
        assert dataclasses.replace(child, strategy=words) == bare
    assert heard == {"", "gathers"}


def test_the_same_run_draws_the_same_child() -> None:
    pool = rounds(10, anna=0.5, bert=0.0, cleo=0.2)
    assert evolve(pool) == evolve(pool)


class Coach:
    """Rewrites roles as told."""

    def __init__(self, role: str | None) -> None:
        self.role = role

    def rewrite(self, persona: Persona, evidence: Mapping[str, Any]) -> Persona | None:
        return None if self.role is None else dataclasses.replace(persona, role=self.role)

    def lesson(self, examples: Sequence[Example]) -> str | None:
        return None


def test_a_coach_writes_the_texts_and_is_not_needed() -> None:
    pool = rounds(10, anna=0.5, bert=0.0, cleo=0.2)
    told, silent = (
        changed(evolve(pool, coach=Coach("looks for leaks"))),
        changed(evolve(pool, coach=Coach(None))),
    )
    assert (told.persona.role, told.evidence["by"]) == ("looks for leaks", "model")
    assert (silent.persona.role, silent.evidence["by"]) == ("makes features", "recombination")
    assert told.persona.loci == silent.persona.loci


# ---------------------------------------------------------------- trials


def on_trial() -> Population:
    return team().with_persona(dataclasses.replace(BERT, version=1, role="new"), "rewritten", 30)


@pytest.mark.parametrize(
    ("gain", "change", "role"), [(0.5, "kept", "new"), (0.0, "rolled_back", "makes features")]
)
def test_a_trial_ends_by_what_was_gained(gain: float, change: str, role: str) -> None:
    pool = [
        *rounds(10, anna=0.3, bert=0.15),
        *rounds(TRIAL_RECORDS, **{"bert.1": gain, "anna": 0.3}),
    ]
    event = changed(evolve(pool, on_trial(), epoch=4))
    assert (event.change, event.persona.role) == (change, role)
    after = on_trial().with_persona(event.persona, event.change, event.step)
    assert after.probations == {}
    assert after.personas["bert"].role == role


def test_a_trial_goes_on_without_enough_steps_but_not_for_ever() -> None:
    pool = rounds(TRIAL_RECORDS - 1, **{"bert.1": 0.9, "anna": 0.1})
    assert evolve(pool, on_trial(), epoch=4) == []
    rules = agent_config()
    event = changed(
        AgentEvolution(rules, None, None, 7).evolve(4, on_trial(), pool, 30 + LONGEST_TRIAL)
    )
    assert event.change == "rolled_back"


def test_nobody_else_is_rewritten_during_a_trial() -> None:
    assert evolve(rounds(10, anna=0.5, cleo=0.0), on_trial(), epoch=6) == []


def test_a_label_is_never_given_twice() -> None:
    """Steps are signed with it: the child after a roll-back must not inherit its brother's record."""
    back = on_trial().with_persona(BERT, "rolled_back", 50)
    assert back.personas["bert"].label == "bert"
    event = changed(evolve(rounds(10, anna=0.5, bert=0.0, cleo=0.2), back, epoch=6))
    assert event.persona.label == "bert.2"
