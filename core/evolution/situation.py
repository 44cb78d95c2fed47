"""What a decision of the search may look at: the finished steps, those in flight, and what follows
from them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.evolution.diversity import Alike, distinct, original_of, without_twins
from core.evolution.pheromone import Pheromone
from core.evolution.selection import adjusted, by_score, common_gain, whole
from core.records import Entry, Proposal
from core.score import Direction, Score
from utils.config_schema import SearchConfig, SolutionConfig

# Parents and partners come from so many of the best; the weight of later ranks is next to nothing.
PARENTS = 16
# Where a model writes, each request goes to one of so few; each question how alike two of them err
# costs the judge some tenths of a second.
GOOD = 12


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
        others = without_twins(self.ranking, self.by_id)
        if self.solution.diversity:
            return distinct(others, self.alike, PARENTS)
        return others[:PARENTS]

    @cached_property
    def good(self) -> list[Entry]:
        """The few that a model works on, best first: the better half of the programs that ran every
        fold, of all that are valid where none did; no recipe that a model has beaten.
        """
        ran_all = [entry for entry in self.ranking if whole(entry)]
        rivals = _without_beaten_recipes(without_twins(ran_all or self.ranking, self.by_id))
        better_half = max((len(rivals) + 1) // 2, 2)
        return rivals[: min(better_half, GOOD)]

    @cached_property
    def finished(self) -> list[Entry]:
        """Finished steps in order: what cost no request is none."""
        return [entry for entry in self.entries if not entry.extra]

    @cached_property
    def pheromone(self) -> Pheromone:
        """Credit of genes; none has any where it is switched off."""
        if not self.solution.pheromone:
            return Pheromone({})
        return Pheromone.of(without_twins(self.ranking, self.by_id), self.step)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    def program_of(self, entry_id: str) -> str:
        """Id of the step whose program this is: its own, or that of which it is a further run or has
        other values.
        """
        known = self.by_id.get(entry_id)
        if known is None:
            return entry_id
        return original_of(known, self.by_id).id

    @property
    def steps(self) -> list[Entry | Proposal]:
        """Finished ones, then those in flight."""
        return [*self.entries, *self.running]

    @property
    def temperature(self) -> float:
        """Spread of parent selection at this time."""
        return self.search.parent_temperature * (1.0 - 0.5 * self.progress)

    def gain(self, entry: Entry, before: str) -> float | None:
        """How much better an entry is than an earlier one, in units of the metric; None where either
        has no score.

        What a model wrote is compared on the folds that both ran, a recipe by adjusted scores.
        before: id of the earlier one.
        """
        if entry.id not in self.scores or before not in self.scores:
            return None
        if entry.author == "model":
            return common_gain(entry, self.by_id[before], self.direction)
        return self.scores[entry.id].gain_over(self.scores[before])

    @property
    def drafts(self) -> tuple[str, ...]:
        """Plans of all drafts so far, "" for one that is being written."""
        return tuple(draft.plan for draft in drafts_of(self.entries, self.running))


def drafts_of(entries: Iterable[Entry], running: Iterable[Proposal]) -> list[Entry | Proposal]:
    """First programs: the finished ones, then those in flight."""
    every: list[Entry | Proposal] = [*entries, *running]
    return [item for item in every if is_first_draft(item)]


def is_first_draft(item: Entry | Proposal) -> bool:
    """It stands on no earlier program, and was asked for: late drafts have parents, and a recipe that
    only fills an idle worker is none.
    """
    return item.kind == "draft" and not item.parents and not item.extra


def stands_still(now: Situation) -> bool:
    """True after a window of steps that brought no new leader, nor tried a new paradigm, nor tries
    one now. What ran beside them may lead as well.
    """
    size = now.search.stagnation_window
    window = now.finished[-size:]
    if len(window) < size or any(map(_drafts_anew, now.running)):
        return False
    ids = [entry.id for entry in now.entries]
    since = now.entries[ids.index(window[0].id) :]
    return not any(entry.steers or _drafts_anew(entry) for entry in since)


def _drafts_anew(item: Entry | Proposal) -> bool:
    return item.kind == "draft" and not item.extra


def _without_beaten_recipes(ranking: Sequence[Entry]) -> list[Entry]:
    """Recipes are a floor: none stands behind the first program of a model. ranking: best first."""
    beaten, kept = False, list[Entry]()
    for entry in ranking:
        beaten = beaten or entry.author == "model"
        if entry.author == "model" or not beaten:
            kept.append(entry)
    return kept
