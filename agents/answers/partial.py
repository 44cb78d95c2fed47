"""An answer that holds some loci of a program only: they are put into a program that has all of
them. Pure.
"""

from __future__ import annotations

import ast

from agents.answers.syntax import is_import, parsed
from core.genome import LOCI, Genome


def with_parts(base: str, part: str) -> str | None:
    """`base` with the loci of `part` in the place of its own; None where the answer cannot be read
    that way.

    part: Python with the markers of its author. It must have a locus that holds a statement, and
    nothing but imports above the first marker; these go with the first locus.
    """
    whole, answered = Genome.parse(base), Genome.parse(part)
    above = parsed(answered.gene(None))
    parts = [locus for locus in LOCI if _does_something(answered.gene(locus))]
    if not whole.complete or above is None or not parts:
        return None
    if not all(map(is_import, above.body)):
        return None
    for locus in parts:
        whole = whole.replace(locus, answered.gene(locus))
    marker, _, body = whole.gene(parts[0]).partition("\n")
    first = "\n".join((marker, *map(ast.unparse, above.body), body))
    return str(whole.replace(parts[0], first))


def _does_something(gene: str) -> bool:
    tree = parsed(gene)
    return tree is not None and bool(tree.body)
