"""What a decision of the search may look at: the finished steps, those in flight, and what follows
from them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.evolution.diversity import Alike, distinct
from core.evolution.pheromone import Pheromone
from core.evolution.selection import adjusted, by_score
from core.records import Entry, Proposal
from core.score import Direction, Score
from utils.config_schema import SearchConfig, SolutionConfig

# Parents and partners come from so many of the best; the weight of later ranks is next to nothing.
PARENTS = 16


@dataclass(frozen=True)
class Situation:
    """entries: finished steps in order. running: briefs and programs in flight. step: the one to be
    decided.

    progress: share of the budget that is spent. Everything else is computed when it is first asked
    for.
    """

    entries: Sequence[Entry]
    running: Sequence[Proposal]
    step: int
    progress: float
    direction: Direction
    search: SearchConfig
    solution: SolutionConfig
    alike: Alike

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Adjusted score of each valid entry."""
        return adjusted(self.entries, self.direction)

    @cached_property
    def ranking(self) -> list[Entry]:
        """Valid entries, best first."""
        return by_score(self.entries, self.scores)

    @cached_property
    def parents(self) -> list[Entry]:
        """Who may have children, best first."""
        if self.solution.diversity:
            return distinct(self.ranking, self.alike, PARENTS)
        return self.ranking[:PARENTS]

    @cached_property
    def pheromone(self) -> Pheromone:
        """Credit of genes; none has any where it is switched off."""
        if not self.solution.pheromone:
            return Pheromone({})
        return Pheromone.of(self.ranking, self.step)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    @property
    def steps(self) -> list[Entry | Proposal]:
        """Finished ones, then those in flight."""
        return [*self.entries, *self.running]

    @property
    def temperature(self) -> float:
        """Spread of parent selection at this time."""
        return self.search.parent_temperature * (1.0 - 0.5 * self.progress)

    @property
    def drafts(self) -> tuple[str, ...]:
        """Plans of all drafts so far, "" for one that is being written."""
        return tuple(draft.plan for draft in drafts_of(self.entries, self.running))


def drafts_of(entries: Iterable[Entry], running: Iterable[Proposal]) -> list[Entry | Proposal]:
    """First programs: the finished ones, then those in flight."""
    every: list[Entry | Proposal] = [*entries, *running]
    return [item for item in every if item.kind == "draft"]
