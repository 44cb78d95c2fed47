"""What is compared: searches, and the product with one part switched off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from agents.personas import load_personas
from core.evolution.diversity import Alike
from core.evolution.mending import to_mend, way_to_mend
from core.evolution.search import EvolutionSearch
from core.evolution.selection import derived_rng
from core.evolution.situation import Situation
from core.genome import LOCI
from core.journal.history import History
from core.learning.level_two import LearningFacts, LevelTwo, assignment_of, evolution_of
from core.protocols import Learner, Recorder, Search
from core.records import Brief, BriefKind, Entry, Parent, Proposal
from core.score import Direction
from utils.config import load_config
from utils.config_schema import Config, EvolutionConfig, SearchConfig, SolutionConfig
from utils.embedding_hashing import all_hashed
from utils.errors import UsageError

ProgramOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """search: which of the classes below decides. racing: a program that cannot win does not run
    its other folds.

    ensemble: blends are among the finalists. switches: keys of evolution.solution that differ from
    the default ones. personas, learns, rewrites, skills: parts of level 2, which the evolution alone
    has.
    """

    name: str
    search: str = "evolution"
    racing: bool = True
    ensemble: bool = True
    switches: tuple[tuple[str, bool], ...] = ()
    personas: bool = True
    learns: bool = True
    rewrites: bool = True
    skills: bool = True

    def evolution(self) -> EvolutionConfig:
        usual = default_config().evolution
        pool, agent, skill = usual.experience_pool, usual.agent, usual.skill
        return dataclasses.replace(
            usual,
            solution=dataclasses.replace(usual.solution, **dict(self.switches)),
            experience_pool=dataclasses.replace(pool, enabled=self.learns),
            agent=dataclasses.replace(agent, enabled=self.rewrites),
            skill=dataclasses.replace(skill, enabled=self.skills),
        )

    def make(
        self, direction: Direction, seed: int, program: ProgramOf, alike: Alike, history: History
    ) -> Search:
        search, evolution = default_config().search, self.evolution()
        if self.search == "evolution":
            assignment = assignment_of(evolution, seed, lambda: history.population)
            return EvolutionSearch(
                search, evolution.solution, direction, seed, program, alike, assignment
            )
        return SEARCHES[self.search](search, evolution.solution, direction, seed, program)

    def learner(
        self, direction: Direction, seed: int, history: History, recorder: Recorder
    ) -> Learner | None:
        """Level 2 without a process of its own: words are hashed."""
        if self.search != "evolution":
            return None
        config = self.evolution()
        evolution = evolution_of(config, all_hashed, lambda *_: "", None, seed)
        team = load_personas() if self.personas else ()
        return LevelTwo(
            evolution,
            LearningFacts(direction, default_config().search, config),
            team,
            history,
            recorder,
            False,
            loud,
        )


EVOLVED = SearchPolicy("evolved")
GREEDY = SearchPolicy("greedy", search="greedy", racing=False)
RANDOM = SearchPolicy("random", search="random", racing=False)
COMPARED = (EVOLVED, GREEDY, RANDOM)

ABLATED = (
    SearchPolicy("full"),
    SearchPolicy("no pheromone", switches=(("pheromone", False),)),
    SearchPolicy("no merge", switches=(("merge", False),)),
    SearchPolicy("no racing", racing=False),
    SearchPolicy("no ensemble", ensemble=False),
    SearchPolicy("random", search="random"),
    SearchPolicy("no tuning", switches=(("tune", False),)),
    SearchPolicy("no diversity", switches=(("diversity", False),)),
    SearchPolicy("no level 2", personas=False, rewrites=False, skills=False),
    SearchPolicy("no dispatch", learns=False),
    SearchPolicy("no persona evolution", rewrites=False),
    SearchPolicy("no skills", skills=False),
)


def policies_named(names: Sequence[str], known: Sequence[SearchPolicy]) -> tuple[SearchPolicy, ...]:
    """The named ones, all without names; the first known one is always there. Raises UsageError for
    an unknown name.
    """
    by_name = {policy.name: policy for policy in known}
    for name in names:
        if name not in by_name:
            raise UsageError(f"no policy is called {name!r}; known: {', '.join(by_name)}")
    return tuple(
        policy for policy in known if not names or policy.name in names or policy is known[0]
    )


@cache
def default_config() -> Config:
    """That of config/default.yaml."""
    return load_config(use_cli=False)


def loud(error: Exception) -> None:
    """A bug in level 2 ends a measurement."""
    raise error


class RandomSearch:
    """Asks for one new program after another and learns nothing. Implements core.protocols.Search."""

    def __init__(
        self,
        search: SearchConfig,
        solution: SolutionConfig,
        direction: Direction,
        seed: int,
        program: ProgramOf,
    ) -> None:
        self._seed = seed

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        return Brief(step, "draft", derived_rng(self._seed, step, "proposal").getrandbits(32))


class GreedyTree:
    """A few drafts, failures mended, and then always another change of the best program.

    This is the search of tree-based agents such as AIDE, with their defaults. Implements
    core.protocols.Search.
    """

    def __init__(
        self,
        search: SearchConfig,
        solution: SolutionConfig,
        direction: Direction,
        seed: int,
        program: ProgramOf,
    ) -> None:
        self._search = search
        self._solution = solution
        self._direction = direction
        self._seed = seed
        self._program = program

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        now = Situation(
            entries,
            running,
            step,
            progress,
            self._direction,
            self._search,
            self._solution,
            lambda a, b: 0.0,
        )
        kind, parent = self._move(now)
        locus = derived_rng(self._seed, step, "locus").choice(LOCI) if kind == "mutate" else None
        return Brief(
            step=step,
            kind=kind,
            seed=derived_rng(self._seed, step, "proposal").getrandbits(32),
            parents=(self._parent(parent),) if parent else (),
            locus=locus,
            siblings=now.drafts,
        )

    def _move(self, now: Situation) -> tuple[BriefKind, Entry | None]:
        failed = to_mend(now)
        if failed is not None:
            return way_to_mend(failed), failed
        if len(now.drafts) < self._search.num_drafts or not now.ranking:
            return "draft", None
        return "mutate", now.ranking[0]

    def _parent(self, entry: Entry) -> Parent:
        program = self._program(entry.program)
        error = entry.outcome.error
        return Parent(entry.id, program, entry.plan, entry.verdict.score, error, entry.change)


SEARCHES: dict[str, Callable[[SearchConfig, SolutionConfig, Direction, int, ProgramOf], Search]] = {
    "greedy": GreedyTree,
    "random": RandomSearch,
}
