"""Names that a program uses and never binds, read from its byte code: the compiler has resolved
every scope. Pure.
"""

from __future__ import annotations

import ast
import builtins
import dis
from collections.abc import Iterator
from itertools import chain
from types import CodeType

from agents.answers.syntax import compiled, parsed

_GIVEN = frozenset(dir(builtins)) | frozenset(
    "__name__ __file__ __doc__ __builtins__ __spec__ __loader__ __package__ __annotations__ __cached__ __debug__ "
    "__module__ __qualname__ __class__ __path__ __dict__ __classcell__ __firstlineno__ __static_attributes__ "
    "__type_params__ __conditional_annotations__ __annotate__ __class_cell__".split()
)
# What reaches names by text: with one of these in a program nothing is certain.
_BY_TEXT = frozenset(
    "globals locals vars exec eval execfile setattr __dict__ builtins __builtins__ NameError".split()
)
_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL"})
_CATCH_ALL = frozenset({"Exception", "BaseException"})


def undefined_names(program: str) -> tuple[tuple[int, str], ...]:
    """(line, name) of the first use of each name that is bound nowhere and no builtin, by line.

    () as well for a text that is no Python, and where names may come from elsewhere (star imports,
    globals(), exec). A use inside a `try` that catches everything does not count.
    """
    tree, code = parsed(program), compiled(program)
    if tree is None or isinstance(code, str) or _uncertain(tree):
        return ()
    known = bound_names(program) | _GIVEN
    guarded: set[int] = set()
    for node in _lenient_tries(tree):
        guarded.update(range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1))
    first: dict[str, int] = {}
    for name, line in _loaded(code):
        if name not in known and line not in guarded:
            first[name] = min(line, first.get(name, line))
    return tuple(sorted((line, name) for name, line in first.items()))


def bound_names(program: str) -> frozenset[str]:
    """Names that the program binds outside of functions, or as globals; empty for a text that is no
    Python.
    """
    code = compiled(program)
    if isinstance(code, str):
        return frozenset()
    return frozenset(chain.from_iterable(map(_stored, _parts(code))))


def _uncertain(tree: ast.Module) -> bool:
    """True where names may come from elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Import) and any(alias.name == "builtins" for alias in node.names):
            return True
        if getattr(node, "id", getattr(node, "attr", "")) in _BY_TEXT:
            return True
    return False


def _parts(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it, but for annotations that Python does not evaluate (3.14)."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_name != "__annotate__":
            yield from _parts(constant)


def _stored(code: CodeType) -> Iterator[str]:
    """Names that a part binds; a name of a class body counts as bound everywhere, which is the
    lenient side.
    """
    for step in dis.get_instructions(code):
        if step.opname in _STORES:
            yield step.argval


def _loaded(code: CodeType) -> Iterator[tuple[str, int]]:
    for part in _parts(code):
        for step in dis.get_instructions(part):
            if step.opname in _LOADS:
                yield step.argval, _line_of(step) or part.co_firstlineno


def _line_of(step: dis.Instruction) -> int | None:
    if step.positions is None:
        return None
    return step.positions.lineno


def _lenient_tries(tree: ast.Module) -> Iterator[ast.Try]:
    """Those that catch everything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(map(_catches_all, node.handlers)):
            yield node


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    return kind is None or (isinstance(kind, ast.Name) and kind.id in _CATCH_ALL)
