"""A program as statements at its left margin, and what stands in the place of those that are left
out of a prompt. Pure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.genome import Genome, Locus

# Shorter pieces are not worth a line that says what is missing.
_FEW = 3
_SHOWN_NAMES = 12
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Compound = ast.For | ast.While | ast.If | ast.With | ast.Try
# Methods that change the object that they are called of.
_CHANGING = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})


@dataclass(frozen=True, slots=True)
class Omission:
    """Lines [start, end), counted from 0, and the one that stands in their place; "" for none."""

    start: int
    end: int
    note: str


Omissions = list[Omission]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement at the left margin. part: None above the first marker. start, end: as of a Omission."""

    node: ast.stmt
    part: Locus | None
    start: int
    end: int

    @property
    def defines(self) -> bool:
        """It is a function or a class."""
        return isinstance(self.node, _Definition)

    @property
    def branches(self) -> bool:
        """It is a loop, a condition or the like."""
        return isinstance(self.node, _Compound)

    @property
    def imports(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def name(self) -> str:
        """Of a definition."""
        return str(getattr(self.node, "name", ""))

    def covered(self, cuts: Iterable[Omission]) -> bool:
        """True when a cut takes it, or its body."""
        return any(cut.start < self.end and self.start < cut.end for cut in cuts)

    def makes(self) -> Iterator[str]:
        """Names that it assigns or imports or whose object it changes, in order; of a definition its
        own.
        """
        if self.defines:
            yield self.name
            return
        for alias in getattr(self.node, "names", ()) if self.imports else ():
            yield alias.asname or alias.name.partition(".")[0]
        for node in _walk(self.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.Subscript | ast.Attribute):
                changes = isinstance(node.ctx, ast.Store) or _attribute(node) in _CHANGING
                if changes and isinstance(node.value, ast.Name):
                    yield node.value.id


def statements(program: str) -> list[Statement]:
    """Those at the left margin, in order; [] for what is no Python."""
    owners: list[Locus | None] = []
    for block in Genome.parse(program).blocks:
        owners += [block.locus] * block.text.count("\n")
    owners.append(owners[-1] if owners else None)
    try:
        nodes = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[Statement] = []
    for node in nodes:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        found.append(Statement(node, owners[node.lineno - 1], first - 1, node.end_lineno or first))
    return found


def used(units: Iterable[Statement]) -> set[str]:
    """Names that stand in these statements."""
    names: set[str] = set()
    for unit in units:
        for node in ast.walk(unit.node):
            if isinstance(node, ast.Name):
                names.add(node.id)
    return names


def needed(roots: Iterable[Statement], units: Iterable[Statement]) -> list[Statement]:
    """Definitions among the units that the roots use, even by way of another definition."""
    defined, first = [unit for unit in units if unit.defines], list(roots)
    kept: list[Statement] = []
    while True:
        known = used([*first, *kept])
        more = [unit for unit in defined if unit not in kept and unit.name in known]
        if not more:
            return kept
        kept += more


def run(left_out: Sequence[Statement], units: Sequence[Statement]) -> Iterator[Omission]:
    """A run of statements in one line that names what they make, first what the others use; nothing
    where it is short. units: the whole program.
    """
    count = left_out[-1].end - left_out[0].start
    if count <= _FEW:
        return
    wanted = used(unit for unit in units if unit not in left_out)
    names = sorted(_assigned(left_out), key=lambda name: name not in wanted)[:_SHOWN_NAMES]
    note = f"# ... {count} unchanged lines that make {', '.join(names) or 'nothing'} ..."
    yield Omission(left_out[0].start, left_out[-1].end, note)


def runs(left_out: Sequence[Statement], units: Sequence[Statement]) -> Iterator[Omission]:
    """Of statements of a program the runs between which it has no other one."""
    for (_, gone), group in groupby(units, lambda unit: (unit.part, unit in left_out)):
        if gone:
            yield from run(list(group), units)


def body(unit: Statement) -> Iterator[Omission]:
    """What may be left out of a statement: all below its first line, its docstring stays."""
    inner: list[ast.stmt] = getattr(unit.node, "body", [])
    if unit.defines and len(inner) > 1 and ast.get_docstring(unit.node):  # type: ignore[arg-type]
        inner = inner[1:]
    start = inner[0].lineno - 1
    count = unit.end - start
    if count > _FEW and start >= unit.node.lineno:
        yield Omission(start, unit.end, f"    ...  # {count} unchanged lines ...")


def without(program: str, cuts: Iterable[Omission]) -> str:
    """The program with the notes of the cuts in their places."""
    lines = program.split("\n")
    for cut in sorted(cuts, key=lambda cut: cut.start, reverse=True):
        lines[cut.start : cut.end] = [cut.note][: bool(cut.note)]
    return "\n".join(lines)


def _assigned(units: Sequence[Statement]) -> list[str]:
    """Names that are assigned at the left margin, in order; not those inside of definitions."""
    names: dict[str, None] = {}
    for unit in units:
        if unit.defines:
            continue
        for node in _walk(unit.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] = None
    return list(names)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """It and all nodes below, but for the names that a loop or a comprehension counts with."""
    yield node
    counted = getattr(node, "target", None)
    if not isinstance(node, ast.For | ast.comprehension):
        counted = None
    for child in ast.iter_child_nodes(node):
        if child is not counted:
            yield from _walk(child)


def _attribute(node: ast.Subscript | ast.Attribute) -> str:
    return str(getattr(node, "attr", ""))
