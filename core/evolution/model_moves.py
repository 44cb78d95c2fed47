"""How each kind of brief for a language model comes by its parents and its focus. Pure.

A model may change whatever it wants: what is chosen for it is what it works on, and beside what.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from core.evolution.experience import spread_of
from core.evolution.focus import Trait, aspects_for, program_traits
from core.evolution.operators import Move, pick_locus
from core.evolution.selection import pick_parent
from core.evolution.situation import Situation
from core.persona import Persona
from core.records import BriefKind, Entry

# Share of the mutations that name a part; in the others the model chooses. A part that is named at
# random is a nuisance to an author who knows where the fault lies, and news to one who does not. The
# share is judgement and was not measured.
NAMED = 0.5
# Programs that a late draft is shown: the best, and those that err otherwise.
SHOWN = 3
# How far behind the best, in spreads, a program may be to be worked on instead of it: of 17 answers
# of a strong author 7 had to improve something that nobody needed any more. The number is judgement
# and was not measured.
REACH = 0.25


class ModelMoves:
    """competition: traits of the task. text: the program of a finished step."""

    def __init__(self, competition: frozenset[Trait], text: Callable[[Entry], str]) -> None:
        self._competition = competition
        self._text = text
        self._by_kind: Mapping[BriefKind, Callable[..., Move | None]] = {
            "rewrite": self._rewrite,
            "mutate": self._mutate,
            "merge": self._merge,
            "draft": self._late_draft,
        }

    def move(
        self, kind: BriefKind, now: Situation, rng: random.Random, persona: Persona
    ) -> Move | None:
        """None where nothing of this kind can be asked that is not asked already. `now` has a good
        program.
        """
        return self._by_kind[kind](now, rng, persona)

    def _rewrite(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        """The best program, or one close to it whose rewrite nobody is writing."""
        free = unasked("rewrite", now)
        return Move("rewrite", (free[0],)) if free else None

    def _mutate(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        """One change to one of the very best: small steps do not make a weak program strong."""
        free = unasked("mutate", now)
        if not free:
            return None
        parent = pick_parent(free, now.temperature / 2, rng)
        if rng.random() >= NAMED:
            return Move("mutate", (parent,))
        locus = pick_locus("mutate", parent, now, rng, persona)
        traits = self._competition | program_traits(self._text(parent))
        fitting = aspects_for(locus, traits)
        aspect = rng.choice(fitting) if fitting else None
        return Move("mutate", (parent,), locus, aspect)

    def _merge(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        """A pair that was not brought together: the best program, or one close to it, with the good
        one whose errors are least like its own.
        """
        tried = _pairs(now)
        for first in at_the_top(now):
            for partner in unlike(first, now):
                if _pair((first.id, partner.id), now) not in tried:
                    better, other = sorted((first, partner), key=now.good.index)
                    return Move("merge", (better, other))
        return None

    def _late_draft(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        """The best rebuilt with all that is known: one at a time."""
        if any(item.kind == "draft" and item.parents for item in now.running):
            return None
        best = now.good[0]
        # What errs most unlike it, and the next best ones.
        others = dict.fromkeys(entry.id for entry in (*unlike(best, now)[:1], *now.good[1:]))
        shown = [now.by_id[entry_id] for entry_id in others][: SHOWN - 1]
        return Move("draft", (best, *shown))


def at_the_top(now: Situation) -> list[Entry]:
    """The best program and the good ones close behind it, best first; none that a better one came of:
    what it lacks is there already.
    """
    best, reach = now.scores[now.good[0].id], REACH * spread_of(now)
    top: list[Entry] = []
    overtaken: set[str] = set()
    for entry in now.good:
        close = best.gain_over(now.scores[entry.id]) <= reach
        if close and now.program_of(entry.id) not in overtaken:
            top.append(entry)
        overtaken |= _ancestors(entry, now)
    return top


def _ancestors(entry: Entry, now: Situation) -> set[str]:
    """Programs that it came of, whatever values they had."""
    found: set[str] = set()
    left = list(entry.parents)
    while left:
        older = now.by_id.get(left.pop())
        if older is not None and older.id not in found:
            found.add(older.id)
            left += older.parents
    return {now.program_of(entry_id) for entry_id in found} - {now.program_of(entry.id)}


def unasked(kind: BriefKind, now: Situation) -> list[Entry]:
    """Those at the top for which no request of this kind is open, best first. A request is open
    until there is a program.
    """
    of_kind = [item for item in now.running if item.kind == kind and not item.program]
    asked = {now.program_of(item.parents[0]) for item in of_kind if item.parents}
    return [entry for entry in at_the_top(now) if now.program_of(entry.id) not in asked]


def unlike(first: Entry, now: Situation) -> list[Entry]:
    """The other good programs, the least like it first; of equals the better."""
    others = [entry for entry in now.good if entry is not first]
    if not now.solution.diversity:
        return others
    return sorted(others, key=lambda entry: now.alike(first, entry))


def _pairs(now: Situation) -> set[frozenset[str]]:
    """Programs that were brought together, or are being so."""
    return {_pair(item.parents, now) for item in now.steps if item.kind == "merge"}


def _pair(parents: Sequence[str], now: Situation) -> frozenset[str]:
    """Whatever values they had."""
    return frozenset(map(now.program_of, parents[:2]))
