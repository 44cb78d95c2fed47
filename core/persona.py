"""A persona: a role in which programs are written, as data that evolution may change. Stdlib only."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Persona:
    """Weights are factors: 1 is no preference, 0 is never.

    name: stays the same over rewrites. version: 0 as in its file, one more per rewrite. role: one line that says who
    a model is. strategy: what it should do, by kind of brief. operators: how readily it takes a kind of brief. loci:
    which part it likes to change. genes: weight of a recipe fragment by patterns of its key (fnmatch), first match.
    temperature, model: of its requests; None: as configured.
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
        return next((weight for pattern, weight in self.genes.items() if fnmatchcase(fragment, pattern)), 1.0)

    def readiness(self, kind: str) -> float:
        """Weight of a kind of brief."""
        return self.operators.get(kind, 1.0)


NOBODY = Persona("default")
"""Who writes where level 2 is off: no preference at all."""
