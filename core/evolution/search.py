"""The first search: drafts of distinct paradigms, mutations of good parents, a few tries at mending failures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.evolution.selection import adjusted, derived_rng, pick_parent
from core.genome import ASPECTS, LOCI, Locus
from core.records import Brief, BriefKind, Entry, Parent, Proposal
from core.score import Direction

UNFIXABLE = frozenset({"MemoryError", "SIGKILL", "deadline", "stop"})


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """drafts: distinct first programs. debug_tries: how often a failure and its repairs may be mended.
    explore: share of later steps that are new drafts at the start of the budget; it falls to zero at its end.
    parent_temperature: spread of parent selection over ranks; it falls to half at the end of the budget.
    """

    drafts: int
    debug_tries: int
    explore: float
    parent_temperature: float


class DraftThenMutate:
    """Implements core.protocols.Search."""

    def __init__(
        self, settings: SearchSettings, direction: Direction, seed: int, program: Callable[[str], str]
    ) -> None:
        self._settings = settings
        self._direction = direction
        self._seed = seed
        self._program = program

    def next_brief(self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float) -> Brief:
        rng = derived_rng(self._seed, step, "brief")
        drafts = len(_drafts(entries, running))
        failed = self._to_mend(entries, running)
        if failed is not None:
            return self._brief(step, "debug", entries, running, parents=(failed,))
        if drafts < self._settings.drafts or rng.random() < self._settings.explore * (1.0 - progress):
            return self._brief(step, "draft", entries, running)
        temperature = self._settings.parent_temperature * (1.0 - 0.5 * progress)
        parent = pick_parent(entries, self._direction, temperature, rng)
        if parent is None:
            return self._brief(step, "draft", entries, running)
        locus = pick_locus(entries, self._direction, rng)
        return self._brief(step, "mutate", entries, running, (parent,), locus, rng.choice(ASPECTS[locus]))

    def _to_mend(self, entries: Sequence[Entry], running: Sequence[Proposal]) -> Entry | None:
        """The latest failure that nobody has tried to mend, unless its line of repairs is used up."""
        tried = {parent for entry in entries for parent in entry.parents}
        tried |= {parent for proposal in running for parent in proposal.parents}
        by_id = {entry.id: entry for entry in entries}
        for entry in reversed(entries):
            mendable = not entry.verdict.valid and entry.id not in tried and not _hopeless(entry)
            if mendable and _repairs(entry, by_id) < self._settings.debug_tries:
                return entry
        return None

    def _brief(
        self,
        step: int,
        kind: BriefKind,
        entries: Sequence[Entry],
        running: Sequence[Proposal],
        parents: tuple[Entry, ...] = (),
        locus: Locus | None = None,
        aspect: str | None = None,
    ) -> Brief:
        seed = derived_rng(self._seed, step, "proposal").getrandbits(32)
        told = tuple(self._parent(entry) for entry in parents)
        return Brief(step, kind, seed, told, locus, aspect, _drafts(entries, running))

    def _parent(self, entry: Entry) -> Parent:
        program = self._program(entry.program)
        return Parent(entry.id, program, entry.plan, entry.verdict.score, entry.outcome.error)


def _drafts(entries: Sequence[Entry], running: Sequence[Proposal]) -> tuple[str, ...]:
    """Plans of all drafts so far."""
    done = (entry.plan for entry in entries if entry.kind == "draft")
    return (*done, *(proposal.plan for proposal in running if proposal.kind == "draft"))


def pick_locus(entries: Sequence[Entry], direction: Direction, rng: random.Random) -> Locus:
    """A locus drawn in proportion to how often changing it helped: (wins + 1) / (tries + 2)."""
    scores = adjusted(entries, direction)
    wins, tries = dict.fromkeys(LOCI, 0), dict.fromkeys(LOCI, 0)
    for entry in entries:
        if entry.kind != "mutate" or entry.locus not in tries or entry.parents[0] not in scores:
            continue
        tries[entry.locus] += 1
        wins[entry.locus] += entry.id in scores and scores[entry.id] > scores[entry.parents[0]]
    return rng.choices(LOCI, [(wins[locus] + 1) / (tries[locus] + 2) for locus in LOCI])[0]


def _hopeless(entry: Entry) -> bool:
    """Ended by a limit: the same program made right would meet the limit again (that is what `shrink` is for)."""
    return entry.outcome.killed_for is not None or (
        entry.outcome.error is not None and entry.outcome.error.type in UNFIXABLE
    )


def _repairs(entry: Entry, by_id: dict[str, Entry]) -> int:
    """How many debug steps lie between this entry and the program that first failed."""
    count = 0
    while entry.kind == "debug" and entry.parents[0] in by_id:
        count += 1
        entry = by_id[entry.parents[0]]
    return count
