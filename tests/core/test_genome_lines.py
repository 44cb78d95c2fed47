"""Lines of a program are counted as Python counts them."""

from __future__ import annotations

import ast
import traceback

import pytest

from agents.recipes.repair import guilty_locus
from core.evolution.values import declared_values, with_value
from core.genome import Genome, code_lines
from core.records import ErrorInfo

# Each ends a line for str.splitlines, and none for Python.
NO_ENDS = ("\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")


def program_with(separator: str, end: str = "\n") -> str:
    lines = [
        "# %% DATA",
        f"# pages{separator}of a file",
        f'TEXT = "one{separator}# %% MODEL{separator}two"',
        "RATE = 0.5  # tune: 0.1",
        "# %% MODEL",
        "DEPTH = 6  # tune: 8",
        "1 / 0",
        "# %% TRAIN",
        "",
    ]
    return end.join(lines)


@pytest.mark.parametrize("separator", NO_ENDS)
def test_what_is_no_line_end_for_python_ends_no_line(separator: str) -> None:
    program = program_with(separator)
    assert len(code_lines(program)) == 8
    assert "".join(code_lines(program)) == program
    assert str(Genome.parse(program)) == program
    assert [block.locus for block in Genome.parse(program).blocks] == ["DATA", "MODEL", "TRAIN"]


@pytest.mark.parametrize("separator", NO_ENDS)
def test_a_declared_value_stands_in_its_own_part(separator: str) -> None:
    program = program_with(separator)
    found = declared_values(program)
    assert [(one.name, one.locus) for one in found] == [("RATE", "DATA"), ("DEPTH", "MODEL")]
    assert "DEPTH = 8  # tune" in with_value(program, found[1], "8")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_the_syntax_tree(end: str) -> None:
    program = program_with("\f", end)
    lines = code_lines(program)
    for node in ast.parse(program).body:
        assert lines[node.lineno - 1].startswith(("TEXT", "RATE", "DEPTH", "1 / 0"))


@pytest.mark.parametrize("separator", NO_ENDS)
def test_an_error_is_found_in_its_own_part(separator: str) -> None:
    program = program_with(separator)
    try:
        exec(compile(program, "main.py", "exec"), {})
    except ZeroDivisionError:
        frame = traceback.format_exc().rpartition("  File ")[2].splitlines()[0]
    trace = f"  File {frame}\n    1 / 0\n"
    assert guilty_locus(program, ErrorInfo("ZeroDivisionError", "", trace)) == "MODEL"
