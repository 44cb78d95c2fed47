"""A program within the bounds of a prompt, where it is longer than its author can be shown. Pure.

What may be changed is seen: nothing is cut out of the middle of a statement, and each line that
stands for others names what they make.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.answers.self_check import SHOWN
from agents.prompting.statements import (
    Omission,
    Omissions,
    Statement,
    body,
    needed,
    run,
    statements,
    without,
)

# Characters of the second program of a merge, from which code is taken and which no edit is meant for.
SECOND = 24_000


def folded(program: str, room: int = SHOWN) -> str:
    """The program, and where it has more than `room` characters without as few bodies of functions
    and classes as make it fit: those that nothing uses before others, longer before shorter; then
    without the longest other statements. First lines, docstrings, imports and names stay. What is
    no Python stays as it is.
    """
    cuts: Omissions = []
    text = program
    for more in _by_use(statements(program)):
        if len(text) <= room:
            break
        cuts += more
        text = without(program, cuts)
    return text


def unused(program: str) -> list[str]:
    """Names of functions and classes that no statement uses, even by way of another, in order. A
    decorator may keep what it is given: what has one counts as used.
    """
    return [unit.name for unit in _idle(statements(program))]


def _idle(units: list[Statement]) -> list[Statement]:
    roots = [unit for unit in units if not unit.defines or _decorated(unit)]
    kept = [*roots, *needed(roots, units)]
    return [unit for unit in units if unit not in kept]


def _decorated(unit: Statement) -> bool:
    return bool(getattr(unit.node, "decorator_list", []))


def _by_use(units: list[Statement]) -> Iterator[list[Omission]]:
    """What may be left out, a statement at a time, the least useful first."""
    idle = _idle(units)
    longest = sorted(units, key=lambda unit: unit.start - unit.end)
    defined = [unit for unit in longest if unit.defines]
    for unit in sorted(defined, key=lambda unit: unit not in idle):
        yield list(body(unit))
    for unit in longest:
        if not (unit.defines or unit.imports):
            yield list(run([unit], units))
