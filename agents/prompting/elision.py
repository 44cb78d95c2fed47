"""A program as an author is shown it: what need not be read is left out, the reading of the data
first. Pure.

What the shown rest calls is never left out, but for the helpers of the recipes, which stand with
their arguments, and in a repair, where what is called stands with its first lines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

from agents.prompting.statements import (
    Omission,
    Omissions,
    Statement,
    body,
    needed,
    run,
    runs,
    statements,
    used,
    without,
)
from agents.recipes.assemble import is_recipe
from core.genome import Locus
from core.records import ErrorInfo

# Characters below which a program is shown whole, and two of them together.
ROOM, PAIR = 5000, 7500
# Calls that read tables or clean them, and make no feature.
_CLEANING = frozenset(
    "Path arange astype concat copy drop drop_duplicates dropna exists fillna float get getenv glob int "
    "isin iterdir len list load merge notna read_csv read_feather read_json read_parquet read_table "
    "rename reset_index set_axis set_index sort_index sort_values sorted str to_datetime "
    "to_numeric to_numpy tolist".split()
)
# Of the program, in a traceback, and what a message names.
_FRAME = re.compile(r'solution\.py", line (\d+)')
_NAMED = re.compile(r"['\"`]([^'\"`\n]{2,40})['\"`]")

Step = Callable[[Omissions], Omissions]


def elided(program: str, about: Collection[Locus | None], room: int = ROOM) -> str:
    """The program, and where it has more than `room` characters without what need not be read: as
    little as makes it fit, and no more than there is.

    about: the parts that may change; they stay whole. First the statements of DATA go, then bodies
    of functions that nothing shown uses, then with them the functions of DATA that serve DATA alone,
    then bodies of loops and conditions. What is no Python stays as it is.
    """
    units = statements(program)
    free = [unit for unit in units if unit.part not in about]
    return _fitted(
        program,
        room,
        lambda made: list(_of_data(units, free)),
        lambda made: made + _unused(units, free, made),
        lambda made: _features(units, free, made),
        lambda made: made + list(_bodies(free, made)),
    )


def without_reading(program: str, room: int = ROOM) -> str:
    """The program, and where it has more than `room` characters without the statements of DATA that
    only read and clean, for an author who may change any part.
    """
    units = statements(program)
    free = [unit for unit in units if unit.part == "DATA" and _cleans(unit.node)]
    return _fitted(program, room, lambda made: list(runs(free, units)))


def around_fault(program: str, fault: ErrorInfo, room: int = ROOM) -> str:
    """The program, and where it has more than `room` characters without what has to do nothing with
    a fault: as little as makes it fit.

    What stays whole: imports; statements that the traceback goes through, those that make what they
    use, those that use what a failed import should have made, and those that hold what the message
    names. Of the others first the statements of DATA go,
    then bodies of functions, those that nothing shown uses before others, then all statements; of
    every function its first line stays. A fault without a line of the program leaves it whole.
    """
    units = statements(program)
    whole = _near(units, program, fault)
    if not whole:
        return program
    free = [unit for unit in units if unit not in whole and (unit.part or unit.defines)]
    margin = [unit for unit in free if not unit.defines]
    return _fitted(
        program,
        room,
        lambda made: list(_of_data(units, free)),
        lambda made: made + _unused(units, free, made),
        lambda made: [*_of_data(units, free), *_all_bodies(free)],
        lambda made: [*runs(margin, units), *_all_bodies(free)],
    )


def without_helpers(program: str, traceback: str = "") -> str:
    """A recipe without the functions above its first marker, which each recipe has: their names and
    arguments stand in one line. Any other program as it is, and one whose traceback goes through a
    helper.
    """
    if not is_recipe(program):
        return program
    helpers = [unit for unit in statements(program) if unit.part is None and unit.defines]
    if not helpers or any(f", in {unit.name}\n" in traceback for unit in helpers):
        return program
    cuts = [Omission(unit.start, unit.end, "") for unit in helpers[1:]]
    calls = ", ".join(_call(unit.node) for unit in helpers)
    first = Omission(helpers[0].start, helpers[0].end, f"# helpers, not shown: {calls}")
    return without(program, [first, *cuts])


def _fitted(program: str, room: int, *steps: Step) -> str:
    """The program after as few of the steps as make it fit. steps: the cuts so far -> those after it."""
    cuts, text = Omissions(), program
    for step in steps:
        if len(text) <= room:
            break
        cuts = step(cuts)
        text = without(program, cuts)
    return text


def _of_data(units: Sequence[Statement], free: Sequence[Statement]) -> Iterator[Omission]:
    """Runs of statements in DATA that define no function: what they make is enough to know."""
    yield from runs([unit for unit in free if unit.part == "DATA" and not unit.defines], units)


def _features(units: Sequence[Statement], free: Sequence[Statement], made: Omissions) -> Omissions:
    """The cuts so far, where those in DATA are replaced by runs of statements and of the definitions
    that no other part uses, even by way of another definition.
    """
    others = [unit for unit in units if unit.part != "DATA"]
    of_data = [unit for unit in free if unit.part == "DATA"]
    kept = needed(others, of_data)
    cuts = [cut for cut in made if not _touches(cut, of_data)]
    for shown, group in groupby(of_data, key=kept.__contains__):
        if not shown:
            cuts += run(list(group), units)
    return cuts


def _touches(cut: Omission, units: Sequence[Statement]) -> bool:
    return any(unit.covered([cut]) for unit in units)


def _unused(units: Sequence[Statement], free: Sequence[Statement], made: Omissions) -> Omissions:
    """Bodies of functions and classes whose name nothing that is shown uses, until no more is found:
    what one of them used itself may go then.
    """
    cuts: Omissions = []
    while True:
        shown = [unit for unit in units if not unit.covered([*made, *cuts])]
        more: Omissions = []
        for unit in free:
            others = (other for other in shown if other is not unit)
            if unit in shown and unit.defines and unit.name not in used(others):
                more += body(unit)
        if not more:
            return cuts
        cuts += more


def _bodies(free: Sequence[Statement], made: Omissions) -> Iterator[Omission]:
    """Of loops, conditions and the like."""
    for unit in free:
        if unit.branches and not unit.covered(made):
            yield from body(unit)


def _all_bodies(free: Sequence[Statement]) -> Iterator[Omission]:
    """Of functions and classes."""
    for unit in free:
        if unit.defines:
            yield from body(unit)


# ---------------------------------------------------------------- what a fault has to do with


def _near(units: Sequence[Statement], program: str, fault: ErrorInfo) -> list[Statement]:
    """[] where the traceback names no line of the program."""
    lines = {int(line) - 1 for line in _FRAME.findall(fault.traceback)}
    touched = [unit for unit in units if not lines.isdisjoint(range(unit.start, unit.end))]
    if not touched:
        return []
    wanted = used(touched)
    lacking = {name for unit in touched if unit.imports for name in unit.makes()}
    named = [re.compile(rf"\b{re.escape(word)}\b") for word in _NAMED.findall(fault.message)]
    text = program.split("\n")
    near = list(touched)
    for unit in units:
        written = "\n".join(text[unit.start : unit.end])
        makes = not unit.defines and not wanted.isdisjoint(unit.makes())
        concerned = makes or not lacking.isdisjoint(used([unit]))
        if unit not in near and (concerned or any(word.search(written) for word in named)):
            near.append(unit)
    return near


def _cleans(node: ast.stmt) -> bool:
    """It assigns what calls return that read or clean, and nothing else."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    calls = [found.func for found in ast.walk(node) if isinstance(found, ast.Call)]
    names = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
    return bool(names) and names <= _CLEANING


def _call(node: ast.stmt) -> str:
    """A definition as one writes its call."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    return str(getattr(node, "name", ""))
