"""Search/replace edits: found in an answer, applied to a program and verified; "only this locus
changed". Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agents.answers.syntax import compiled, parsed
from core.genome import LOCI, Block, Genome, Locus, changed_loci, normalised_digest

_SEARCH = re.compile(r"^[ \t]*<{5,9} ?(?:SEARCH|ORIGINAL|HEAD|OLD)\b.*$", re.IGNORECASE)
_MIDDLE = re.compile(r"^[ \t]*={5,9}[ \t]*$")
_REPLACE = re.compile(r"^[ \t]*>{5,9} ?(?:(?:REPLACE|UPDATED|NEW)\b.*)?$", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w+-]*[ \t]*$")
_SIMILAR = 0.9
# How much better the best place must be than the second best one.
_CLEAR = 0.03
_MOST_EDITS = 40


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines to find and what stands there afterwards, both without the line end of their last line."""

    search: str
    replace: str


@dataclass(frozen=True, slots=True)
class EditRefusedError:
    """Why edits were not applied, in one line."""

    reason: str


# ---------------------------------------------------------------- reading


def read_edits(text: str) -> tuple[Edit, ...]:
    """The edit blocks of an answer in order; one that is not finished is left out."""
    return tuple(edit for edit, _, _ in _blocks(text.split("\n")))[:_MOST_EDITS]


def without_edits(text: str) -> str:
    """The answer without its edit blocks, for the search of a whole program."""
    lines = text.split("\n")
    for _, start, end in reversed(_blocks(lines)):
        del lines[start:end]
    return "\n".join(lines)


def _blocks(lines: list[str]) -> list[tuple[Edit, int, int]]:
    """(edit, its first line, the line after it)."""
    found = []
    start = middle = None
    for number, line in enumerate(lines):
        if _SEARCH.match(line):
            start, middle = number, None
        elif start is not None and middle is None and _MIDDLE.match(line):
            middle = number
        elif (
            start is not None
            and middle is not None
            and (_REPLACE.match(line) or _FENCE.match(line))
        ):
            # A fence ends an edit whose last marker was forgotten, but one right below the middle
            # opens the new text.
            if _FENCE.match(line) and (number == middle + 1 or _closed_later(lines, number)):
                continue
            edit = Edit(_side(lines[start + 1 : middle]), _side(lines[middle + 1 : number]))
            found.append((edit, start, number + 1))
            start = middle = None
    return found


def _closed_later(lines: list[str], number: int) -> bool:
    """True when a closing marker comes before the next edit."""
    for line in lines[number + 1 :]:
        if _REPLACE.match(line):
            return True
        if _SEARCH.match(line):
            return False
    return False


def _side(lines: list[str]) -> str:
    """One side of an edit, without a fence around it."""
    if lines and _FENCE.match(lines[0]):
        lines = lines[1:]
    if lines and _FENCE.match(lines[-1]):
        lines = lines[:-1]
    return "\n".join(lines)


# ---------------------------------------------------------------- applying


def apply_edits(program: str, edits: Sequence[Edit]) -> str | EditRefusedError:
    """The program after all edits, in order. EditRefusedError when a search text has no place or more than
    one, when nothing changes, or when the result is no Python.
    """
    lines = program.rstrip("\n").split("\n")
    for number, edit in enumerate(edits, 1):
        applied = _apply(lines, edit)
        if isinstance(applied, EditRefusedError):
            return EditRefusedError(f"edit {number} of {len(edits)}: {applied.reason}")
        lines = applied
    result = "\n".join(lines) + "\n"
    if normalised_digest(result) == normalised_digest(program):
        return EditRefusedError("the edits change nothing")
    fault = compiled(result)
    return EditRefusedError(f"after the edits, {fault}") if isinstance(fault, str) else result


def _apply(lines: list[str], edit: Edit) -> list[str] | EditRefusedError:
    wanted = _trimmed(edit.search.split("\n"))
    if not wanted:
        return EditRefusedError("its search text is empty")
    for places in (_exact(lines, wanted), _stripped(lines, wanted)):
        if len(places) > 1:
            return EditRefusedError(
                f"its search text stands at {len(places)} places: {_quote(wanted)}"
            )
        if places:
            return _put(lines, places[0], len(wanted), wanted, edit.replace)
    if len(wanted) == 1 and "\n" not in edit.replace:
        inside = [number for number, line in enumerate(lines) if wanted[0].strip() in line]
        if len(inside) == 1 and lines[inside[0]].count(wanted[0].strip()) == 1:
            changed = lines[inside[0]].replace(wanted[0].strip(), edit.replace.strip())
            return [*lines[: inside[0]], changed, *lines[inside[0] + 1 :]]
    place = _similar(lines, wanted)
    if place is None:
        return EditRefusedError(f"its search text is not in the program: {_quote(wanted)}")
    return _put(lines, place[0], place[1], wanted, edit.replace)


def _exact(lines: list[str], wanted: list[str]) -> list[int]:
    size = len(wanted)
    return [
        start for start in range(len(lines) - size + 1) if lines[start : start + size] == wanted
    ]


