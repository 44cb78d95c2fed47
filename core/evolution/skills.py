"""Lessons in force: which of them go with a brief, and which come, are merged, measured and given
up. Pure.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.events import SkillChanged
from core.evolution.briefs import mends
from core.evolution.clusters import figures_of, values_of
from core.evolution.experience import Experience
from core.evolution.skill_extractor import (
    Embed,
    GeneText,
    SkillExtractor,
    advice_of,
    change_in,
    gene_reader,
    skill_text,
)
from core.evolution.skill_lift import MOST_ACTIVE, lift_of, standing, why_retired
from core.evolution.topics import TOPICS, fit
from core.persona import Population, SkillChange
from core.skill import Skill
from utils.config_schema import SkillConfig

__all__ = [
    "Embed",
    "GeneText",
    "SkillExtractor",
    "SkillManager",
    "gene_reader",
    "skills_for",
]

# Share of the briefs that could have had lessons and get none, so that there is something to
# measure lifts against.
CONTROL_SHARE = 0.25
# Share of the other briefs that go without a certain one: of lessons that always come together none
# could be judged.
LEFT_OUT = 0.2
# New lessons of one epoch that a model puts into words.
MOST_TAUGHT = 3

Cosines = Callable[[str, str], float]
"""Likeness of the advice of two skills, by their ids."""


def skills_for(
    population: Population,
    kind: str,
    locus: str | None,
    aspect: str | None,
    most: int,
    rng: random.Random,
) -> tuple[Skill, ...]:
    """The lessons of a brief: those about its part of a program, by fit and measured lift, the best
    first, and warnings behind all others.

    A share of the briefs gets none, and each lesson is left out of a share of the others.
    """
    if mends(kind):
        return ()
    fitting = [skill for skill in in_force(population) if _touches(skill, locus)]
    if not fitting or rng.random() < CONTROL_SHARE:
        return ()
    offered = [skill for skill in fitting if rng.random() >= LEFT_OUT]
    offered.sort(key=lambda it: (it.warns, -fit(it.fits, kind, locus, aspect) - it.lift))
    return tuple(offered[:most])


def in_force(population: Population) -> list[Skill]:
    """Skills in use, in the order of their ids."""
    return [skill for _, skill in sorted(population.skills.items())]


def _touches(skill: Skill, locus: str | None) -> bool:
    """The skill is about this part of a program, or either is about all of it."""
    return locus is None or skill.locus is None or skill.locus == locus


class SkillManager:
    """Keeps the lessons in force few, different and useful."""

    def __init__(self, extractor: SkillExtractor, config: SkillConfig) -> None:
        self._extractor = extractor
        self._config = config

    def evolve_skills(
        self, population: Population, pool: Sequence[Experience]
    ) -> list[SkillChanged]:
        """What an epoch changes, in order: lifts, new evidence and new skills, duplicates, what is
        given up.
        """
        if not pool:
            return []
        book, values = _Book(population), values_of(pool)
        _measure(book, pool, values)
        for skill in book.active:
            if not TOPICS.keys() <= skill.fits.keys():
                book.note(self._extractor.fitted(skill), "carried", fits="measured")
        found = self._extractor.extract(pool, population.skills.keys(), population.retired)
        cosines = self._extractor.cosines([*found, *book.active])
        self._merge_similar_skills(book, cosines, values)
        self._take_in(book, found, cosines, pool)
        _retire(book, pool)
        return book.events

    def _is_duplicate(self, one: Skill, other: Skill, cosines: Cosines) -> bool:
        """True for two wordings of one lesson."""
        if one.warns != other.warns or change_in(one).contradicts(change_in(other)):
            return False
        return cosines(one.id, other.id) >= self._config.duplicate_similarity

    def _merge_similar_skills(
        self, book: _Book, cosines: Cosines, values: Mapping[str, float]
    ) -> None:
        """Of two skills in force that are one lesson the one with more evidence stays."""
        different: list[str] = []
        for skill in sorted(book.active, key=lambda it: (-len(it.evidence), -it.uses, it.id)):
            homes = map(book.population.skills.__getitem__, different)
            home = self._first_duplicate(homes, skill, cosines)
            if home is None:
                different.append(skill.id)
            else:
                book.unite(home, skill, values)
                book.note(skill, "retired", why=f"the same as {home.id}")

    def _first_duplicate(
        self, among: Iterable[Skill], skill: Skill, cosines: Cosines
    ) -> Skill | None:
        """Another wording of the same lesson; None where there is none."""
        return next((it for it in among if self._is_duplicate(it, skill, cosines)), None)

    def _take_in(
        self, book: _Book, found: Sequence[Skill], cosines: Cosines, pool: Sequence[Experience]
    ) -> None:
        """New evidence goes to the skill that it belongs to; what belongs to none is a new one."""
        values, asked = values_of(pool), 0
        for skill in found:
            home = self._home(skill, book, cosines)
            if home is not None:
                book.unite(home, skill, values)
            elif skill.id not in book.population.retired:
                new = skill
                if asked < MOST_TAUGHT:
                    new = self._extractor.taught(skill, pool)
                    asked += 1
                book.note(new, "extracted", tried=len(skill.evidence), gain=skill.gain)

    def _home(self, skill: Skill, book: _Book, cosines: Cosines) -> Skill | None:
        """The skill in force that is this lesson. A step is evidence of one skill only."""
        if skill.id in book.population.skills:
            return book.population.skills[skill.id]
        for other in book.active:
            if other.warns == skill.warns and not set(other.evidence).isdisjoint(skill.evidence):
                return other
        return self._first_duplicate(book.active, skill, cosines)


class _Book:
    """A population while an epoch changes it, and the events that say how."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.events: list[SkillChanged] = []

    @property
    def active(self) -> list[Skill]:
        return in_force(self.population)

    def note(self, skill: Skill, change: SkillChange, **evidence: Any) -> None:
        self.population = self.population.with_skill(skill, change)
        self.events.append(SkillChanged(skill, change, evidence))

    def unite(self, home: Skill, other: Skill, values: Mapping[str, float]) -> None:
        """Adds the steps that `home` does not count yet. Of two wordings the one with more evidence
        stays.
        """
        fresh = [entry for entry in other.evidence if entry not in home.evidence]
        if not fresh:
            return
        richer = home
        if home.id != other.id and len(other.evidence) > len(home.evidence):
            richer = other
        evidence = tuple(entry for entry in (*home.evidence, *fresh) if entry in values)
        figures = figures_of(evidence, values)
        united = dataclasses.replace(
            home,
            text=skill_text(advice_of(richer), figures),
            change=richer.change,
            locus=richer.locus,
            fits=richer.fits,
            evidence=evidence,
            gain=round(figures.gain, 4),
        )
        self.note(united, "merged", added=fresh, of=other.id)


def _measure(book: _Book, pool: Sequence[Experience], values: Mapping[str, float]) -> None:
    """Lifts of the skills that were used since they were last measured."""
    for skill in book.active:
        lift = lift_of(skill, pool, values)
        if lift.uses > skill.uses:
            measured = dataclasses.replace(skill, uses=lift.uses, lift=round(lift.value, 4))
            book.note(measured, "measured", controls=lift.controls)


def _retire(book: _Book, pool: Sequence[Experience]) -> None:
    """What harms, what is of no use, and the weakest of too many."""
    for skill in book.active:
        reason = why_retired(skill, pool)
        if reason:
            book.note(skill, "retired", why=reason)
    by_worth = sorted(book.active, key=standing)
    for skill in by_worth[: max(len(by_worth) - MOST_ACTIVE, 0)]:
        book.note(skill, "retired", why="others are worth more")
