"""The second program of a merge, in fewer words: what an author takes from it is code. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import groupby

from agents.prompting.statements import Statement, statements
from core.genome import LOCI, Genome


def condensed(shown: str, first: str) -> str:
    """Parts of a program without comments, docstrings and lines that print, each statement as Python
    writes it; of runs of statements that another program, `first`, has too, what they make. What is
    no Python stays as it is.
    """
    units = statements(shown)
    if not units:
        return shown
    known = {ast.dump(unit.node) for unit in statements(first)}
    lines: list[str] = []
    for part in (None, *LOCI):
        own = [unit for unit in units if unit.part == part]
        if part is not None and Genome.parse(shown).gene(part):
            lines.append(f"# %% {part}")
        lines += _part(own, known)
    return "\n".join(lines) + "\n"


def _part(units: Sequence[Statement], known: set[str]) -> Iterator[str]:
    for same, group in groupby(units, lambda unit: ast.dump(unit.node) in known):
        members = list(group)
        lines = list(filter(None, map(_code, members)))
        note = f"# as in the first program: {_names(members)}"
        if same and len(note) < sum(map(len, lines)):
            lines = [note]
        yield from lines


def _names(units: Sequence[Statement]) -> str:
    """What statements make."""
    names: dict[str, None] = {}
    for unit in units:
        names |= dict.fromkeys(unit.makes())
    return ", ".join(names) or "calls"


def _code(unit: Statement) -> str:
    """ "" for what says nothing."""
    node = _Silent().visit(ast.parse(ast.unparse(unit.node)))
    return ast.unparse(node)


class _Silent(ast.NodeTransformer):
    """Takes out what is for readers of the text and of the output."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name, inner in ast.iter_fields(node):
            if name in ("body", "orelse", "finalbody") and isinstance(inner, list):
                kept = [item for item in inner if not _says(item)]
                if not kept and inner and name == "body" and not isinstance(node, ast.Module):
                    kept = [ast.Pass()]
                setattr(node, name, kept)
        return node


def _says(node: ast.AST) -> bool:
    """It is a docstring, or prints."""
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    return isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "print"
