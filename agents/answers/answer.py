"""From the free text of a model to a plan, a program and edits, whatever form the answer took.
Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.answers.edits import Edit, read_edits, without_edits
from agents.answers.fences import CodePiece, fenced, first_code_line, json_fields, pieces, unfenced
from agents.answers.loci import mark_loci
from agents.answers.syntax import parsed
from core.genome import Genome, normalised_digest

PLAN_CHARS = 200
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
_GREETING = re.compile(
    r"^(?:sure|certainly|here\b|here's|below|of course|okay|ok\b|absolutely|the following)", re.I
)
_COMMENT = re.compile(r"^# (?!%%|-\*-|!)(\w.{8,})$", re.MULTILINE)
# An arrow says how a value changed; any other ">" quotes.
_MARKUP = re.compile(r"(?:[*`#\s]|(?<!-)>)+")
_WRITES = re.compile(r"\bsubmission\b")


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What an answer holds. plan: one line of English, "" when none was found. program: "" when
    there is none.

    marked: the program with the markers of its author only.
    """

    plan: str
    program: str
    edits: tuple[Edit, ...] = ()
    marked: str = ""


def read_answer(text: str, shown: Sequence[str] = ()) -> ModelAnswer:
    """Reads an answer to a prompt that showed these programs: an echo of one is taken only when
    nothing else is there.

    A program that is Python comes with all four loci marked; one that is not comes as it stands,
    for the repair.
    """
    text = text[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    said = without_thinking(text)
    written = _read(said, shown)
    if not written.program and not written.edits and said != text:
        # Some models never close their thoughts, or put the program into them.
        inside = _read(_THOUGHT.sub("", text), shown)
        if _whole(inside.program):
            return inside
    return written


def without_thinking(text: str) -> str:
    """The answer without what the model said to itself, closed or not; some chats open the first
    thought themselves.
    """
    said: list[str] = []
    place, thinking = 0, False
    for tag in _THOUGHT.finditer(text):
        if tag["start"] is not None:
            said += [] if thinking else [text[place : tag.start()]]
            thinking = True
        elif thinking or tag["ends"] is not None:
            said = said if thinking else []
            place, thinking = tag.end(), False
    return _CHAT_TOKEN.sub("", "".join(said if thinking else [*said, text[place:]]))


def one_line(text: str) -> str:
    """A plan as one line of at most PLAN_CHARS characters, without markup; "" for a text that is
    not English.
    """
    line = _MARKUP.sub(" ", text).strip(" -:\"'")
    letters = [character for character in line if character.isalpha()]
    if not letters or sum(character.isascii() for character in letters) < 0.8 * len(letters):
        return ""
    return line if len(line) <= PLAN_CHARS else line[: PLAN_CHARS - 3].rstrip() + "..."


def _read(text: str, shown: Sequence[str]) -> ModelAnswer:
    edits = read_edits(text)
    rest = without_edits(text) if edits else text
    program = _program(rest, shown).rstrip()
    program += "\n" if program else ""
    return ModelAnswer(
        _plan(text, program), mark_loci(program), edits, mark_loci(program, guess=False)
    )


def _program(text: str, shown: Sequence[str]) -> str:
    """The best whole program; else what parses and is longest; else what looks most like code."""
    found = pieces(text)
    whole = [piece for piece in found if _whole(piece.text)]
    if not whole:
        found += [piece for piece in (_joined(text), unfenced(text)) if piece is not None]
        whole = [piece for piece in found if _whole(piece.text)][:1]
    if whole:
        echoes = {normalised_digest(program) for program in shown}
        ranks = [_rank(piece, number, echoes) for number, piece in enumerate(whole)]
        return whole[ranks.index(max(ranks))].text
    code = [piece.text for piece in found if _codelike(piece.text) or _is_part(piece.text)]
    broken = [
        piece.text for piece in found if parsed(piece.text) is None and "import " in piece.text
    ]
    # A long program with a fault is worth more to a repair than a short example that has none.
    return max(code + broken, key=len, default="")


def _rank(piece: CodePiece, number: int, echoes: set[str]) -> tuple[bool, int, int]:
    """New before echoed, more loci first; of equals the last one, since models correct themselves."""
    return (
        normalised_digest(piece.text) not in echoes,
        len(Genome.parse(mark_loci(piece.text, False)).loci),
        number,
    )


def _joined(text: str) -> CodePiece | None:
    """The fences one below the other: some models give each locus its own."""
    parts = [
        piece.text
        for piece in fenced(text, depth=0)
        if piece.language in ("python", "py", "python3", "")
    ]
    return CodePiece("\n".join(parts)) if len(parts) > 1 else None


def _whole(program: str) -> bool:
    """True for Python that has to do with a submission: not an example, not a part."""
    return bool(_WRITES.search(program)) and _codelike(program)


def _codelike(program: str) -> bool:
    tree = parsed(program)
    if tree is None:
        return False
    return len(tree.body) > 2 or any(
        isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body
    )


def _is_part(program: str) -> bool:
    """True for Python with a marker of its author."""
    tree = parsed(program)
    return (
        tree is not None
        and bool(tree.body)
        and bool(Genome.parse(mark_loci(program, guess=False)).loci)
    )


def _plan(text: str, program: str) -> str:
    """What the answer calls its plan; else its first sentence; else what the program says of
    itself.
    """
    fields = json_fields(text)
    labelled = _PLAN.search(text) or _PLAN_HEADING.search(text)
    code = first_code_line(text)
    head = text.split("\n")[:code] if program or code is not None else []
    said = [line for line in head if not _GREETING.match(_MARKUP.sub(" ", line).strip())]
    tree = parsed(program)
    docstring = (ast.get_docstring(tree) or "") if tree is not None else ""
    comment = _COMMENT.search(program)
    options = (
        fields.get("plan", ""),
        labelled.group(1) if labelled and not fields else "",
        *said,
        *docstring.split("\n")[:1],
        comment.group(1) if comment else "",
    )
    return next((line for line in map(one_line, options) if len(line) > 3), "")
