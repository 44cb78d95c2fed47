"""What skills advise, read from the words of plans: which changes of a recipe they stand behind.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.recipes.assemble import FRAGMENT, moves
from agents.recipes.catalog import Value
from core.skill import Skill

_CHANGE = re.compile(r"([A-Z]+): (.+)")
_SWAP = re.compile(r"([a-z]\w*) -> ([a-z]\w*)")
_STEP = re.compile(r"([A-Z][A-Z0-9_]*) (.+?) -> (.+?)(?:, (?=[A-Z][A-Z0-9_]* .+ -> )|$)")

Stated = Mapping[str, Value]
"""A locus as a recipe states it: its fragment and the value of each parameter."""


@dataclass(frozen=True, slots=True)
class AdvisedChange:
    """A change of one locus in the words of a plan. moves: name (FRAGMENT or a parameter) -> (from,
    to).
    """

    locus: str
    moves: dict[str, tuple[str, str]]

    def backs(self, locus: str, before: Stated, after: Stated) -> bool:
        """True when all that changes goes the same way."""
        made = moves(before, after)
        known = locus == self.locus and bool(made) and made.keys() <= self.moves.keys()
        return known and all(_same_way(made[name], self.moves[name]) for name in made)


def told(words: str) -> AdvisedChange | None:
    """The change that such words name: "MODEL: LEAVES 31 -> 63"; None for other words."""
    change = _CHANGE.fullmatch(words.strip())
    if change is None:
        return None
    locus, said = change.groups()
    swap = _SWAP.fullmatch(said)
    if swap is not None:
        return AdvisedChange(locus, {FRAGMENT: (swap[1], swap[2])})
    steps = {step[1]: (step[2], step[3]) for step in _STEP.finditer(said)}
    return AdvisedChange(locus, steps) if steps else None


class Advice:
    """The skills of a brief. One that no longer gains, or that speaks of no change of a recipe,
    says nothing.
    """

    def __init__(self, skills: Sequence[Skill]) -> None:
        """skills: the closest first."""
        self._hints: list[tuple[str, AdvisedChange]] = []
        self._warnings: list[tuple[str, AdvisedChange]] = []
        for skill in skills:
            change = told(skill.change)
            if change is None:
                continue
            if skill.warns:
                self._warnings.append((skill.id, change))
            elif skill.gain >= 0:
                self._hints.append((skill.id, change))

    def rank(self, locus: str, before: Stated, after: Stated) -> int:
        """0 for a change that the first skill advises, then the others in order; what is warned of
        comes last.
        """
        for place, (_, change) in enumerate(self._hints):
            if change.backs(locus, before, after):
                return place
        warned = any(change.backs(locus, before, after) for _, change in self._warnings)
        return len(self._hints) + warned

    def favours(self, locus: str, before: Stated, after: Stated) -> bool:
        return self.rank(locus, before, after) < len(self._hints)

    def behind(self, locus: str, before: Stated, after: Stated) -> tuple[str, ...]:
        """Ids of the skills that a change follows: those that advise it, and heeded warnings about
        its part.
        """
        ids = [skill for skill, change in self._hints if change.backs(locus, before, after)]
        for skill, change in self._warnings:
            if change.locus == locus and not change.backs(locus, before, after):
                ids.append(skill)
        return tuple(ids)


def _same_way(made: tuple[Value, Value], advised: tuple[str, str]) -> bool:
    """The same direction of a number; the same target of a fragment or a word, wherever it comes
    from.
    """
    try:
        was, now, old, new = (float(value) for value in (*made, *advised))
    except ValueError:
        return str(made[1]) == advised[1]
    return (now - was) * (new - old) > 0
