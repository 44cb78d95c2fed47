"""Answers briefs out of a fixed library: what a mutation, a merge or a repair may be is decided by
the genes.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from agents.recipes.advice import Advice
from agents.recipes.assemble import paradigm, stated
from agents.recipes.catalog import Value, aspects
from agents.recipes.taste import leaning
from benchmark.study.library import Item
from core.evolution.briefs import mends
from core.evolution.change_words import FRAGMENT, change_text, moves, with_change
from core.genome import LOCI, Genome, Locus
from core.persona import NOBODY, Persona
from core.records import Brief, BriefKind, Proposal
from utils.errors import ProposalError

Candidate = tuple[Item, Locus | None]
# See agents.recipes.proposer.
_FADE = 0.5


class LibraryProposer:
    """Implements core.protocols.Proposer. No program is proposed twice; draws come from the brief's
    seed only.

    Where nothing new fits the brief, the next best answer of the same parents follows, as with the
    recipes: another locus for a mutation, a mutation for a merge. Where a program has no new
    neighbour left, the nearest programs that are left follow: the real space has no such edge.
    Personas and skills lean the order as with the recipes. seed: of every proposal; the library was
    evaluated with it.
    """

    def __init__(self, items: Sequence[Item], seed: int) -> None:
        self._items = items
        self._by_program = {item.program: item for item in items}
        self._genes: dict[str, dict[str, str]] = {}
        self._stated: dict[str, dict[Locus, dict[str, Value]]] = {}
        for item in items:
            self._genes[item.program] = item.genes
            self._stated[item.program] = _stated_by(item)
        self._seed = seed
        self._left = dict.fromkeys(self._by_program)

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when nothing is left that answers the brief."""
        rng = random.Random(brief.seed)
        parents = [self._by_program[parent.program] for parent in brief.parents]
        candidates: Iterable[Candidate]
        if brief.kind == "draft" or not parents:
            parents = []
            candidates = itertools.chain(
                self._new_paradigms(brief, rng), self._any(brief.persona, rng)
            )
        elif mends(brief.kind):
            candidates = self._repairs(brief.kind, parents[0], rng)
        else:
            candidates = self._children(brief, parents, rng)
        for item, locus in candidates:
            key = item.program
            if key in self._left:
                del self._left[key]
                return self._proposal(brief, parents, item, locus)
        raise ProposalError(f"the library has no new program for {brief.kind}")

    def _proposal(
        self, brief: Brief, parents: Sequence[Item], item: Item, locus: Locus | None
    ) -> Proposal:
        plan, change, skills = item.plan, "", tuple[str, ...]()
        if locus is not None:
            before, after = self._pair(parents[0], item, locus)
            change = change_text(locus, before, after)
            plan = with_change(plan, change)
            skills = Advice(brief.skills).behind(locus, before, after)
        return Proposal.to(
            brief,
            plan=plan,
            program=item.program,
            genes=self._genes[item.program],
            seed=self._seed,
            locus=locus,
            skills=skills,
            change=change,
        )

    def _new_paradigms(self, brief: Brief, rng: random.Random) -> Iterator[Candidate]:
        """The first program of each model that no sibling has, in the order of the recipes."""
        taken = {paradigm(plan) for plan in brief.siblings}
        first: dict[str, Item] = {}
        for item in self._items:
            first.setdefault(paradigm(item.plan), item)
        fresh = [item for name, item in first.items() if name not in taken]
        liking = partial(_liking, brief.persona)
        return _anywhere(leaning(fresh, list(map(liking, fresh)), rng, _FADE))

    def _any(self, persona: Persona, rng: random.Random) -> Iterator[Candidate]:
        """What is left, at random."""
        left = list(map(self._by_program.__getitem__, self._left))
        left = rng.sample(left, len(left))
        weights = list(map(partial(_liking, persona), left))
        yield from _anywhere(leaning(left, weights, rng))

    def _repairs(self, kind: BriefKind, parent: Item, rng: random.Random) -> Iterator[Candidate]:
        """The nearest programs first; for a parent that took too long, quicker ones only."""
        items = list(self._items)
        if kind == "shrink":
            items = [item for item in items if item.estimate_s < parent.estimate_s]
        rng.shuffle(items)
        for item in sorted(items, key=lambda item: len(self._changed(parent, item))):
            changed = self._changed(parent, item)
            if len(changed) == 1:
                yield item, changed[0]
            elif changed:
                yield item, None

    def _children(
        self, brief: Brief, parents: Sequence[Item], rng: random.Random
    ) -> Iterator[Candidate]:
        if brief.kind == "merge" and len(parents) > 1:
            yield from self._mixtures(brief, parents[0], parents[1], rng)
        near = self._neighbours(brief, parents[0], rng)
        if brief.kind == "tune":
            yield from (pair for pair in near if self._tunes(parents[0], *pair))
        yield from near
        yield from self._repairs("debug", parents[0], rng)

    def _mixtures(
        self, brief: Brief, first: Item, second: Item, rng: random.Random
    ) -> Iterator[Candidate]:
        """Programs that take each gene from one of the two, the planned one first."""
        a, b = self._of(first), self._of(second)
        ids = {brief.parents[0].id: a, brief.parents[1].id: b}
        planned = {locus: ids[parent][locus] for locus, parent in brief.gene_plan}
        found = []
        for item in self._items:
            genes = self._of(item)
            if all(genes[locus] in (a[locus], b[locus]) for locus in LOCI):
                found.append(item)
        found = rng.sample(found, len(found))
        found.sort(key=lambda item: bool(planned) and self._of(item) != planned)
        return _anywhere(item for item in found if item not in (first, second))

    def _neighbours(self, brief: Brief, parent: Item, rng: random.Random) -> list[Candidate]:
        """Programs with another gene at one locus: the wanted locus first, then those of which a
        skill advises a change; other fragments and values by a coin, those that a skill advises
        before the rest.
        """
        loci, advice = rng.sample(LOCI, len(LOCI)), Advice(brief.skills)
        loci = leaning(loci, [brief.persona.loci.get(locus, 1.0) for locus in loci], rng)
        found: dict[Locus, list[Item]] = {locus: [] for locus in loci}
        for item in self._items:
            changed = self._changed(parent, item)
            if len(changed) == 1:
                found[changed[0]].append(item)
        advised = set()
        for locus in loci:
            pairs = (self._pair(parent, item, locus) for item in found[locus])
            if any(itertools.starmap(partial(advice.favours, locus), pairs)):
                advised.add(locus)
        loci.sort(key=lambda locus: (locus != brief.locus, locus not in advised))
        neighbours: list[Candidate] = []
        for locus in loci:
            items = self._ordered(brief, parent, found[locus], locus, rng)
            neighbours += zip(items, itertools.repeat(locus))
        return neighbours

    def _ordered(
        self, brief: Brief, parent: Item, items: list[Item], locus: Locus, rng: random.Random
    ) -> list[Item]:
        mixed, advice = self._mixed(brief.persona, parent, items, locus, rng), Advice(brief.skills)
        return sorted(mixed, key=lambda item: advice.rank(locus, *self._pair(parent, item, locus)))

    def _mixed(
        self, persona: Persona, parent: Item, items: list[Item], locus: Locus, rng: random.Random
    ) -> list[Item]:
        """Swaps and steps alternate by a coin, however many there are of each, those to the taste
        earlier.
        """
        steps, swaps = list[Item](), list[Item]()
        for item in reversed(rng.sample(items, len(items))):
            if self._tunes(parent, item, locus):
                steps.append(item)
            else:
                swaps.append(item)
        steps = leaning(steps, [self._appeal(persona, parent, item, locus) for item in steps], rng)
        swaps = leaning(swaps, [persona.taste(item.fragments[locus]) for item in swaps], rng)
        mixed: list[Item] = []
        while swaps or steps:
            if steps and (not swaps or rng.random() < 0.5):
                mixed.append(steps.pop(0))
            else:
                mixed.append(swaps.pop(0))
        return mixed

    def _appeal(self, persona: Persona, parent: Item, item: Item, locus: Locus) -> float:
        """Weight of other values for the same fragment, by the aspects that they change."""
        before, after = self._pair(parent, item, locus)
        changed = [name for name in moves(before, after) if name != FRAGMENT]
        fragment = item.fragments[locus]
        return math.prod(persona.taste(aspects()[fragment, name]) for name in changed)

    def _tunes(self, parent: Item, item: Item, locus: Locus | None) -> bool:
        """True for the same fragment with other values."""
        return locus is not None and parent.fragments[locus] == item.fragments[locus]

    def _changed(self, a: Item, b: Item) -> list[Locus]:
        first, second = self._of(a), self._of(b)
        return [locus for locus in LOCI if first[locus] != second[locus]]

    def _pair(
        self, parent: Item, item: Item, locus: Locus
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """What two programs state at a locus."""
        return self._stated[parent.program][locus], self._stated[item.program][locus]

    def _of(self, item: Item) -> dict[str, str]:
        return self._genes[item.program]


class RandomProposer(LibraryProposer):
    """Answers every brief with any program that is left, each as likely as the other."""

    def propose(self, brief: Brief) -> Proposal:
        for item, _ in self._any(NOBODY, random.Random(brief.seed)):
            del self._left[item.program]
            return self._proposal(brief, (), item, None)
        raise ProposalError("the library has no program left")


def _anywhere(items: Iterable[Item]) -> Iterator[Candidate]:
    """Candidates that may change any locus."""
    return zip(items, itertools.repeat(None))


def _liking(persona: Persona, item: Item) -> float:
    return math.prod(map(persona.taste, item.fragments.values()))


def _stated_by(item: Item) -> dict[Locus, dict[str, Value]]:
    genome = Genome.parse(item.program)
    return {locus: stated(genome.gene(locus)) for locus in LOCI}
