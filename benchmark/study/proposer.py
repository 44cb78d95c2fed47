"""Answers briefs out of a fixed library: what a mutation, a merge or a repair may be is decided by the genes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from agents.recipes.assemble import paradigm
from benchmark.study.library import Item
from core.genome import LOCI, Locus
from core.records import Brief, BriefKind, Proposal
from utils.errors import ProposalError

Candidate = tuple[Item, Locus | None]


class LibraryProposer:
    """Implements core.protocols.Proposer. No program is proposed twice; draws come from the brief's seed only.

    Where nothing new fits the brief, the next best answer of the same parents follows, as with the recipes: another
    locus for a mutation, a mutation for a merge. Where a program has no new neighbour left, the nearest programs that
    are left follow: the real space has no such edge. seed: of every proposal; the library was evaluated with it.
    """

    def __init__(self, items: Sequence[Item], seed: int) -> None:
        self._items = items
        self._genes = {item.program: item.genes for item in items}
        self._by_program = {item.program: item for item in items}
        self._seed = seed
        self._left = dict.fromkeys(self._by_program)

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when nothing is left that answers the brief."""
        rng = random.Random(brief.seed)
        parents = [self._by_program[parent.program] for parent in brief.parents]
        candidates: Iterable[Candidate]
        if brief.kind == "draft" or not parents:
            candidates = chain(self._new_paradigms(brief), self._any(rng))
        elif brief.kind in ("debug", "shrink"):
            candidates = self._repairs(brief.kind, parents[0], rng)
        else:
            candidates = self._children(brief, parents, rng)
        for item, locus in candidates:
            key = item.program
            if key in self._left:
                del self._left[key]
                return self._proposal(brief, item, locus)
        raise ProposalError(f"the library has no new program for {brief.kind}")

    def _proposal(self, brief: Brief, item: Item, locus: Locus | None) -> Proposal:
        return Proposal.to(
            brief,
            plan=item.plan,
            program=item.program,
            genes=self._genes[item.program],
            seed=self._seed,
            locus=locus,
        )

    def _new_paradigms(self, brief: Brief) -> Iterator[Candidate]:
        """The first program of each model that no sibling has, in the order of the recipes."""
        taken = {paradigm(plan) for plan in brief.siblings}
        for item in self._items:
            name = paradigm(item.plan)
            if name not in taken:
                taken.add(name)
                yield item, None

    def _any(self, rng: random.Random) -> Iterator[Candidate]:
        """What is left, at random."""
        left = [self._by_program[key] for key in self._left]
        return ((item, None) for item in rng.sample(left, len(left)))

    def _repairs(self, kind: BriefKind, parent: Item, rng: random.Random) -> Iterator[Candidate]:
        """The nearest programs first; for a parent that took too long, quicker ones only."""
        quicker = [item for item in self._items if kind == "debug" or item.estimate_s < parent.estimate_s]
        rng.shuffle(quicker)
        for item in sorted(quicker, key=lambda item: len(self._changed(parent, item))):
            changed = self._changed(parent, item)
            if changed:
                yield item, changed[0] if len(changed) == 1 else None

    def _children(self, brief: Brief, parents: Sequence[Item], rng: random.Random) -> Iterator[Candidate]:
        if brief.kind == "merge" and len(parents) > 1:
            yield from self._mixtures(brief, parents[0], parents[1], rng)
        near = self._neighbours(parents[0], brief.locus, rng)
        if brief.kind == "tune":
            yield from (pair for pair in near if self._tunes(parents[0], *pair))
        yield from near
        yield from self._repairs("debug", parents[0], rng)

    def _mixtures(self, brief: Brief, first: Item, second: Item, rng: random.Random) -> Iterator[Candidate]:
        """Programs that take each gene from one of the two, the planned one first."""
        ids = {brief.parents[0].id: self._of(first), brief.parents[1].id: self._of(second)}
        planned = {locus: ids[parent][locus] for locus, parent in brief.gene_plan}
        pairs = [{self._of(first)[locus], self._of(second)[locus]} for locus in LOCI]
        found = [item for item in self._items if all(self._of(item)[locus] in pair for locus, pair in _by_locus(pairs))]
        found = rng.sample(found, len(found))
        found.sort(key=lambda item: bool(planned) and self._of(item) != planned)
        return ((item, None) for item in found if item not in (first, second))

    def _neighbours(self, parent: Item, wanted: str | None, rng: random.Random) -> list[Candidate]:
        """Programs with another gene at one locus: the wanted locus first; other fragments and values by a coin."""
        loci = sorted(rng.sample(LOCI, len(LOCI)), key=lambda locus: locus != wanted)
        found: dict[Locus, list[Item]] = {locus: [] for locus in loci}
        for item in self._items:
            changed = self._changed(parent, item)
            if len(changed) == 1:
                found[changed[0]].append(item)
        return [(item, locus) for locus in loci for item in self._mixed(parent, found[locus], locus, rng)]

    def _mixed(self, parent: Item, items: list[Item], locus: Locus, rng: random.Random) -> list[Item]:
        """Swaps and steps alternate by a coin, however many there are of each."""
        items = rng.sample(items, len(items))
        steps = [item for item in items if self._tunes(parent, item, locus)]
        swaps = [item for item in items if not self._tunes(parent, item, locus)]
        mixed: list[Item] = []
        while swaps or steps:
            take_step = steps and (not swaps or rng.random() < 0.5)
            mixed.append((steps if take_step else swaps).pop())
        return mixed

    def _tunes(self, parent: Item, item: Item, locus: Locus | None) -> bool:
        """True for the same fragment with other values."""
        return locus is not None and parent.fragments[locus] == item.fragments[locus]

    def _changed(self, a: Item, b: Item) -> list[Locus]:
        first, second = self._of(a), self._of(b)
        return [locus for locus in LOCI if first[locus] != second[locus]]

    def _of(self, item: Item) -> dict[str, str]:
        return self._genes[item.program]


class RandomProposer(LibraryProposer):
    """Answers every brief with any program that is left, each as likely as the other."""

    def propose(self, brief: Brief) -> Proposal:
        for item, _ in self._any(random.Random(brief.seed)):
            del self._left[item.program]
            return self._proposal(brief, item, None)
        raise ProposalError("the library has no program left")


def _by_locus(pairs: Iterable[set[str]]) -> Iterator[tuple[Locus, set[str]]]:
    return zip(LOCI, pairs, strict=True)
