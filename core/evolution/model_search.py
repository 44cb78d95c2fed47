"""The search where a language model writes: each request goes to the best that is known, and what is
asked for follows what requests have gained. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from core.evolution.briefing import Briefing
from core.evolution.diversity import Alike
from core.evolution.focus import Trait
from core.evolution.kinds import in_drawn_order, kind_weights, tallies
from core.evolution.model_moves import ModelMoves
from core.evolution.operators import Move
from core.evolution.situation import Situation, is_first_draft, stands_still
from core.persona import Persona
from core.protocols import Search
from core.records import Brief, Entry, Proposal
from core.score import Direction
from utils.config_schema import SearchConfig, SolutionConfig

# First drafts that the recipes write (agents.team): with more of theirs the model still owes its own.
RECIPE_DRAFTS = 2
# So many finished steps in a row by recipes mean that the model cannot be reached. While it can, they
# write no more than the first drafts and stand in for a few answers that were of no use. The number
# is judgement and was not measured.
ALONE = 4


class ModelSearch:
    """Implements core.protocols.Search. alike: likeness of two valid entries by what they get
    wrong; it must always answer the same. competition: traits of the task. stand_in: decides while
    the recipes are alone.
    """

    def __init__(
        self,
        search: SearchConfig,
        solution: SolutionConfig,
        direction: Direction,
        briefing: Briefing,
        alike: Alike,
        competition: frozenset[Trait],
        stand_in: Search,
    ) -> None:
        self._briefing = briefing
        self._situation = partial(
            Situation, direction=direction, search=search, solution=solution, alike=alike
        )
        self._moves = ModelMoves(competition, briefing.text)
        self._stand_in = stand_in

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        now = self._situation(entries, running, step, progress)
        if recipes_are_alone(now):
            return self._stand_in.next_brief(entries, step, running, progress)
        return self._briefing.brief(*self._decide(now), now)

    def _decide(self, now: Situation) -> tuple[Move, Persona]:
        """What is tried, and in whose role."""
        repair = self._briefing.repair(now)
        if repair is not None:
            return repair
        too_few = first_drafts(now) < now.search.num_drafts
        if too_few or not now.good or awaits_a_model(now):
            return Move("draft"), self._briefing.persona("draft", now)
        return self._change(now)

    def _change(self, now: Situation) -> tuple[Move, Persona]:
        """The first kind, in the order drawn, that can be asked of the programs that are there."""
        rng = self._briefing.rng(now, "brief")
        weights = kind_weights(tallies(now))
        if not now.solution.merge:
            del weights["merge"]
        kinds = in_drawn_order(weights, rng)
        if stands_still(now):
            kinds.insert(0, "draft")
        for kind in kinds:
            persona = self._briefing.persona(kind, now)
            move = self._moves.move(kind, now, rng, persona)
            if move is not None:
                return move, persona
        # Everything is being asked: the best once more, for another answer.
        return Move("rewrite", (now.good[0],)), self._briefing.persona("rewrite", now)


def first_drafts(now: Situation) -> int:
    """First programs so far; those of recipes beyond their own stood in for the model's."""
    by_recipes = by_model = 0
    for item in now.steps:
        if not is_first_draft(item):
            continue
        written = isinstance(item, Entry) or bool(item.program)
        if written and item.author == "recipes":
            by_recipes += 1
        else:
            by_model += 1
    return min(by_recipes, RECIPE_DRAFTS) + by_model


def awaits_a_model(now: Situation) -> bool:
    """Nothing of a model has ended yet and something is on its way: a further draft is worth more
    than work on a recipe, which will be beaten in a minute.
    """
    if any(entry.author == "model" for entry in now.finished):
        return False
    on_the_way = [item for item in now.running if not item.extra]
    return any(item.author == "model" or not item.program for item in on_the_way)


def recipes_are_alone(now: Situation) -> bool:
    """No model has written any of the latest steps, nor a program in flight."""
    if any(item.author == "model" and not item.extra for item in now.running):
        return False
    latest = now.finished[-ALONE:]
    return len(latest) == ALONE and all(entry.author == "recipes" for entry in latest)
