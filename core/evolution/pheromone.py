"""Credit of genes: what the programs that carry a gene were worth, and which mixture of two
programs follows. Pure.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.genome import LOCI
from core.records import Entry

EVAPORATION = 0.03
NEUTRAL = 0.5
# Weight of the neutral value: a gene that was seen once has proved little.
DOUBT = 1.0

Gene = tuple[str, str]
"""(locus, digest of its text)."""


@dataclass(frozen=True, slots=True)
class Pheromone:
    """credits: 0 (all that carry the gene rank last) to 1; a gene that is not known is neutral."""

    credits: dict[Gene, float]

    @classmethod
    def of(cls, ranking: Sequence[Entry], step: int) -> Pheromone:
        """Mean rank (1 best) of the entries that carry a gene. What was found long before `step`
        counts less.
        """
        known = {entry.id: entry for entry in ranking}
        weights: dict[Gene, float] = defaultdict(lambda: DOUBT)
        worth: dict[Gene, float] = defaultdict(lambda: DOUBT * NEUTRAL)
        for rank, entry in enumerate(ranking):
            weight = (1.0 - EVAPORATION) ** max(step - entry.step, 0)
            for gene in _to_credit(entry, known):
                weights[gene] += weight
                worth[gene] += weight * (1.0 - rank / len(ranking))
        return cls({gene: worth[gene] / weight for gene, weight in weights.items()})

    def credit(self, gene: Gene) -> float:
        return self.credits.get(gene, NEUTRAL)

    def worth(self, genes: dict[str, str]) -> float:
        """Mean credit of a program's genes."""
        if not genes:
            return NEUTRAL
        return sum(map(self.credit, genes.items())) / len(genes)

    def lack(self, genes: dict[str, str], locus: str) -> float:
        """By how much the best known gene of a locus surpasses the one that a program has there."""
        if locus not in genes:
            return 0.0
        there = [credit for gene, credit in self.credits.items() if gene[0] == locus]
        best = max(there, default=NEUTRAL)
        return max(best - self.credit((locus, genes[locus])), 0.0)


def _to_credit(entry: Entry, known: Mapping[str, Entry]) -> Iterable[Gene]:
    """Genes that a program's rank speaks for: of a rewrite those that its parent has otherwise. What
    it left alone is not why it is good, and where the parent is not known nobody can tell.
    """
    if entry.kind != "rewrite":
        return entry.genes.items()
    parent = known.get(entry.parents[0])
    if parent is None:
        return ()
    return [gene for gene in entry.genes.items() if gene not in parent.genes.items()]


def mixtures(
    first: Entry, second: Entry, tried: Collection[tuple[str, ...]]
) -> list[dict[str, str]]:
    """Genes of every child that takes some from each of two programs and equals neither, nor an
    earlier program.

    Empty for programs that lack a locus. tried: genes of earlier programs in the order of LOCI.
    """
    if not (has_all_loci(first) and has_all_loci(second)):
        return []
    pairs = [dict.fromkeys((first.genes[locus], second.genes[locus])) for locus in LOCI]
    known = {*tried, in_order(first.genes), in_order(second.genes)}
    return [
        dict(zip(LOCI, genes, strict=True))
        for genes in itertools.product(*pairs)
        if genes not in known
    ]


def has_all_loci(entry: Entry) -> bool:
    """All loci of the program are marked, so that its children can be told by genes."""
    return entry.genes.keys() >= set(LOCI)


def most_promising(
    children: Sequence[dict[str, str]], pheromone: Pheromone, rng: random.Random
) -> dict[str, str]:
    """The child whose genes have most credit; equals are drawn from."""
    best = max(map(pheromone.worth, children))
    return rng.choice([child for child in children if pheromone.worth(child) == best])


def in_order(genes: dict[str, str]) -> tuple[str, ...]:
    """A program's genes as a key."""
    return tuple(genes.get(locus, "") for locus in LOCI)