def _stripped(lines: list[str], wanted: list[str]) -> list[int]:
    return _exact([line.strip() for line in lines], [line.strip() for line in wanted])


def _similar(lines: list[str], wanted: list[str]) -> tuple[int, int] | None:
    """(start, length) of the one place that is nearly the wanted text; None when there is none or
    it is not clear.
    """
    target = "\n".join(line.strip() for line in wanted)
    stripped = [line.strip() for line in lines]
    matcher = SequenceMatcher(None, b=target, autojunk=False)
    found: list[tuple[float, int, int]] = []
    for size in range(max(1, len(wanted) - 2), len(wanted) + 3):
        for start in range(len(lines) - size + 1):
            matcher.set_seq1("\n".join(stripped[start : start + size]))
            bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
            if all(bound() >= _SIMILAR for bound in bounds):
                found.append((matcher.ratio(), start, size))
    if not found:
        return None
    ratio, start, size = max(found, key=lambda place: place[0])
    rivals = [other for other in found if other[1] >= start + size or other[1] + other[2] <= start]
    clear = all(other[0] < ratio - _CLEAR for other in rivals)
    return (start, size) if clear else None


def _put(lines: list[str], start: int, size: int, wanted: list[str], replace: str) -> list[str]:
    """The lines with the new text in place, shifted by as much as the search text was off."""
    new = replace.split("\n") if replace else []
    old = _first(lines[start : start + size])
    if _first(wanted).startswith("\t") and not old.startswith("\t"):
        wanted, new = [[line.expandtabs(4) for line in text] for text in (wanted, new)]
    shift = _indent(old) - _indent(_first(wanted))
    return [*lines[:start], *(_shifted(line, shift) for line in new), *lines[start + size :]]


def _shifted(line: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    return line[min(-shift, _indent(line)) :]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _first(lines: list[str]) -> str:
    return next((line for line in lines if line.strip()), "")


def _trimmed(lines: list[str]) -> list[str]:
    """Without blank lines at both ends."""
    kept = [number for number, line in enumerate(lines) if line.strip()]
    return lines[kept[0] : kept[-1] + 1] if kept else []


def _quote(lines: list[str]) -> str:
    return f"`{_first(lines).strip()[:80]}`"


# ---------------------------------------------------------------- only one locus


def keep_to_locus(
    parent: str, program: str, asked: str, accept: Callable[[str], bool]
) -> tuple[str, Locus | None]:
    """(program, the one locus in which it differs from its parent; None when it differs in
    several).

    A mutation may change the asked locus and the imports of the preamble. When more changed, only
    the new text of the asked locus and the new imports are kept, if that is accepted. Else the
    program stays as the model wrote it: it is paid for and may well be good; but its gain says
    nothing about one locus, so that it is recorded without, and a program that changed one other
    locus counts for that one.
    """
    before, after = Genome.parse(parent), Genome.parse(program)
    changed = differing_loci(before, after)
    if changed == {asked}:
        return program, _only(changed)
    if asked in changed and asked in before.loci and asked in after.loci:
        narrow = _narrowed(before, after, next(locus for locus in LOCI if locus == asked))
        if accept(narrow):
            return narrow, next(locus for locus in LOCI if locus == asked)
    return program, _only(changed)


def differing_loci(before: Genome, after: Genome) -> frozenset[Locus | None]:
    """Loci that do something else by text; None (the preamble) only when more than its imports
    differ.
    """
    changed = {
        locus
        for locus in changed_loci(before, after)
        if normalised_digest(before.gene(locus)) != normalised_digest(after.gene(locus))
    }
    if None in changed and _without_imports(before.gene(None)) == _without_imports(
        after.gene(None)
    ):
        changed.discard(None)
    return frozenset(changed)


def _only(changed: frozenset[Locus | None]) -> Locus | None:
    return next(iter(changed)) if len(changed) == 1 else None


def _narrowed(before: Genome, after: Genome, locus: Locus) -> str:
    """The parent with one locus of the child, and with the imports that the child's preamble has in
    addition.
    """
    child = before.replace(locus, after.gene(locus))
    preamble = before.gene(None)
    known = {ast.dump(node) for node in _imports(preamble)}
    new = [ast.unparse(node) for node in _imports(after.gene(None)) if ast.dump(node) not in known]
    if not new:
        return str(child)
    if preamble and not preamble.endswith("\n"):
        preamble += "\n"
    first = Block(None, preamble + "\n".join(new) + "\n")
    return str(Genome((first, *(block for block in child.blocks if block.locus is not None))))


def _imports(preamble: str) -> list[ast.stmt]:
    tree = parsed(preamble)
    return (
        [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if tree is not None
        else []
    )


def _without_imports(preamble: str) -> str:
    """What a preamble does besides importing and saying what it is; its text when it is no Python
    by itself.
    """
    tree = parsed(preamble)
    if tree is None:
        return preamble
    rest = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    if rest and isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.Constant):
        rest = rest[1:]
    return "\n".join(ast.unparse(node) for node in rest)
