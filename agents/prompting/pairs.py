"""The two programs of a merge, as they are shown. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from agents.prompting.elision import PAIR, ROOM, elided, without_helpers, without_reading
from agents.prompting.folding import SECOND, folded
from agents.prompting.partner import condensed
from core.genome import LOCI, Genome, Locus
from core.records import Brief

# Relatives share most of their lines: where what differs has at most this share of the second
# program, it says as much and costs less.
SHORT_DIFFERENCE = 0.6
# Unchanged lines beside each change.
_AROUND = 2


@dataclass(frozen=True, slots=True)
class ShownPair:
    """Texts of two programs. second_as: whole; the parts in which it differs; or a difference, lines
    that only the first has with "-" and those that only the second has with "+".
    """

    first: str
    second: str
    second_as: Literal["whole", "parts", "difference"]


def pair(brief: Brief) -> ShownPair:
    """Of a brief with two parents at least.

    Two that are too long together: of a relative what differs; of any other second one the parts in
    which it differs, where both have all four, in fewer words (`condensed`). Of the first these parts
    stand whole, but for reading and cleaning beside another family; the others without what need not
    be read.
    """
    first, second = (without_helpers(parent.program) for parent in brief.parents[:2])
    if len(first) + len(second) <= PAIR:
        return ShownPair(first, second, "whole")
    changes = difference(first, second)
    parts, theirs = differing(first, second), Genome.parse(second)
    if len(changes) <= SHORT_DIFFERENCE * len(second):
        return ShownPair(folded(elided(first, parts, _room(changes))), changes, "difference")
    shown = second
    if theirs.complete and Genome.parse(first).complete:
        shown = "".join(map(theirs.gene, parts))
    shown = folded(condensed(shown, first), SECOND)
    room = _room(shown)
    mine = without_reading(elided(first, parts, room), room)
    return ShownPair(folded(mine), shown, "parts")


def _room(second: str) -> int:
    """Characters of the first program beside what is shown of the second one."""
    return min(PAIR - min(len(second), PAIR // 2), ROOM)


def difference(first: str, second: str) -> str:
    """A unified difference without its heads."""
    before, after = first.splitlines(), second.splitlines()
    lines = list(difflib.unified_diff(before, after, n=_AROUND, lineterm=""))[2:]
    return "\n".join(lines) + "\n"


def differing(first: str, second: str) -> list[Locus | None]:
    """Parts in which two programs differ, None for what is above the first marker; all of them where
    one of the programs lacks its markers.
    """
    every: list[Locus | None] = [None, *LOCI]
    mine, theirs = Genome.parse(first), Genome.parse(second)
    if not (mine.complete and theirs.complete):
        return every
    return [locus for locus in every if mine.gene(locus) != theirs.gene(locus)]
