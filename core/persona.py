"""Personas, the roles in which programs are written, and the population of them: data that
evolution may change.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from core.skill import Skill

PersonaChange = Literal["joined", "rewritten", "kept", "rolled_back"]
SkillChange = Literal["extracted", "merged", "measured", "retired", "carried"]


@dataclass(frozen=True, slots=True)
class Persona:
    """Weights are factors: 1 is no preference, 0 is never.

    name: stays the same over rewrites. version: 0 as in its file, one more per rewrite. role: one
    line that says who a model is. strategy: what it should do, by task
    (core.evolution.briefs.tasks). operators: how
    readily it takes a kind of brief. loci: which part it likes to change. genes: weight of a recipe
    fragment by patterns of its key (fnmatch), first match. temperature, model: of its requests;
    None: as configured.
    """

    name: str
    role: str = ""
    version: int = 0
    strategy: dict[str, str] = field(default_factory=dict)
    operators: dict[str, float] = field(default_factory=dict)
    loci: dict[str, float] = field(default_factory=dict)
    genes: dict[str, float] = field(default_factory=dict)
    temperature: float | None = None
    model: str | None = None

    @property
    def label(self) -> str:
        """Name and version, as steps are signed with it."""
        return f"{self.name}.{self.version}" if self.version else self.name

    def taste(self, fragment: str) -> float:
        """Weight of a recipe fragment."""
        for pattern, weight in self.genes.items():
            if fnmatchcase(fragment, pattern):
                return weight
        return 1.0

    def readiness(self, kind: str) -> float:
        """Weight of a kind of brief."""
        return self.operators.get(kind, 1.0)


NOBODY = Persona("default")
"""Who writes where level 2 is off: no preference at all."""


@dataclass(frozen=True, slots=True)
class Probation:
    """A rewritten persona that is on trial. before: what comes back when it is not better. since:
    its first step.
    """

    before: Persona
    since: int


@dataclass(frozen=True, slots=True)
class Population:
    """personas: those in force, by name. probations: by name. versions: the latest of each name,
    also of those that were rolled back. skills: those in use, by id. retired: those that are not,
    as they were last. Empty where level 2 is off.
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
        probations = dict(self.probations)
        probations.pop(persona.name, None)
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
            in_use = dict(self.skills)
            in_use.pop(skill.id, None)
            retired = self.retired | {skill.id: skill}
            return dataclasses.replace(self, skills=in_use, retired=retired)
        return dataclasses.replace(self, skills=self.skills | {skill.id: skill})
