"""The search: drafts of distinct paradigms first, then the operator that gains most per second on
parents by rank.

Failures are mended a few times; a search that stands still is given a new paradigm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from core.evolution.assignment import NO_STAFF, Staff
from core.evolution.bandit import operators_in_order
from core.evolution.diversity import Alike, genes_in_common
from core.evolution.mending import to_mend, way_to_mend
from core.evolution.operators import Draft, Merge, Move, Mutate, Operator, Tune
from core.evolution.selection import derived_rng
from core.evolution.situation import SearchSettings, Situation
from core.persona import Persona
from core.records import Brief, Entry, ErrorInfo, Outcome, Parent, Proposal
from core.score import Direction


class EvolutionSearch:
    """Implements core.protocols.Search. alike: likeness of two valid entries; it must always answer
    the same.
    """

    def __init__(
        self,
        settings: SearchSettings,
        direction: Direction,
        seed: int,
        program: Callable[[str], str],
        alike: Alike = genes_in_common,
        staff: Staff = NO_STAFF,
    ) -> None:
        self._settings = settings
        self._direction = direction
        self._seed = seed
        self._program = program
        self._alike = alike
        self._staff = staff
        operators: list[Operator] = [Draft(), Mutate()]
        operators += [Merge()] if settings.merge else []
        operators += [Tune()] if settings.tune else []
        self._operators = {operator.kind: operator for operator in operators}

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        now = Situation(
            entries, running, step, progress, self._direction, self._settings, self._alike
        )
        return self._brief(*self._decide(now), now)

    def _decide(self, now: Situation) -> tuple[Move, Persona]:
        """What is tried, and in whose role."""
        failed = to_mend(now)
        if failed is not None:
            kind = way_to_mend(failed)
            return Move(kind, (failed,)), self._staff.persona(kind, now)
        if len(now.drafts) < self._settings.drafts or stands_still(now):
            return Move("draft"), self._staff.persona("draft", now)
        rng = derived_rng(self._seed, now.step, "brief")
        possible = [
            kind for kind, operator in self._operators.items() if operator.needs <= len(now.parents)
        ]
        pairs = (
            (
                self._operators[kind].move(now, rng, persona := self._staff.persona(kind, now)),
                persona,
            )
            for kind in operators_in_order(possible, now, rng)
        )
        return next((move, persona) for move, persona in pairs if move is not None)

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
            skills=self._staff.skills(move, now),
        )

    def _parent(self, entry: Entry, now: Situation) -> Parent:
        """With its adjusted score: a plain one over a few easy folds would stand above the
        leader's.
        """
        score = now.scores[entry.id].value if entry.id in now.scores else None
        return Parent(
            entry.id, self._program(entry.program), entry.plan, score, _error(entry.outcome)
        )


def stands_still(now: Situation) -> bool:
    """True after a window of steps that brought no new leader, nor tried a new paradigm, nor tries
    one now.
    """
    size = now.settings.stagnation_window
    window = now.entries[-size:]
    news = any(entry.steers or entry.kind == "draft" for entry in window)
    drafting = any(proposal.kind == "draft" for proposal in now.running)
    return len(window) == size and not news and not drafting


def _error(outcome: Outcome) -> ErrorInfo | None:
    """The error with what the program had used when a limit ended it."""
    error = outcome.error
    if error is None or outcome.killed_for not in ("deadline", "memory"):
        return error
    used = (
        f"{outcome.duration_s:.0f} s"
        if outcome.killed_for == "deadline"
        else f"{outcome.peak_rss_mb:.0f} MiB"
    )
    return dataclasses.replace(error, message=f"{error.message} ({used})")
