"""Reasons why a program is not worth running, found before it costs an execution. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterator, Sequence
from difflib import get_close_matches

from agents.answers.names import bound_names, undefined_names
from agents.answers.syntax import compiled, parsed
from core.genome import LOCI, Genome, code_lines, normalised_digest

Gate = Callable[[str], Sequence[str]]
"""Reasons of the box to reject a program (core.execution.static_check); () when it may run."""

_INPUT = re.compile(r"(?:^|[./\\])input(?:$|[/\\])")
_FOLDER = re.compile(r"(?:^|[./\\])submission(?:$|[/\\])")
_FILE = re.compile(r"(?:^|[/\\])submission\.csv$")
_WRITERS = frozenset(
    "to_csv write_csv sink_csv write writerow writerows writelines write_text write_bytes savetxt tofile copy copyfile "
    "copy2 move replace rename".split()
)
_LEFT_OUT = re.compile(
    r"#.*\b(?:rest of (?:the|your) (?:code|program|script|pipeline)|your code (?:goes )?here)\b"
    r"|#.*(?:\.\.\.|…).*\b(?:existing|previous|remaining|unchanged|same) (?:code|lines|part|as (?:before|above))\b"
    r"|#.*\b(?:existing|previous|remaining|unchanged) (?:code|lines|part)\b.{0,30}(?:\.\.\.|…)",
    re.IGNORECASE,
)
_MOST_NAMES = 6
# Characters of a program that a prompt shows: of a longer one later authors could not see all that they
# may change (agents.prompting.folding).
SHOWN = 40_000
_LONG_LINE = 1000
_ALIKE = 0.8


def reasons_against(program: str, gate: Gate, known: Container[str] = ()) -> tuple[str, ...]:
    """One line per fault, worst first; () when the program may be proposed.

    known: normalised digests of programs that were there before.
    """
    fault = compiled(program)
    if isinstance(fault, str):
        return (fault,)
    if normalised_digest(program) in known:
        return ("the program does the same as its parent or an earlier program",)
    tree = parsed(program)
    assert tree is not None
    return (
        *gate(program),
        *_undefined(program),
        *_missing_parts(program),
        *_files(tree),
        *_unused_main(tree),
    )


def reports_nothing(program: str) -> tuple[str, ...]:
    """The fault of a program that must measure itself and does not say so; () for all others."""
    if "score.json" in program:
        return ()
    return ("never writes ./submission/score.json, so it has no score",)


def _undefined(program: str) -> Iterator[str]:
    for line, name in undefined_names(program)[:_MOST_NAMES]:
        reason = f"line {line}: the name {name} is never defined or imported"
        if meant := _meant(name, bound_names(program)):
            reason += f" (is it {meant}?)"
        yield reason


def _meant(name: str, bound: frozenset[str]) -> str:
    """The name that is written nearly alike, "" for none."""
    for other in sorted(bound):
        if other.lower() == name.lower():
            return other
    return next(iter(get_close_matches(name, bound, 1, _ALIKE)), "")


def _missing_parts(program: str) -> Iterator[str]:
    loci = Genome.parse(program).loci
    missing = [f"# %% {locus}" for locus in LOCI if locus not in loci]
    if missing:
        yield f"the markers of these sections are missing: {', '.join(missing)}"
    for number, line in enumerate(code_lines(program), 1):
        if _LEFT_OUT.search(line[:_LONG_LINE]):
            yield f"line {number}: leaves code out: {line.strip()[:80]}"
            return


def _files(tree: ast.Module) -> Iterator[str]:
    texts = list(_texts(tree))
    if not any(map(_INPUT.search, texts)):
        yield "reads nothing from ./input"
    folder = any(map(_FOLDER.search, texts))
    if not folder and any(map(_FILE.search, texts)):
        yield "writes submission.csv into the wrong folder: it must be ./submission/submission.csv"
    elif not folder or _WRITERS.isdisjoint(map(_called, ast.walk(tree))):
        yield "never writes ./submission/submission.csv"


def _unused_main(tree: ast.Module) -> Iterator[str]:
    defined = any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    if defined and "main" not in map(_name, ast.walk(tree)):
        yield "main() is defined and never called"


def _name(node: ast.AST) -> str:
    """The name that is read or bound; "" for anything but a name."""
    return getattr(node, "id", "")


def _texts(tree: ast.Module) -> Iterator[str]:
    """Constant texts but docstrings and other bare ones."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value


def _called(node: ast.AST) -> str:
    """Last word of what is called; "" for anything but a call."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))
