"""From a decision to a brief: what every search does in the same way. Pure."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

from core.evolution.assignment import Assignment
from core.evolution.mending import to_mend, way_to_mend
from core.evolution.operators import Move
from core.evolution.selection import derived_rng
from core.evolution.situation import Situation
from core.persona import Persona
from core.records import Brief, BriefKind, Entry, ErrorInfo, Outcome, Parent


class Briefing:
    """program: text of a program by its digest. assignment: who writes, with which lessons."""

    def __init__(self, seed: int, program: Callable[[str], str], assignment: Assignment) -> None:
        self._seed = seed
        self._program = program
        self._assignment = assignment

    def rng(self, now: Situation, purpose: str) -> random.Random:
        """The generator of one decision of this step."""
        return derived_rng(self._seed, now.step, purpose)

    def persona(self, kind: BriefKind, now: Situation) -> Persona:
        """Who writes a program of this kind."""
        return self._assignment.persona(kind, now)

    def text(self, entry: Entry) -> str:
        """The program of a finished step."""
        return self._program(entry.program)

    def repair(self, now: Situation) -> tuple[Move, Persona] | None:
        """How the latest failure is mended, and by whom; None where there is nothing to mend."""
        failed = to_mend(now)
        if failed is None:
            return None
        kind = way_to_mend(failed)
        return Move(kind, (failed,)), self.persona(kind, now)

    def brief(self, move: Move, persona: Persona, now: Situation) -> Brief:
        return Brief(
            step=now.step,
            kind=move.kind,
            seed=self.rng(now, "proposal").getrandbits(32),
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
        error = _error(entry.outcome)
        return Parent(entry.id, self.text(entry), entry.plan, score, error, entry.change)


def _error(outcome: Outcome) -> ErrorInfo | None:
    """The error with what the program had used when a limit ended it."""
    error = outcome.error
    if error is None or outcome.killed_for not in ("deadline", "memory"):
        return error
    used = f"{outcome.peak_rss_mb:.0f} MiB"
    if outcome.killed_for == "deadline":
        used = f"{outcome.duration_s:.0f} s"
    return dataclasses.replace(error, message=f"{error.message} ({used})")
