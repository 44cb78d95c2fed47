"""From the free text of a model to a plan, a program and edits, whatever form the answer took.
Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.answers.edits import Edit, read_edits, without_edits
from agents.answers.fences import fenced, first_code_line, json_fields, pieces, unfenced
from agents.answers.loci import mark_loci
from agents.answers.syntax import is_import, parsed
from core.genome import Genome, normalised_digest
from utils.text import clipped, whole

PLAN_CHARS, WHY_CHARS = 300, 200
_LONGEST = 200_000

_TAGS = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad"
_THOUGHT = re.compile(
    rf"(?P<start>^[ \t]*<(?:{_TAGS})>)|</(?:{_TAGS})>(?P<ends>[ \t]*$)?",
    re.MULTILINE | re.IGNORECASE,
)
_CHAT_TOKEN = re.compile(r"<\|[\w▁|-]{2,30}\|>")

_PLAN = re.compile(
    r"^[^\w\n]{0,12}(?:plan|idea|approach)\b[\s*_]*[:：][\s*_]*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_PLAN_HEADING = re.compile(
    r"^[^\w\n]{0,12}plan[^\w\n]{0,12}\n\s{0,4}(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_WHY = re.compile(
    r"^[^\w\n]{0,12}(?:why|hypothesis|rationale)\b[\s*_]*[:：][\s*_]*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_GREETING = re.compile(
    r"^(?:sure|certainly|here\b|here's|below|of course|okay|ok\b|absolutely|the following)", re.I
)
_COMMENT = re.compile(r"^# (?!%%|-\*-|!)(\w.{8,})$", re.MULTILINE)
# An arrow says how a value changed; any other ">" quotes.
_MARKUP = re.compile(r"(?:[*`#\s]|(?<!-)>)+")
_WRITES = re.compile(r"\bsubmission\b")


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What an answer holds. plan, hypothesis: one line of English each, "" when none was found.
    program: "" when there is none.

    marked: the program with the markers of its author only.
    """

    plan: str
    program: str
    edits: tuple[Edit, ...] = ()
    marked: str = ""
    hypothesis: str = ""


def read_answer(text: str, shown: Sequence[str] = ()) -> ModelAnswer:
    """Reads an answer to a prompt that showed these programs: an echo of one is taken only when
    nothing else is there.

    A program that is Python comes with all four loci marked; one that is not comes as it stands,
    for the repair.
    """
    text = whole(text[:_LONGEST]).replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    visible = without_thinking(text)
    reading = _read(visible, shown)
    if not reading.program and not reading.edits and visible != text:
        # Some models never close their thoughts, or put the program into them.
        inside = _read(_THOUGHT.sub("", text), shown)
        if _whole(inside.program):
            return inside
    return reading


def without_thinking(text: str) -> str:
    """The answer without what the model said to itself, closed or not; some chats open the first
    thought themselves.
    """
    parts: list[str] = []
    place, thinking = 0, False
    for tag in _THOUGHT.finditer(text):
        if tag["start"] is not None:
            if not thinking:
                parts.append(text[place : tag.start()])
            thinking = True
        elif thinking or tag["ends"] is not None:
            if not thinking:
                parts.clear()
            place, thinking = tag.end(), False
    if not thinking:
        parts.append(text[place:])
    return _CHAT_TOKEN.sub("", "".join(parts))


def one_line(text: str, limit: int = PLAN_CHARS) -> str:
    """A plan as one line of at most `limit` characters, without markup; "" for a text that is not
    English.
    """
    line = _MARKUP.sub(" ", text).strip(" -:\"'")
    letters = list(filter(str.isalpha, line))
    if not letters or sum(map(str.isascii, letters)) < 0.8 * len(letters):
        return ""
    return clipped(line, limit)


