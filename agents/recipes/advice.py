"""What skills advise, read from the words of plans: which changes of a recipe they stand behind.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.recipes.catalog import Value
from core.evolution.change_words import Stated, moves, moves_in
from core.skill import Skill


@dataclass(frozen=True, slots=True)
class AdvisedChange:
    """A change of one locus in the words of a plan. moves: name (FRAGMENT or a parameter) -> (from,
    to).
    """

    locus: str
    moves: dict[str, tuple[str, str]]

    def backs(self, locus: str, before: Stated, after: Stated) -> bool:
        """True when all that changes goes the same way."""
        actual = moves(before, after)
        if locus != self.locus or not actual or not actual.keys() <= self.moves.keys():
            return False
        return all(_same_way(actual[name], self.moves[name]) for name in actual)


def advised(words: str) -> AdvisedChange | None:
    """The change that such words name: "MODEL: LEAVES 31 -> 63"; None for other words."""
    change = moves_in(words)
    if change is None:
        return None
    return AdvisedChange(*change)


class Advice:
    """The skills of a brief. One that no longer gains, or that speaks of no change of a recipe,
    says nothing.
    """

    def __init__(self, skills: Sequence[Skill]) -> None:
        """skills: the closest first."""
        self._hints: list[tuple[str, AdvisedChange]] = []
        self._warnings: list[tuple[str, AdvisedChange]] = []
        for skill in skills:
            change = advised(skill.change)
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


def _same_way(actual: tuple[Value, Value], advised: tuple[str, str]) -> bool:
    """The same direction of a number; the same target of a fragment or a word, wherever it comes
    from.
    """
    try:
        was, now, old, new = (float(value) for value in (*actual, *advised))
    except ValueError:
        return str(actual[1]) == advised[1]
    return (now - was) * (new - old) > 0
