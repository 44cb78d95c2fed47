"""Which programs are different enough to be worth two places among the parents. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.records import Entry

# Above this likeness an entry has nothing that a better one lacks.
TWINS = 0.995

Alike = Callable[[Entry, Entry], float]
"""Likeness of two valid entries, at most 1 (the same): the correlation of their predictions, or a stand-in."""


def genes_in_common(a: Entry, b: Entry) -> float:
    """Share of loci at which two programs are the same text; 0 when nothing is known of either."""
    loci = a.genes.keys() | b.genes.keys()
    if not loci:
        return 0.0
    return sum(a.genes.get(locus) == b.genes.get(locus) for locus in loci) / len(loci)


def without_twins(ranking: Sequence[Entry], known: Mapping[str, Entry]) -> list[Entry]:
    """The best of each program, of its further runs and of its values that were tried. ranking: best
    first. known: all entries by id.

    An earlier program with another seed is no parent: its luck says nothing about its children. Nor is
    one with other values that has not shown to be better.
    """
    seen: set[str] = set()
    kept: list[Entry] = []
    for entry in ranking:
        original = original_of(entry, known).id
        if entry.kind != "seed" and not entry.unproven and original not in seen:
            seen.add(original)
            kept.append(entry)
    return kept


def original_of(entry: Entry, known: Mapping[str, Entry]) -> Entry:
    """What was asked for, where the entry is a further run or other values of it; else itself."""
    while entry.extra and entry.parents and entry.parents[0] in known:
        entry = known[entry.parents[0]]
    return entry


def distinct(ranking: Sequence[Entry], alike: Alike, most: int) -> list[Entry]:
    """The best entries that differ from every better one that is kept. ranking: best first."""
    chosen: list[Entry] = []
    for entry in ranking:
        if len(chosen) == most:
            break
        if all(alike(better, entry) <= TWINS for better in chosen):
            chosen.append(entry)
    return chosen
