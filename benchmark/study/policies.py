"""What is compared: searches, and the product with one part switched off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from core.evolution.diversity import Alike
from core.evolution.mending import to_mend, way_to_mend
from core.evolution.search import EvolutionSearch
from core.evolution.selection import derived_rng
from core.evolution.situation import SearchSettings, Situation
from core.genome import LOCI
from core.protocols import Search
from core.records import Brief, BriefKind, Entry, Parent, Proposal
from core.score import Direction
from main import search_settings
from utils.config import load_config
from utils.errors import UsageError

ProgramOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Policy:
    """search: which of the classes below decides. racing: a program that cannot win does not run its other folds.

    ensemble: blends are among the finalists. switches: settings of the search that differ from the default ones.
    """

    name: str
    search: str = "evolution"
    racing: bool = True
    ensemble: bool = True
    switches: tuple[tuple[str, bool], ...] = ()

    def settings(self) -> SearchSettings:
        return dataclasses.replace(default_settings(), **dict(self.switches))

    def make(self, direction: Direction, seed: int, program: ProgramOf, alike: Alike) -> Search:
        if self.search == "evolution":
            return EvolutionSearch(self.settings(), direction, seed, program, alike)
        return SEARCHES[self.search](self.settings(), direction, seed, program)


EVOLVED = Policy("evolved")
GREEDY = Policy("greedy", search="greedy", racing=False)
RANDOM = Policy("random", search="random", racing=False)
COMPARED = (EVOLVED, GREEDY, RANDOM)

ABLATED = (
    Policy("full"),
    Policy("no pheromone", switches=(("pheromone", False),)),
    Policy("no merge", switches=(("merge", False),)),
    Policy("no racing", racing=False),
    Policy("no ensemble", ensemble=False),
    Policy("random", search="random"),
    Policy("no tuning", switches=(("tune", False),)),
    Policy("no diversity", switches=(("diversity", False),)),
    Policy("with bandit", switches=(("bandit", True),)),
)


def policies_named(names: Sequence[str], known: Sequence[Policy]) -> tuple[Policy, ...]:
    """The named ones, all without names; the first known one is always there. Raises UsageError for an unknown name."""
    by_name = {policy.name: policy for policy in known}
    for name in names:
        if name not in by_name:
            raise UsageError(f"no policy is called {name!r}; known: {', '.join(by_name)}")
    return tuple(policy for policy in known if not names or policy.name in names or policy is known[0])


@cache
def default_settings() -> SearchSettings:
    """Those of config/default.yaml."""
    return search_settings(load_config(use_cli=False))


class RandomSearch:
    """Asks for one new program after another and learns nothing. Implements core.protocols.Search."""

    def __init__(self, settings: SearchSettings, direction: Direction, seed: int, program: ProgramOf) -> None:
        self._seed = seed

    def next_brief(self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float) -> Brief:
        return Brief(step, "draft", derived_rng(self._seed, step, "proposal").getrandbits(32))


class GreedyTree:
    """A few drafts, failures mended, and then always another change of the best program.

    This is the search of tree-based agents such as AIDE, with their defaults. Implements core.protocols.Search.
    """

    def __init__(self, settings: SearchSettings, direction: Direction, seed: int, program: ProgramOf) -> None:
        self._settings = settings
        self._direction = direction
        self._seed = seed
        self._program = program

    def next_brief(self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float) -> Brief:
        now = Situation(entries, running, step, progress, self._direction, self._settings, lambda a, b: 0.0)
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
        if len(now.drafts) < self._settings.drafts or not now.ranking:
            return "draft", None
        return "mutate", now.ranking[0]

    def _parent(self, entry: Entry) -> Parent:
        program = self._program(entry.program)
        return Parent(entry.id, program, entry.plan, entry.verdict.score, entry.outcome.error)


SEARCHES: dict[str, Callable[[SearchSettings, Direction, int, ProgramOf], Search]] = {
    "greedy": GreedyTree,
    "random": RandomSearch,
}
