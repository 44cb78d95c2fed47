"""Lines that a stranger reads at speed: few comprehensions and ternaries, short lines, one meaning per
class name, fields that say what they are.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.house.source import ROOT, all_modules, host_modules, modules, tree, walked

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Per 1,000 lines of code (no blanks, no comments).
MOST_COMPREHENSIONS, MOST_TERNARIES = 30, 15
LONG_LINE, MOST_LONG_LINES = 100, 0.03
# Records with more fields say at each field what it is.
FEW_FIELDS = 10
LARGEST_CLASS = 260


def code_lines(path: Path) -> list[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.strip().startswith("#")]


def product() -> list[Path]:
    return sorted(set(all_modules().values()))


# Each on its own: a calm one does not make up for a crowded one.
SIDES = {"agent": modules, "host": host_modules}


def per_thousand(side: str, kinds: type | tuple[type, ...]) -> float:
    found = lines = 0
    for path in sorted(set(SIDES[side]().values())):
        lines += len(code_lines(path))
        found += sum(isinstance(node, kinds) for node in walked(tree(path)))
    return 1000 * found / lines


@pytest.mark.parametrize("side", SIDES)
def test_comprehensions_are_few(side: str) -> None:
    assert per_thousand(side, COMPREHENSIONS) <= MOST_COMPREHENSIONS


@pytest.mark.parametrize("side", SIDES)
def test_ternaries_are_few(side: str) -> None:
    assert per_thousand(side, ast.IfExp) <= MOST_TERNARIES


@pytest.mark.parametrize("side", SIDES)
def test_long_lines_are_few(side: str) -> None:
    paths = sorted(set(SIDES[side]().values()))
    lines = [line for path in paths for line in (ROOT / path).read_text().splitlines()]
    assert sum(len(line) > LONG_LINE for line in lines) <= MOST_LONG_LINES * len(lines)


def own_expressions(statement: ast.stmt) -> list[ast.AST]:
    """The nodes of a statement, without those of statements inside it."""
    found: list[ast.AST] = []
    todo = list(ast.iter_child_nodes(statement))
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.stmt):
            found.append(node)
            todo += ast.iter_child_nodes(node)
    return found


def crowded(module: ast.Module) -> list[int]:
    """Lines of statements with more than one comprehension or ternary."""
    found = []
    for node in walked(module):
        if isinstance(node, ast.stmt):
            dense = (*COMPREHENSIONS, ast.IfExp)
            if sum(isinstance(part, dense) for part in own_expressions(node)) > 1:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", product(), ids=str)
def test_one_comprehension_or_one_ternary_per_statement(path: Path) -> None:
    assert crowded(tree(path)) == []


def test_crowded_statements_are_found() -> None:
    module = ast.parse(
        "a = [x for x in y]\nb = {f(x) for x in [z for z in y]}\nif c:\n    d = e if f else g\n"
    )
    assert crowded(module) == [2]


def classes() -> list[tuple[Path, ast.ClassDef]]:
    found = []
    for path in product():
        for node in walked(tree(path)):
            if isinstance(node, ast.ClassDef):
                found.append((path, node))
    return found


@pytest.mark.parametrize("side", SIDES)
def test_no_class_name_has_two_meanings(side: str) -> None:
    # A program for an image of its own, with the names that specification 000 gives.
    example = Path("host/zagent_1/agent.py")
    paths = set(SIDES[side]().values()) - {example}
    names = Counter(node.name for path, node in classes() if path in paths)
    assert [name for name, count in names.items() if count > 1] == []


def test_no_class_is_a_crowd() -> None:
    for path, node in classes():
        assert (node.end_lineno or 0) - node.lineno < LARGEST_CLASS, f"{path}: {node.name}"


def test_wide_records_say_at_each_field_what_it_is() -> None:
    silent = []
    for path, node in classes():
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
        if len(fields) <= FEW_FIELDS:
            continue
        for field in fields:
            above = lines[field.lineno - 2].strip()
            if not above.startswith("#") and "  # " not in lines[field.lineno - 1]:
                silent.append(f"{path}: {node.name}.{ast.unparse(field.target)}")
    assert silent == []
