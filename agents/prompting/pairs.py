"""The two programs of a merge, as they are shown. Pure."""

from __future__ import annotations

from agents.prompting.elision import PAIR, elided, without_helpers
from core.genome import LOCI, Genome, Locus
from core.records import Brief


def pair(brief: Brief) -> tuple[str, str, bool]:
    """(first program, second one, both whole) of a brief with two parents at least.

    Two that are too long together: of the second only the parts in which it differs, where both have
    all four; of the first these parts whole, the others without what need not be read.
    """
    first, second = (without_helpers(parent.program) for parent in brief.parents[:2])
    if len(first) + len(second) <= PAIR:
        return first, second, True
    theirs = Genome.parse(second)
    parts = differing(first, second)
    if theirs.complete and Genome.parse(first).complete:
        second = "".join(map(theirs.gene, parts))
    room = PAIR - min(len(second), PAIR // 2)
    return elided(first, parts, room), second, False


def differing(first: str, second: str) -> list[Locus | None]:
    """Parts in which two programs differ, None for what is above the first marker; all of them where
    one of the programs lacks its markers.
    """
    every: list[Locus | None] = [None, *LOCI]
    mine, theirs = Genome.parse(first), Genome.parse(second)
    if not (mine.complete and theirs.complete):
        return every
    return [locus for locus in every if mine.gene(locus) != theirs.gene(locus)]
