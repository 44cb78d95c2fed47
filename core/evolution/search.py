"""The search: drafts of distinct paradigms first, then operators in turn on parents by rank.

Failures are mended a few times; a search that stands still is given a new paradigm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from core.evolution.assignment import NO_ASSIGNMENT, Assignment
from core.evolution.briefing import Briefing
from core.evolution.briefs import BY_KIND
from core.evolution.diversity import Alike, genes_in_common
from core.evolution.operators import OPERATORS, Move
from core.evolution.situation import Situation, stands_still
from core.persona import Persona
from core.records import Brief, Entry, Proposal
from core.score import Direction
from utils.config_schema import SearchConfig, SolutionConfig


class EvolutionSearch:
    """Implements core.protocols.Search. alike: likeness of two valid entries; it must always answer
    the same.
    """

    def __init__(
        self,
        search: SearchConfig,
        solution: SolutionConfig,
        direction: Direction,
        seed: int,
        program: Callable[[str], str],
        alike: Alike = genes_in_common,
        assignment: Assignment = NO_ASSIGNMENT,
    ) -> None:
        self._situation = partial(
            Situation, direction=direction, search=search, solution=solution, alike=alike
        )
        self._briefing = Briefing(seed, program, assignment)
        switches: dict[str, bool] = {"merge": solution.merge, "tune": solution.tune}
        # What has no switch is always on.
        self._operators = [one for one in OPERATORS if switches.get(one.kind, True)]

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        now = self._situation(entries, running, step, progress)
        return self._briefing.brief(*self._decide(now), now)

    def _decide(self, now: Situation) -> tuple[Move, Persona]:
        """What is tried, and in whose role."""
        repair = self._briefing.repair(now)
        if repair is not None:
            return repair
        change = None
        if len(now.drafts) >= now.search.num_drafts and not stands_still(now):
            change = self._change(now)
        return change or (Move("draft"), self._briefing.persona("draft", now))

    def _change(self, now: Situation) -> tuple[Move, Persona] | None:
        """Operators in random order: the first that can do something new with the parents.

        None where none can, and for the share of exploration, which falls to 0 as the budget goes.
        """
        rng = self._briefing.rng(now, "brief")
        possible = [one for one in self._operators if BY_KIND[one.kind].parents <= len(now.parents)]
        in_order = rng.sample(possible, len(possible))
        if rng.random() < now.search.explore * (1.0 - now.progress):
            return None
        for operator in in_order:
            persona = self._briefing.persona(operator.kind, now)
            move = operator.move(now, rng, persona)
            if move is not None:
                return move, persona
        return None
