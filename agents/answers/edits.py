"""Search/replace edits: found in an answer, applied to a program and verified; "only this locus
changed". Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import filterfalse
from operator import itemgetter

from agents.answers.syntax import compiled, is_import, parsed
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
    blocks = _blocks(text.split("\n"))[:_MOST_EDITS]
    return tuple(edit for edit, _, _ in blocks)


def without_edits(text: str) -> str:
    """The answer without its edit blocks, for the search of a whole program."""
    lines = text.split("\n")
    for _, start, end in reversed(_blocks(lines)):
        del lines[start:end]
    return "\n".join(lines)


def _blocks(lines: list[str]) -> list[tuple[Edit, int, int]]:
    """(edit, its first line, the line after it)."""
    blocks = []
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
            blocks.append((edit, start, number + 1))
            start = middle = None
    return blocks


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
    if isinstance(fault, str):
        return EditRefusedError(f"after the edits, {fault}")
    return result


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
        within = _put_within(lines, wanted[0].strip(), edit.replace.strip())
        if within is not None:
            return within
    place = _similar(lines, wanted)
    if place is None:
        return EditRefusedError(f"its search text is not in the program: {_quote(wanted)}")
    return _put(lines, place[0], place[1], wanted, edit.replace)


def _put_within(lines: list[str], wanted: str, replace: str) -> list[str] | None:
    """The lines with a part of one of them replaced; None unless it stands there once in all."""
    inside = [number for number, line in enumerate(lines) if wanted in line]
    if len(inside) != 1 or lines[inside[0]].count(wanted) != 1:
        return None
    changed = lines.copy()
    changed[inside[0]] = lines[inside[0]].replace(wanted, replace)
    return changed


def _exact(lines: list[str], wanted: list[str]) -> list[int]:
    """First lines of the places where the wanted text stands."""
    size = len(wanted)
    places = range(len(lines) - size + 1)
    return [start for start in places if lines[start : start + size] == wanted]


def _stripped(lines: list[str], wanted: list[str]) -> list[int]:
    """The same whatever the indents are."""
    return _exact(list(map(str.strip, lines)), list(map(str.strip, wanted)))


def _similar(lines: list[str], wanted: list[str]) -> tuple[int, int] | None:
    """(start, length) of the one place that is nearly the wanted text; None when there is none or
    it is not clear.
    """
    target = "\n".join(map(str.strip, wanted))
    stripped = list(map(str.strip, lines))
    matcher = SequenceMatcher(None, b=target, autojunk=False)
    alike: list[tuple[float, int, int]] = []
    for size in range(max(1, len(wanted) - 2), len(wanted) + 3):
        for start in range(len(lines) - size + 1):
            matcher.set_seq1("\n".join(stripped[start : start + size]))
            # Bounds from above that cost less come first.
            if matcher.real_quick_ratio() < _SIMILAR or matcher.quick_ratio() < _SIMILAR:
                continue
            ratio = matcher.ratio()
            if ratio >= _SIMILAR:
                alike.append((ratio, start, size))
    if not alike:
        return None
    best, start, size = max(alike, key=itemgetter(0))
    for ratio, other, length in alike:
        elsewhere = other >= start + size or other + length <= start
        if elsewhere and ratio >= best - _CLEAR:
            return None
    return start, size


def _put(lines: list[str], start: int, size: int, wanted: list[str], replace: str) -> list[str]:
    """The lines with the new text in place, shifted by as much as the search text was off."""
    old, sought = _first(lines[start : start + size]), _first(wanted)
    if sought.startswith("\t") and not old.startswith("\t"):
        sought, replace = sought.expandtabs(4), replace.expandtabs(4)
    new = []
    if replace:
        shift = _indent(old) - _indent(sought)
        new = [_shifted(line, shift) for line in replace.split("\n")]
    return [*lines[:start], *new, *lines[start + size :]]


def _shifted(line: str, shift: int) -> str:
    if shift < 0:
        return line[min(-shift, _indent(line)) :]
    if not line.strip():
        return line
    return " " * shift + line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _first(lines: list[str]) -> str:
    """The first line that is not blank, "" for none."""
    return next(filter(str.strip, lines), "")


def _trimmed(lines: list[str]) -> list[str]:
    """Without blank lines at both ends."""
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


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
    if len(changed) != 1 and asked in LOCI:
        locus = LOCI[LOCI.index(asked)]
        if locus in changed and locus in before.loci and locus in after.loci:
            narrow = _narrowed(before, after, locus)
            if accept(narrow):
                return narrow, locus
    return program, _only(changed)


def only_changed(parent: str, program: str) -> Locus | None:
    """The one locus in which a program differs from its parent; None for several, for none and for
    the preamble.
    """
    return _only(differing_loci(Genome.parse(parent), Genome.parse(program)))


def differing_loci(before: Genome, after: Genome) -> frozenset[Locus | None]:
    """Loci that do something else by text; None (the preamble) only when more than its imports
    differ.
    """
    changed: set[Locus | None] = set()
    for locus in changed_loci(before, after):
        mine, theirs = before.gene(locus), after.gene(locus)
        same = normalised_digest(mine) == normalised_digest(theirs)
        if locus is None:
            same = same or _without_imports(mine) == _without_imports(theirs)
        if not same:
            changed.add(locus)
    return frozenset(changed)


def _only(changed: frozenset[Locus | None]) -> Locus | None:
    """The one locus that changed; None for several, and for the preamble."""
    if len(changed) != 1:
        return None
    return next(iter(changed))


def _narrowed(before: Genome, after: Genome, locus: Locus) -> str:
    """The parent with one locus of the child, and with the imports that the child's preamble has in
    addition.
    """
    child = before.replace(locus, after.gene(locus))
    preamble = before.gene(None)
    known = set(map(ast.dump, _imports(preamble)))
    new = [node for node in _imports(after.gene(None)) if ast.dump(node) not in known]
    if not new:
        return str(child)
    if preamble and not preamble.endswith("\n"):
        preamble += "\n"
    first = Block(None, preamble + "\n".join(map(ast.unparse, new)) + "\n")
    others = [block for block in child.blocks if block.locus is not None]
    return str(Genome((first, *others)))


def _imports(preamble: str) -> list[ast.stmt]:
    tree = parsed(preamble)
    if tree is None:
        return []
    return list(filter(is_import, tree.body))


def _without_imports(preamble: str) -> str:
    """What a preamble does besides importing and saying what it is; its text when it is no Python
    by itself.
    """
    tree = parsed(preamble)
    if tree is None:
        return preamble
    rest = list(filterfalse(is_import, tree.body))
    if rest and isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.Constant):
        rest = rest[1:]
    try:
        return "\n".join(map(ast.unparse, rest))
    except RecursionError:
        return preamble
