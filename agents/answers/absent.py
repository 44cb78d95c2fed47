"""Imports of packages that are not installed: such a program would end at once, and another one
costs a repair only.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import filterfalse

from agents.answers.syntax import parsed

# What stands below these is tried, or meant for some machines only.
_GUARDS = ast.Try | ast.TryStar | ast.If | ast.With


def absent_packages(program: str, found: Callable[[str], bool]) -> Sequence[str]:
    """One line per package that a program imports whatever happens and that is not there; () for a
    program that has faults of syntax or looks for modules in places of its own.

    found: True for the name of a package or module that can be imported.
    """
    tree = parsed(program)
    if tree is None or "sys.path" in program:
        return ()
    lines: dict[str, int] = {}
    for line, name in _imported(tree):
        lines.setdefault(name, line)
    absent = filterfalse(found, lines)
    return [f"line {lines[name]}: the package {name} is not installed" for name in absent]


def _imported(node: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, first part of the name) of imports that nothing guards."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield child.lineno, alias.name.partition(".")[0]
        elif isinstance(child, ast.ImportFrom) and child.module and child.level == 0:
            yield child.lineno, child.module.partition(".")[0]
        elif not isinstance(child, _GUARDS):
            yield from _imported(child)
