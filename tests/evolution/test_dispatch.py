"""Who gets a brief: every rule of the dispatcher is shown to change a decision."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import pytest

from core.evolution.assignment import Assignment
from core.evolution.dispatch import LEAST_SHARE, TRIAL_SHARE
from core.evolution.search import EvolutionSearch
from core.persona import NOBODY, Persona, Population
from core.records import Brief, Entry
from tests.evolution.test_operators import FULL, SEARCH, done, drafts
from tests.slices import memory_config
from utils.config_schema import ExperiencePoolConfig

NAMES = ("anna", "bert", "cleo")


def team(*personas: Persona) -> Population:
    population = Population()
    for persona in personas or [Persona(name) for name in NAMES]:
        population = population.with_persona(persona, "joined", 0)
    return population


def briefs(
    entries: Sequence[Entry],
    population: Population,
    count: int = 400,
    memory: ExperiencePoolConfig | None = None,
) -> list[Brief]:
    found = []
    for seed in range(count):
        assignment = Assignment(lambda: population, memory or memory_config(), 0, seed)
        search = EvolutionSearch(
            SEARCH, FULL, "maximize", seed, lambda key: "", assignment=assignment
        )
        found.append(search.next_brief(entries, len(entries), [], 0.5))
    return found


def who(
    entries: Sequence[Entry], population: Population, memory: ExperiencePoolConfig | None = None
) -> Counter[str]:
    return Counter(brief.persona.label for brief in briefs(entries, population, memory=memory))


def by(label: str, score: float, count: int, start: int = 3, seconds: float = 1.0) -> list[Entry]:
    """Mutations of the best draft that one persona wrote."""
    steps = [
        done(start + i, score, kind="mutate", parents=("s0001",), seconds=seconds)
        for i in range(count)
    ]
    return [dataclasses.replace(step, persona=label) for step in steps]


def mutations(
    entries: Sequence[Entry], population: Population, memory: ExperiencePoolConfig | None = None
) -> Counter[str]:
    found = briefs(entries, population, 1200, memory)
    return Counter(brief.persona.label for brief in found if brief.kind == "mutate")


def test_without_personas_nobody_in_particular_writes() -> None:
    assert all(brief.persona == NOBODY for brief in briefs(drafts(), Population()))


def test_a_team_without_preferences_decides_as_nobody_does() -> None:
    """Personas are drawn by a generator of their own, so that switching them on changes nothing
    else.
    """
    plain = briefs(drafts(), Population())
    staffed = briefs(drafts(), team())
    assert [dataclasses.replace(brief, persona=NOBODY) for brief in staffed] == plain


def test_who_gained_with_a_kind_of_brief_gets_more_of_them() -> None:
    entries = [*drafts(), *by("anna", 0.95, 6), *by("bert", 0.8, 6, 9), *by("cleo", 0.8, 6, 15)]
    found = mutations(entries, team())
    assert found["anna"] > 2 * max(found["bert"], found["cleo"])


def test_who_is_quicker_gets_more() -> None:
    entries = [*drafts(), *by("anna", 0.95, 6, 3, seconds=1), *by("bert", 0.95, 6, 9, seconds=20)]
    found = mutations(entries, team())
    assert found["anna"] > 1.5 * found["bert"]


def test_lesson_31_everybody_keeps_a_share() -> None:
    entries = [*drafts(), *by("anna", 0.99, 30), *by("bert", 0.1, 30, 33), *by("cleo", 0.1, 30, 63)]
    found = mutations(entries, team())
    assert min(found[name] for name in NAMES) > 0.6 * LEAST_SHARE * found.total()


def test_a_trial_gets_more_than_the_least_share() -> None:
    entries = [*drafts(), *by("anna", 0.99, 30), *by("bert", 0.1, 30, 33)]
    trial = team().with_persona(Persona("bert", version=1), "rewritten", 40)
    found = mutations(entries, trial)
    assert found["bert.1"] > 0.7 * TRIAL_SHARE * found.total()
    assert found["bert.1"] > mutations(entries, team())["bert"]


def test_what_was_long_ago_counts_less() -> None:
    def then(first: str, last: str) -> Counter[str]:
        return mutations(
            [*drafts(), *by(first, 0.95, 6), *by("cleo", 0.8, 60, 9), *by(last, 0.95, 6, 69)],
            team(),
        )

    anna_last, bert_last = then("bert", "anna"), then("anna", "bert")
    assert anna_last["anna"] > 1.3 * anna_last["bert"]
    assert bert_last["bert"] > 1.3 * bert_last["anna"]


def test_readiness_decides_before_anything_is_known() -> None:
    eager = team(
        Persona("anna", operators={"mutate": 3.0}),
        Persona("bert"),
        Persona("cleo", operators={"mutate": 0.3}),
    )
    found = mutations(drafts(), eager)
    assert found["anna"] > found["bert"] > found["cleo"]


def test_a_dispatcher_that_does_not_learn_gives_equal_shares() -> None:
    entries = [*drafts(), *by("anna", 0.95, 6), *by("bert", 0.8, 6, 9)]
    found = mutations(entries, team(), memory_config(enabled=False))
    assert max(found.values()) < 1.35 * min(found.values())


def test_only_the_newest_records_are_remembered() -> None:
    entries = [*drafts(), *by("anna", 0.95, 6), *by("bert", 0.8, 30, 9)]
    assert (
        mutations(entries, team())["anna"]
        > mutations(entries, team(), memory_config(max_records=30))["anna"]
    )


@pytest.mark.parametrize("locus", ["DATA", "POSTPROCESS"])
def test_a_persona_changes_the_part_that_it_likes(locus: str) -> None:
    found = Counter(
        brief.locus
        for brief in briefs(drafts(), team(Persona("anna", loci={locus: 4.0})))
        if brief.locus
    )
    assert found[locus] > 0.45 * found.total()
