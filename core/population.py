"""Who writes programs, and what was learnt so far: the state of level 2, a fold over its events. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from core.persona import Persona
from core.skill import Skill

PersonaChange = Literal["joined", "rewritten", "kept", "rolled_back"]
SkillChange = Literal["extracted", "merged", "measured", "retired", "carried"]


@dataclass(frozen=True, slots=True)
class Probation:
    """A rewritten persona that is on trial. before: what comes back when it is not better. since: its first step."""

    before: Persona
    since: int


@dataclass(frozen=True, slots=True)
class Population:
    """personas: those in force, by name. probations: by name. versions: the latest of each name, also of those that
    were rolled back. skills: those in use, by id. retired: those that are not, as they were last. Empty where level 2
    is off.
    """

    personas: dict[str, Persona] = field(default_factory=dict)
    probations: dict[str, Probation] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    skills: dict[str, Skill] = field(default_factory=dict)
    retired: dict[str, Skill] = field(default_factory=dict)

    @property
    def lessons(self) -> list[Skill]:
        """Skills in use and those that were given up."""
        return [*self.skills.values(), *self.retired.values()]

    def with_persona(self, persona: Persona, change: PersonaChange, step: int) -> Population:
        """After an event about a persona; step: the first one that it can steer."""
        probations = {name: trial for name, trial in self.probations.items() if name != persona.name}
        if change == "rewritten":
            probations[persona.name] = Probation(self.personas[persona.name], step)
        latest = max(persona.version, self.versions.get(persona.name, 0))
        return dataclasses.replace(
            self,
            personas=self.personas | {persona.name: persona},
            probations=probations,
            versions=self.versions | {persona.name: latest},
        )

    def with_skill(self, skill: Skill, change: SkillChange) -> Population:
        """After an event about a skill."""
        if change == "retired":
            left = {key: value for key, value in self.skills.items() if key != skill.id}
            return dataclasses.replace(self, skills=left, retired=self.retired | {skill.id: skill})
        return dataclasses.replace(self, skills=self.skills | {skill.id: skill})
