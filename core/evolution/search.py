"""The search: drafts of distinct paradigms first, then operators in turn on parents by rank.

Failures are mended a few times; a search that stands still is given a new paradigm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from core.evolution.assignment import NO_ASSIGNMENT, Assignment
from core.evolution.briefs import BY_KIND
from core.evolution.diversity import Alike, genes_in_common
from core.evolution.mending import to_mend, way_to_mend
from core.evolution.operators import OPERATORS, Move
from core.evolution.selection import derived_rng
from core.evolution.situation import Situation
from core.persona import Persona
from core.records import Brief, Entry, ErrorInfo, Outcome, Parent, Proposal
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
        self._search = search
        self._solution = solution
        self._direction = direction
        self._seed = seed
        self._program = program
        self._alike = alike
        self._assignment = assignment
        switches: dict[str, bool] = {"merge": solution.merge, "tune": solution.tune}
        # What has no switch is always on.
        self._operators = [one for one in OPERATORS if switches.get(one.kind, True)]

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
            self._alike,
        )
        return self._brief(*self._decide(now), now)

    def _decide(self, now: Situation) -> tuple[Move, Persona]:
        """What is tried, and in whose role."""
        failed = to_mend(now)
        if failed is not None:
            kind = way_to_mend(failed)
            return Move(kind, (failed,)), self._assignment.persona(kind, now)
        change = None
        if len(now.drafts) >= self._search.num_drafts and not stands_still(now):
            change = self._change(now)
        return change or (Move("draft"), self._assignment.persona("draft", now))

    def _change(self, now: Situation) -> tuple[Move, Persona] | None:
        """Operators in random order: the first that can do something new with the parents.

        None where none can, and for the share of exploration, which falls to 0 as the budget goes.
        """
        rng = derived_rng(self._seed, now.step, "brief")
        possible = [one for one in self._operators if BY_KIND[one.kind].parents <= len(now.parents)]
        in_order = rng.sample(possible, len(possible))
        if rng.random() < now.search.explore * (1.0 - now.progress):
            return None
        for operator in in_order:
            persona = self._assignment.persona(operator.kind, now)
            move = operator.move(now, rng, persona)
            if move is not None:
                return move, persona
        return None

    def _brief(self, move: Move, persona: Persona, now: Situation) -> Brief:
        return Brief(
            step=now.step,
            kind=move.kind,
            seed=derived_rng(self._seed, now.step, "proposal").getrandbits(32),
            parents=tuple(self._parent(entry, now) for entry in move.parents),
            locus=move.locus,
            aspect=move.aspect,
            siblings=now.drafts,
            gene_plan=move.gene_plan,
            persona=persona,
            skills=self._assignment.skills(move, now),
        )

    def _parent(self, entry: Entry, now: Situation) -> Parent:
        """With its adjusted score: a plain one over a few easy folds would stand above the
        leader's.
        """
        score = now.scores[entry.id].value if entry.id in now.scores else None
        program, error = self._program(entry.program), _error(entry.outcome)
        return Parent(entry.id, program, entry.plan, score, error)


def stands_still(now: Situation) -> bool:
    """True after a window of steps that brought no new leader, nor tried a new paradigm, nor tries
    one now.
    """
    size = now.search.stagnation_window
    window = now.entries[-size:]
    news = any(entry.steers or entry.kind == "draft" for entry in window)
    drafting = any(proposal.kind == "draft" for proposal in now.running)
    return len(window) == size and not news and not drafting


def _error(outcome: Outcome) -> ErrorInfo | None:
    """The error with what the program had used when a limit ended it."""
    error = outcome.error
    if error is None or outcome.killed_for not in ("deadline", "memory"):
        return error
    used = f"{outcome.peak_rss_mb:.0f} MiB"
    if outcome.killed_for == "deadline":
        used = f"{outcome.duration_s:.0f} s"
    return dataclasses.replace(error, message=f"{error.message} ({used})")
