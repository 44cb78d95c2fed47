"""The operators: how a parent, a locus and a plan of genes are chosen for each way of making a
program. Pure.

An operator gets a situation that has as many parents as its kind needs (core.evolution.briefs) and
a generator, and answers with a move.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Protocol

from core.evolution.briefs import changes_one_part
from core.evolution.pheromone import has_all_loci, in_order, mixtures, most_promising
from core.evolution.selection import pick_parent
from core.evolution.situation import Situation
from core.genome import ASPECTS, LOCI, Locus
from core.persona import NOBODY, Persona
from core.records import BriefKind, Entry

# How often a tune goes on at the locus whose change made its parent better.
GO_ON = 0.5
# How much a gap in credit weighs against what changing the locus has brought.
LACK = 2.0


@dataclass(frozen=True, slots=True)
class Move:
    """What is tried next. parents: best first. gene_plan: (locus, id of the parent that gives it)."""

    kind: BriefKind
    parents: tuple[Entry, ...] = ()
    locus: Locus | None = None
    aspect: str | None = None
    gene_plan: tuple[tuple[str, str], ...] = ()


class Operator(Protocol):
    """One way of making a program."""

    @property
    def kind(self) -> BriefKind: ...

    def move(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        """None when nothing new can come of it. persona: who is going to write."""
        ...


class Mutate:
    """One aspect of one locus of a good program."""

    kind: BriefKind = "mutate"

    def move(self, now: Situation, rng: random.Random, persona: Persona) -> Move:
        parent = pick_parent(now.parents, now.temperature, rng)
        locus = pick_locus(self.kind, parent, now, rng, persona)
        return Move(self.kind, (parent,), locus, rng.choice(ASPECTS[locus]))


class Tune:
    """Values of parameters of one of the very best: small steps do not make a weak program strong."""

    kind: BriefKind = "tune"

    def move(self, now: Situation, rng: random.Random, persona: Persona) -> Move:
        parent = pick_parent(now.parents, now.temperature / 2, rng)
        locus = gained_at(parent, now) if rng.random() < GO_ON else None
        return Move(self.kind, (parent,), locus or pick_locus(self.kind, parent, now, rng, persona))


class Merge:
    """Two good programs that disagree, mixed along the credit of their genes."""

    kind: BriefKind = "merge"

    def move(self, now: Situation, rng: random.Random, persona: Persona) -> Move | None:
        first = pick_parent(now.parents, now.temperature, rng)
        tried = {in_order(step.genes) for step in now.steps}
        for partner in partners(first, now):
            children = mixtures(first, partner, tried)
            if children or not _have_all_loci(first, partner):
                # Parents are told best first; a plan says whose gene each locus takes.
                better, other = sorted((first, partner), key=now.parents.index)
                plan = self._plan(better, other, children, now, rng)
                return Move(self.kind, (better, other), gene_plan=plan)
        return None

    def _plan(
        self,
        first: Entry,
        second: Entry,
        children: list[dict[str, str]],
        now: Situation,
        rng: random.Random,
    ) -> tuple[tuple[str, str], ...]:
        if not now.solution.pheromone or not children:
            return ()
        child = most_promising(children, now.pheromone, rng)
        plan = []
        for locus, gene in child.items():
            giver = first if gene == first.genes[locus] else second
            plan.append((locus, giver.id))
        return tuple(plan)


OPERATORS: tuple[Operator, ...] = (Mutate(), Merge(), Tune())
"""What changes earlier programs. Drafts and repairs have their own turn in the search."""


def partners(first: Entry, now: Situation) -> list[Entry]:
    """Second parents, the most promising first: high rank, other predictions, genes with credit.

    A pair that is being merged is left out, and so is one that was, where a plan cannot tell its
    children apart.
    """
    taken = {frozenset(item.parents) for item in now.running if item.kind == "merge"}
    merged = {frozenset(item.parents) for item in now.entries if item.kind == "merge"}
    value = {}
    differs = disagreement(first, now)
    for rank, entry in enumerate(now.parents):
        pair = frozenset((first.id, entry.id))
        again = pair in merged and not _have_all_loci(first, entry)
        if entry is first or pair in taken or again:
            continue
        height = 1.0 - rank / len(now.parents)
        value[entry.id] = height + differs[entry.id] + now.pheromone.worth(entry.genes)
    return sorted(map(now.by_id.__getitem__, value), key=lambda entry: -value[entry.id])


def disagreement(first: Entry, now: Situation) -> dict[str, float]:
    """1 - likeness of each possible parent to one of them, as a share of the largest.

    As a share, because good programs correlate by .9 and more: plain numbers would never outweigh a
    rank.
    """
    if not now.solution.diversity:
        return defaultdict(float)
    apart = {entry.id: 1.0 - now.alike(first, entry) for entry in now.parents if entry is not first}
    largest = max(apart.values(), default=0.0)
    if largest <= 0:
        return dict.fromkeys(apart, 0.0)
    return {key: value / largest for key, value in apart.items()}


def gained_at(entry: Entry, now: Situation) -> Locus | None:
    """The one locus whose change made the entry better than its parent; None where there is none."""
    if not changes_one_part(entry.kind) or entry.locus not in LOCI:
        return None
    if not is_gain(entry, now):
        return None
    return LOCI[LOCI.index(entry.locus)]


def pick_locus(
    kind: BriefKind, parent: Entry, now: Situation, rng: random.Random, persona: Persona = NOBODY
) -> Locus:
    """A locus drawn in proportion to how often changing it helped, (wins + 1) / (tries + 2), to
    what it lacks, and to what the persona likes.
    """
    tries, wins = Counter[str](), Counter[str]()
    for entry in now.finished:
        if entry.kind == kind and entry.locus is not None and entry.parents[0] in now.scores:
            tries[entry.locus] += 1
            wins[entry.locus] += is_gain(entry, now)
    weights = []
    for locus in LOCI:
        helped = (wins[locus] + 1) / (tries[locus] + 2)
        lack = 1.0 + LACK * now.pheromone.lack(parent.genes, locus)
        weights.append(helped * lack * persona.loci.get(locus, 1.0))
    return rng.choices(LOCI, weights)[0]


def is_gain(entry: Entry, now: Situation) -> bool:
    """It has a score, and a better one than its first parent."""
    return (now.gain(entry, entry.parents[0]) or 0.0) > 0


def _have_all_loci(first: Entry, second: Entry) -> bool:
    return has_all_loci(first) and has_all_loci(second)
