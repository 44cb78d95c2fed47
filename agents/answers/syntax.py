"""Python's own opinion of a program's text, without running it. Pure."""

from __future__ import annotations

import ast
import warnings
from types import CodeType

_UNREADABLE = (ValueError, OverflowError, RecursionError, MemoryError)


def parsed(program: str) -> ast.Module | None:
    """The syntax tree; None when the text is no Python."""
    try:
        return _quietly(program)
    except (SyntaxError, *_UNREADABLE):
        return None


def is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def error_line(program: str) -> int | None:
    """Number of the line that Python stumbles over, from 1; None when it does not or cannot say
    where.
    """
    try:
        _quietly(program)
    except SyntaxError as error:
        return error.lineno
    except _UNREADABLE:
        return None
    return None


def compiled(program: str) -> CodeType | str:
    """The byte code, or why there is none in one line with the line number. Finds more than
    parsing: `return` at the top, `nonlocal` without a function.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(program, "solution.py", "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        fault = f"line {error.lineno or 1}: syntax error: {error.msg}"
        if text := (error.text or "").strip():
            fault += f" in `{text[:120]}`"
        return fault
    except _UNREADABLE as error:
        return f"line 1: cannot be parsed: {error}"


def _quietly(program: str) -> ast.Module:
    """Parses without the warnings that Python has about the text (odd escapes, `is` with a
    literal).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(program)
