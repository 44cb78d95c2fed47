"""Values that a program declares for an inner search: text in, text out. Pure.

A module-level constant of a literal whose comment lists what else may stand there:

    RATE = 0.05  # tune: 0.02, 0.1
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.genome import Genome, Locus, code_lines

# Of one constant. A longer list is a wish and no grid.
MOST_VALUES = 8
# Characters of a list; what is longer, or nested deeper than Python reads, declares nothing.
_LONGEST = 200
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_COMMENT = re.compile(rb"\s*+#\s*+tune:\s*+(.+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeclaredValue:
    """A constant and what else it may be. line, start, end: where its literal stands, the line from
    0, bytes of that line. values: texts of literals, none of them what stands there now. locus:
    that holds the line, None for the preamble.
    """

    name: str
    value: str
    values: tuple[str, ...]
    locus: Locus | None
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A constant that has another literal in another program. before, after: texts of literals.
    locus: that holds the line, None for the preamble.
    """

    name: str
    before: str
    after: str
    locus: Locus | None


def declared_values(program: str) -> list[DeclaredValue]:
    """All of a program, in the order of their lines; [] for a text that does not parse."""
    return [declared for declared in _marked(program) if declared.values]


def values_changed(before: str, after: str) -> list[ValueChange]:
    """In which of its declared constants a program differs from one that it came of by values, in the
    order of their lines.
    """
    now = {(declared.line, declared.name): declared.value for declared in _marked(after)}
    found: list[ValueChange] = []
    for was in _marked(before):
        value = now.get((was.line, was.name), was.value)
        if value != was.value:
            found.append(ValueChange(was.name, was.value, value, was.locus))
    return found


def code_around(program: str) -> dict[str, str]:
    """The part of the program that holds each constant with a list, by its name, without the values
    of such constants: the same in all programs that differ by these values alone.
    """
    marked = list(_marked(program))
    bare = program
    for declared in marked:
        # Each stands on a line of its own, so that the places of the others do not move.
        bare = with_value(bare, declared, "")
    parts = Genome.parse(bare)
    return {declared.name: parts.gene(declared.locus) for declared in marked}


def with_value(program: str, declared: DeclaredValue, value: str) -> str:
    """The program with another literal in one place, every other byte as it was."""
    lines = program.encode().splitlines(keepends=True)
    line = lines[declared.line]
    lines[declared.line] = line[: declared.start] + value.encode() + line[declared.end :]
    return b"".join(lines).decode()


def _marked(program: str) -> Iterator[DeclaredValue]:
    """Every constant that has a list, also where the list names nothing but what stands there."""
    try:
        module = ast.parse(program)
    except _UNREADABLE:
        return
    lines = program.encode().splitlines(keepends=True)
    loci = _locus_of_lines(program)
    for name, value in _constants(module):
        comment = _COMMENT.match(lines[value.end_lineno - 1][value.end_col_offset :])  # type: ignore[operator]
        if comment is None or value.lineno != value.end_lineno:
            continue
        at = value.lineno - 1
        start, end = value.col_offset, value.end_col_offset or 0
        text = lines[at][start:end].decode()
        others = _others(comment[1].decode(), value)
        yield DeclaredValue(name, text, others, loci[at], at, start, end)


def _constants(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Name and literal of each assignment of a literal to one name."""
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if isinstance(target, ast.Name) and _is_literal(value):
            yield target.id, value


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _others(text: str, now: ast.expr) -> tuple[str, ...]:
    """The literals of a list as it stands in a comment, each once and none that is there now. What
    is no literal is left out.
    """
    if len(text) > _LONGEST:
        return ()
    try:
        return tuple(_literals(text, now))
    except _UNREADABLE:
        return ()


def _literals(text: str, now: ast.expr) -> Iterator[str]:
    """Raises what Python raises for a text that it cannot read or write again."""
    listed = ast.parse(f"[{text}]", mode="eval").body
    if not isinstance(listed, ast.List):
        return
    taken = [ast.dump(now)]
    for item in listed.elts[:MOST_VALUES]:
        if _is_literal(item) and ast.dump(item) not in taken:
            taken.append(ast.dump(item))
            yield ast.unparse(item)


def _locus_of_lines(program: str) -> list[Locus | None]:
    """The locus that holds each line."""
    loci: list[Locus | None] = []
    for block in Genome.parse(program).blocks:
        loci += [block.locus] * len(code_lines(block.text))
    return loci
