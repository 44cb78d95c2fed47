"""The first search: drafts of distinct paradigms, mutations of good parents, a few tries at mending failures.

What met a limit is shrunk, not debugged; a search that stands still is given a new paradigm.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.evolution.selection import adjusted, derived_rng, pick_parent
from core.genome import ASPECTS, LOCI, Locus
from core.records import Brief, BriefKind, Entry, ErrorInfo, Outcome, Parent, Proposal
from core.score import Direction

# Types of errors that tell of a lack of memory when no limit of the box ended the program.
OUT_OF_MEMORY = frozenset({"MemoryError", "SIGKILL"})
# A repair that gets no program leaves no trace among the entries and would be asked for again and again. So a failure
# is left alone after this many finished steps, and none is mended after this many steps in a row that ended in nothing.
MEND_WITHIN = 8
MEND_UNLESS_LOST = 2


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """drafts: distinct first programs. debug_tries: how often a failure and its repairs may be mended or shrunk.
    explore: share of later steps that are new drafts at the start of the budget; it falls to zero at its end.
    parent_temperature: spread of parent selection over ranks; it falls to half at the end of the budget.
    stagnation_window: finished steps without a new leader or a draft after which the next step is a draft.
    """

    drafts: int
    debug_tries: int
    explore: float
    parent_temperature: float
    stagnation_window: int = 15


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
        failed = self._to_mend(entries, running) if _lost(entries, running, step) < MEND_UNLESS_LOST else None
        if failed is not None:
            kind: BriefKind = "shrink" if _met_a_limit(failed) else "debug"
            return self._brief(step, kind, entries, running, parents=(failed,))
        if drafts < self._settings.drafts or self._stands_still(entries, running):
            return self._brief(step, "draft", entries, running)
        if rng.random() < self._settings.explore * (1.0 - progress):
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
        for entry in reversed(entries[-MEND_WITHIN:]):
            mendable = not entry.verdict.valid and entry.id not in tried and not _hopeless(entry)
            if mendable and _repairs(entry, by_id) < self._settings.debug_tries:
                return entry
        return None

    def _stands_still(self, entries: Sequence[Entry], running: Sequence[Proposal]) -> bool:
        """True after a window of steps that brought no new leader, nor tried a new paradigm, nor tries one now."""
        window = entries[-self._settings.stagnation_window :]
        news = any(entry.steers or entry.kind == "draft" for entry in window)
        drafting = any(proposal.kind == "draft" for proposal in running)
        return len(window) == self._settings.stagnation_window and not news and not drafting

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
        return Parent(entry.id, program, entry.plan, entry.verdict.score, _error(entry.outcome))


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


def _met_a_limit(entry: Entry) -> bool:
    """Ended for its time or memory: made right, the same program would meet the limit again."""
    outcome = entry.outcome
    if outcome.killed_for is not None:
        return outcome.killed_for in ("deadline", "memory")
    return outcome.error is not None and outcome.error.type in OUT_OF_MEMORY


def _hopeless(entry: Entry) -> bool:
    """Ended by the box for something that a smaller program need not cure."""
    return entry.outcome.killed_for not in (None, "deadline", "memory")


def _error(outcome: Outcome) -> ErrorInfo | None:
    """The error with what the program had used when a limit ended it."""
    error = outcome.error
    if error is None or outcome.killed_for not in ("deadline", "memory"):
        return error
    used = f"{outcome.duration_s:.0f} s" if outcome.killed_for == "deadline" else f"{outcome.peak_rss_mb:.0f} MiB"
    return dataclasses.replace(error, message=f"{error.message} ({used})")


def _lost(entries: Sequence[Entry], running: Sequence[Proposal], step: int) -> int:
    """How many of the latest steps ended without a program."""
    known = [entry.step for entry in entries] + [proposal.step for proposal in running]
    return step - 1 - max(known, default=-1)


def _repairs(entry: Entry, by_id: dict[str, Entry]) -> int:
    """How many repairs (debug and shrink steps) lie between this entry and the program that first failed."""
    count = 0
    while entry.kind in ("debug", "shrink") and entry.parents[0] in by_id:
        count += 1
        entry = by_id[entry.parents[0]]
    return count
