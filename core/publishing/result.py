"""What can be published: one finished step, or a blend of several."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from core.records import Best, Ensemble, Entry


@dataclass(frozen=True, slots=True)
class Member:
    """One program of what is published, and its weight."""

    entry: Entry
    weight: float


@dataclass(frozen=True, slots=True)
class Result:
    """Something that can be published: one entry or a blend of several. how: mean, rank or vote."""

    best: Best
    members: tuple[Member, ...]
    how: str

    @property
    def parts(self) -> list[tuple[list[str], float]]:
        """What is blended, as core.protocols.BlendParts."""
        return [(member.entry.predictions, member.weight) for member in self.members]

    def with_final_pick(self, score: float | None) -> Result:
        return dataclasses.replace(self, best=dataclasses.replace(self.best, final_pick=score))


# Entries, best first, that an ensemble is made of; so many get lost predictions back.
CANDIDATES = 10
# What is published where no program's result is.
NO_RESULT = Best("baseline", "baseline", None, None, "none")


def single(entry: Entry, how: str) -> Result:
    """One entry as a result of its own: its folds are combined by `how`."""
    verdict = entry.verdict
    best = Best(entry.id, entry.kind, verdict.score, verdict.stderr, verdict.scored_by)
    return Result(best, (Member(entry, 1.0),), how)


def blended(ensemble: Ensemble, entries: Mapping[str, Entry]) -> Result:
    """A blend as a result. entries: finished steps by id."""
    members = tuple(Member(entries[entry_id], weight) for entry_id, weight in ensemble.members)
    scored_by = members[0].entry.verdict.scored_by
    return Result(
        Best("ensemble", "ensemble", ensemble.score, ensemble.stderr, scored_by),
        members,
        ensemble.how,
    )
