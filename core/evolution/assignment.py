"""Who writes a brief, and which lessons go with it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.evolution.dispatch import TaskDispatcher
from core.evolution.operators import Move
from core.evolution.selection import derived_rng
from core.evolution.situation import Situation
from core.evolution.skills import skills_for
from core.persona import Persona, Population
from core.records import BriefKind
from core.skill import Skill
from utils.config_schema import ExperiencePoolConfig


@dataclass(frozen=True, slots=True)
class Assignment:
    """population: the state of level 2 at this moment. memory: what dispatch remembers. most_skills: in one brief."""

    population: Callable[[], Population]
    memory: ExperiencePoolConfig
    most_skills: int
    seed: int

    def persona(self, kind: BriefKind, now: Situation) -> Persona:
        rng = derived_rng(self.seed, now.step, f"persona for {kind}")
        return TaskDispatcher(self.memory).choose(kind, self.population(), now, rng)

    def skills(self, move: Move, now: Situation) -> tuple[Skill, ...]:
        rng = derived_rng(self.seed, now.step, "skills")
        return skills_for(
            self.population(), move.kind, move.locus, move.aspect, self.most_skills, rng
        )


NO_ASSIGNMENT = Assignment(Population, ExperiencePoolConfig(enabled=False, max_records=1), 0, 0)
"""Level 2 is off: nobody in particular writes."""
