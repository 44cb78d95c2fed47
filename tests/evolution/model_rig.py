"""Made-up runs in which a language model writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from core.doubles import entry
from core.evolution.assignment import Assignment
from core.evolution.briefing import Briefing
from core.evolution.diversity import Alike
from core.evolution.focus import Trait
from core.evolution.model_search import ModelSearch
from core.evolution.search import EvolutionSearch
from core.evolution.situation import Situation
from core.genome import LOCI
from core.persona import Population
from core.records import Brief, BriefKind, Entry, EntryKind, Proposal
from core.score import Direction
from tests.slices import memory_config, search_config, solution_config
from utils.config_schema import SearchConfig, SolutionConfig

SEARCH = search_config(num_drafts=5)
FULL = solution_config(merge=True, tune=True, pheromone=True, diversity=True)
ALONE = dataclasses.replace(FULL, tune=False)
NO_TEAM = Population()
# Fits a network and boosts, so that no aspect is missing for want of a model.
EVERYTHING = """
import lightgbm, torch
model = lightgbm.train({}, data)
loss.backward()
"""


def apart(first: Entry, second: Entry) -> float:
    """No two programs err in the same way."""
    return 0.0


def by_model(
    number: int,
    score: float | None,
    kind: EntryKind = "draft",
    parents: tuple[str, ...] = (),
    *,
    letters: str = "",
    incumbent: str | None = None,
    folds: Sequence[float] | None = None,
    steers: bool = False,
    locus: str | None = None,
) -> Entry:
    """A finished step; raced out where it ran fewer than three folds. letters: one per locus, equal
    letters are equal genes.
    """
    made = entry(
        f"s{number:04d}",
        score,
        kind=kind,
        parents=parents,
        folds=folds,
        steers=steers,
        complete=folds is None or len(folds) == 3,
        locus=locus,
    )
    genes = dict(zip(LOCI, letters, strict=True)) if letters else {}
    return dataclasses.replace(made, author="model", incumbent=incumbent, genes=genes)


def by_recipe(
    number: int,
    score: float | None,
    kind: EntryKind = "draft",
    parents: tuple[str, ...] = (),
    *,
    incumbent: str | None = None,
) -> Entry:
    made = by_model(number, score, kind, parents, incumbent=incumbent)
    return dataclasses.replace(made, author="recipes")


def start() -> list[Entry]:
    """All first drafts: two of recipes, three of the model, the best one last."""
    return [
        by_recipe(0, 0.5),
        by_recipe(1, 0.6),
        by_model(2, 0.8),
        by_model(3, 0.85),
        by_model(4, 0.9),
    ]


def situation(
    entries: Sequence[Entry],
    running: Sequence[Proposal] = (),
    alike: Alike = apart,
    direction: Direction = "maximize",
) -> Situation:
    return Situation(entries, running, len(entries), 0.5, direction, SEARCH, FULL, alike)


def model_search(
    seed: int = 1,
    *,
    alike: Alike = apart,
    config: SearchConfig = SEARCH,
    solution: SolutionConfig = FULL,
    direction: Direction = "maximize",
    competition: frozenset[Trait] = frozenset(),
    program: str = EVERYTHING,
    population: Population = NO_TEAM,
) -> ModelSearch:
    assignment = Assignment(lambda: population, memory_config(), 3, seed)
    briefing = Briefing(seed, lambda key: program, assignment)
    stand_in = EvolutionSearch(config, ALONE, direction, seed, lambda key: program, alike)
    return ModelSearch(config, solution, direction, briefing, alike, competition, stand_in)


def asked(brief: Brief) -> Proposal:
    """An open request for it."""
    return Proposal.to(brief, plan="", program="", genes={})


def written(brief: Brief, kind: BriefKind | None = None) -> Proposal:
    """A model's answer that waits for a box, or runs."""
    made = Proposal.to(brief, plan="p", program="x = 1\n", genes={}, author="model")
    return dataclasses.replace(made, kind=kind or brief.kind)