def _read(text: str, shown: Sequence[str]) -> ModelAnswer:
    edits, rest = read_edits(text), text
    if edits:
        rest = without_edits(text)
    program = _program(rest, shown).rstrip()
    if program:
        program += "\n"
    return ModelAnswer(
        _plan(text, program),
        mark_loci(program),
        edits,
        mark_loci(program, guess=False),
        _hypothesis(text),
    )


def _program(text: str, shown: Sequence[str]) -> str:
    """The best whole program; else what parses and is longest; else what looks most like code."""
    texts = [piece.text for piece in pieces(text)]
    whole = list(filter(_whole, texts))
    if not whole:
        texts += _guesses(text)
        whole = list(filter(_whole, texts))[:1]
    if whole:
        echoes = set(map(normalised_digest, shown))
        # The last one of equals, since models correct themselves.
        return max(reversed(whole), key=lambda program: _rank(program, echoes))
    # A long program with a fault is worth more to a repair than a short example that has none.
    return max(filter(_is_code, texts), key=len, default="")


def _guesses(text: str) -> list[str]:
    """Programs where no piece is one: all the fences, what stands outside of them."""
    guesses: list[str] = []
    if joined := _joined(text):
        guesses.append(joined)
    if (outside := unfenced(text)) is not None:
        guesses.append(outside.text)
    return guesses


def _rank(program: str, echoes: set[str]) -> tuple[bool, int]:
    """New before echoed, more loci first."""
    loci = Genome.parse(mark_loci(program, False)).loci
    return normalised_digest(program) not in echoes, len(loci)


def _joined(text: str) -> str:
    """The fences one below the other, "" for less than two: some models give each locus its own."""
    parts: list[str] = []
    for piece in fenced(text, depth=0):
        if piece.language in ("python", "py", "python3", ""):
            parts.append(piece.text)
    if len(parts) < 2:
        return ""
    return "\n".join(parts)


def _whole(program: str) -> bool:
    """True for Python that has to do with a submission: not an example, not a part."""
    return bool(_WRITES.search(program)) and _codelike(program)


def _codelike(program: str) -> bool:
    tree = parsed(program)
    if tree is None:
        return False
    return len(tree.body) > 2 or any(map(is_import, tree.body))


def _is_code(text: str) -> bool:
    """True for Python that does something or has a marker of its author, and for broken Python."""
    tree = parsed(text)
    if tree is None:
        return "import " in text
    return _codelike(text) or (bool(tree.body) and _has_marker(text))


def _has_marker(program: str) -> bool:
    return bool(Genome.parse(mark_loci(program, guess=False)).loci)


def _plan(text: str, program: str) -> str:
    """What the answer calls its plan; else its first sentence; else what the program says of
    itself.
    """
    for option in _plans(text, program):
        line = one_line(option)
        if len(line) > 3:
            return line
    return ""


def _hypothesis(text: str) -> str:
    """What the answer says of why its program should be better; a comment in the program is about
    something else.
    """
    fields = json_fields(text)
    if fields:
        return one_line(fields.get("why") or fields.get("hypothesis", ""), WHY_CHARS)
    above = "\n".join(text.split("\n")[: first_code_line(text)])
    if labelled := _WHY.search(above):
        return one_line(labelled[1], WHY_CHARS)
    return ""


def _plans(text: str, program: str) -> Iterator[str]:
    """What may be a plan, most likely first."""
    fields = json_fields(text)
    yield fields.get("plan", "")
    labelled = _PLAN.search(text) or _PLAN_HEADING.search(text)
    if labelled and not fields:
        yield labelled[1]
    code = first_code_line(text)
    if program or code is not None:
        for line in text.split("\n")[:code]:
            if not (_GREETING.match(_MARKUP.sub(" ", line).strip()) or _WHY.match(line)):
                yield line
    tree = parsed(program)
    if tree is not None:
        yield (ast.get_docstring(tree) or "").split("\n")[0]
    if comment := _COMMENT.search(program):
        yield comment[1]
