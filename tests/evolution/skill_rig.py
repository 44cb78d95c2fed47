"""Hand-made experience and plain embeddings for the tests of skills."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from core.events import SkillChanged
from core.evolution.changes import read_change
from core.evolution.experience import Experience
from core.evolution.skills import SkillExtractor, SkillManager
from core.evolution.topics import TOPICS
from core.persona import Population
from core.skill import Example, Skill
from tests.slices import skill_config

BETTER = "MODEL: model_linear -> model_lightgbm"


class Words:
    """Unit vectors that count words, so that cosines can be worked out by hand. calls: texts of
    each call.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        counts = [Counter(re.findall(r"[a-z0-9_]+", text.lower())) for text in texts]
        every = sorted(set().union(*counts))
        return [self._unit([float(count[word]) for word in every]) for count in counts]

    def _unit(self, vector: list[float]) -> list[float]:
        length = math.hypot(*vector)
        return [value / length for value in vector]


class ScriptedCoach:
    """Says the same about every lesson."""

    def __init__(self, says: str | None) -> None:
        self._says = says
        self.asked: list[Sequence[Example]] = []

    def lesson(self, examples: Sequence[Example]) -> str | None:
        self.asked.append(examples)
        return self._says

    def rewrite(self, persona: Any, evidence: Any) -> None:
        raise AssertionError("nobody is rewritten here")


def step(number: int, gain: float | None, change: str = "", **fields: Any) -> Experience:
    """A finished step; the locus is that of the change. gain None: it failed."""
    known: dict[str, Any] = {
        "entry": f"s{number:04d}",
        "step": number,
        "persona": "default",
        "kind": "mutate",
        "gain": gain,
        "cost": 1.0,
        "failure": "" if gain is not None else "ValueError",
        "locus": change.partition(":")[0] if change else "MODEL",
        "change": change,
        "diff": (),
        "skills": (),
        "opening": False,
        "age": 0,
    }
    return Experience(**(known | fields))


def tries(
    change: str, gains: Iterable[float | None], first: int = 0, **fields: Any
) -> list[Experience]:
    return [step(first + i, gain, change, **fields) for i, gain in enumerate(gains)]


def manager(similarity: float = 0.85, coach: Any = None, embed: Any = None) -> SkillManager:
    extractor = SkillExtractor(embed or Words(), lambda digest, locus: f"{locus} {digest}", coach)
    return SkillManager(extractor, skill_config(duplicate_similarity=similarity))


def extract(pool: Sequence[Experience]) -> list[Skill]:
    return SkillExtractor(Words(), lambda digest, locus: "").extract(pool)


def evolved(
    pool: Sequence[Experience],
    population: Population | None = None,
    using: SkillManager | None = None,
) -> tuple[Population, list[SkillChanged]]:
    """The population after an epoch, as a replay of its events makes it, and the events."""
    population = population or Population()
    events = (using or manager()).evolve_skills(population, pool)
    for event in events:
        population = population.with_skill(event.skill, event.change)
    return population, events


def skill(change: str = BETTER, **fields: Any) -> Skill:
    """A skill in force that knows all its fits."""
    locus = change.partition(":")[0]
    read = read_change(change, locus)
    known: dict[str, Any] = {
        "id": read.id,
        "text": f"{read.advice} Evidence: none.",
        "change": change,
        "locus": locus,
        "fits": dict.fromkeys(TOPICS, 0.5),
        "evidence": ("e0", "e1"),
        "gain": 0.3,
    }
    return Skill(**(known | fields))


def force(*skills: Skill) -> Population:
    population = Population()
    for one in skills:
        population = population.with_skill(one, "extracted")
    return population


def said(events: Iterable[SkillChanged]) -> list[tuple[str, str]]:
    """Change and id of each event."""
    return [(event.change, event.skill.id) for event in events]
