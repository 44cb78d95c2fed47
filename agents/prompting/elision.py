"""A program as an author is shown it: what need not be read is left out, the reading of the data
first. Pure.

What the shown rest calls is never left out, but for the helpers of the recipes, which stand with
their arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from agents.recipes.assemble import is_recipe
from core.genome import Genome, Locus

# Characters below which a program is shown whole, and two of them together.
ROOM, PAIR = 5000, 7500
# Shorter pieces are not worth a line that says what is missing.
_FEW = 3
_SHOWN_NAMES = 12
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Compound = ast.For | ast.While | ast.If | ast.With | ast.Try

Omissions = list["Omission"]


@dataclass(frozen=True, slots=True)
class Omission:
    """Lines [start, end), counted from 0, and the one that stands in their place."""

    start: int
    end: int
    note: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement at the left margin. part: None above the first marker. start, end: as of a Omission."""

    node: ast.stmt
    part: Locus | None
    start: int
    end: int

    @property
    def defines(self) -> bool:
        return isinstance(self.node, _Definition)


def elided(program: str, about: Collection[Locus | None], room: int = ROOM) -> str:
    """The program, and where it has more than `room` characters without what need not be read: as
    little as makes it fit, and no more than there is.

    about: the parts that may change; they stay whole. First the statements of DATA go, then bodies
    of functions that nothing shown uses, then with them the functions of DATA that serve DATA alone,
    then bodies of loops and conditions. What is no Python stays as it is.
    """
    units, cuts, text = _units(program), Omissions(), program
    free = [unit for unit in units if unit.part not in about]
    steps: tuple[Callable[[Omissions], Omissions], ...] = (
        lambda made: list(_reading(units, free)),
        lambda made: made + _unused(units, free, made),
        lambda made: _features(units, free, made),
        lambda made: made + list(_bodies(free, made)),
    )
    for step in steps:
        if len(text) <= room:
            break
        cuts = step(cuts)
        text = _without(program, cuts)
    return text


def without_helpers(program: str, traceback: str = "") -> str:
    """A recipe without the functions above its first marker, which each recipe has: their names and
    arguments stand in one line. Any other program as it is, and one whose traceback goes through a
    helper.
    """
    if not is_recipe(program):
        return program
    helpers = [unit for unit in _units(program) if unit.part is None and unit.defines]
    if not helpers or any(f", in {_name(unit)}\n" in traceback for unit in helpers):
        return program
    cuts = [Omission(unit.start, unit.end, "") for unit in helpers[1:]]
    calls = ", ".join(_call(unit.node) for unit in helpers)
    first = Omission(helpers[0].start, helpers[0].end, f"# helpers, not shown: {calls}")
    return _without(program, [first, *cuts])


def _units(program: str) -> list[_Statement]:
    """[] for what is no Python."""
    owners: list[Locus | None] = []
    for block in Genome.parse(program).blocks:
        owners += [block.locus] * block.text.count("\n")
    owners.append(owners[-1] if owners else None)
    try:
        nodes = ast.parse(program).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    units: list[_Statement] = []
    for node in nodes:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        units.append(_Statement(node, owners[node.lineno - 1], first - 1, node.end_lineno or first))
    return units


def _reading(units: Sequence[_Statement], free: Sequence[_Statement]) -> Iterator[Omission]:
    """Runs of statements in DATA that define no function: what they make is enough to know."""
    for (part, defines), run in groupby(free, key=lambda unit: (unit.part, unit.defines)):
        if part == "DATA" and not defines:
            yield from _run(list(run), units)


def _features(
    units: Sequence[_Statement], free: Sequence[_Statement], made: Omissions
) -> Omissions:
    """The cuts so far, where those in DATA are replaced by runs of statements and of the definitions
    that no other part uses, even by way of another definition.
    """
    others = [unit for unit in units if unit.part != "DATA"]
    of_data = [unit for unit in free if unit.part == "DATA"]
    kept: list[_Statement] = []
    while True:
        used = _used(iter([*others, *kept]))
        more = [it for it in of_data if it.defines and it not in kept and _name(it) in used]
        if not more:
            break
        kept += more
    cuts = [cut for cut in made if not _touches(cut, of_data)]
    for shown, run in groupby(of_data, key=kept.__contains__):
        if not shown:
            cuts += _run(list(run), units)
    return cuts


def _touches(cut: Omission, units: Sequence[_Statement]) -> bool:
    return any(_covered(unit, [cut]) for unit in units)


def _run(run: Sequence[_Statement], units: Sequence[_Statement]) -> Iterator[Omission]:
    """A run of statements in one line that names what they make, first what the others use."""
    count = run[-1].end - run[0].start
    if count <= _FEW:
        return
    used = _used(unit for unit in units if unit not in run)
    names = sorted(_made(run), key=lambda name: name not in used)[:_SHOWN_NAMES]
    note = f"# ... {count} unchanged lines that make {', '.join(names) or 'nothing'} ..."
    yield Omission(run[0].start, run[-1].end, note)


def _unused(units: Sequence[_Statement], free: Sequence[_Statement], made: Omissions) -> Omissions:
    """Bodies of functions and classes whose name nothing that is shown uses, until no more is found:
    what one of them used itself may go then.
    """
    cuts: Omissions = []
    while True:
        shown = [unit for unit in units if not _covered(unit, [*made, *cuts])]
        more: Omissions = []
        for unit in free:
            others = (other for other in shown if other is not unit)
            if unit in shown and unit.defines and _name(unit) not in _used(others):
                more += _body(unit)
        if not more:
            return cuts
        cuts += more


def _bodies(free: Sequence[_Statement], made: Omissions) -> Iterator[Omission]:
    """Of loops, conditions and the like."""
    for unit in free:
        if isinstance(unit.node, _Compound) and not _covered(unit, made):
            yield from _body(unit)


def _body(unit: _Statement) -> Iterator[Omission]:
    """What may be left out of a unit: all below its first line, its docstring stays."""
    body: list[ast.stmt] = getattr(unit.node, "body", [])
    if unit.defines and len(body) > 1 and ast.get_docstring(unit.node):  # type: ignore[arg-type]
        body = body[1:]
    start = body[0].lineno - 1
    count = unit.end - start
    if count > _FEW and start >= unit.node.lineno:
        yield Omission(start, unit.end, f"    ...  # {count} unchanged lines ...")


def _covered(unit: _Statement, cuts: Omissions) -> bool:
    """True when a cut takes the unit, or its body."""
    return any(cut.start < unit.end and unit.start < cut.end for cut in cuts)


def _used(units: Iterator[_Statement]) -> set[str]:
    """Names that stand in these units."""
    names: set[str] = set()
    for unit in units:
        for node in ast.walk(unit.node):
            if isinstance(node, ast.Name):
                names.add(node.id)
    return names


def _made(units: Sequence[_Statement]) -> list[str]:
    """Names that are assigned at the left margin, in order; not those inside of definitions."""
    names: dict[str, None] = {}
    for unit in units:
        if unit.defines:
            continue
        for node in ast.walk(unit.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] = None
    return list(names)


def _name(unit: _Statement) -> str:
    return str(getattr(unit.node, "name", ""))


def _call(node: ast.stmt) -> str:
    """A definition as one writes its call."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    return str(getattr(node, "name", ""))


def _without(program: str, cuts: Omissions) -> str:
    lines = program.split("\n")
    for cut in sorted(cuts, key=lambda cut: cut.start, reverse=True):
        lines[cut.start : cut.end] = [cut.note][: bool(cut.note)]
    return "\n".join(lines)
