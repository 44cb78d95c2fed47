"""Pieces of code in a model's answer: fences, code without a fence, a program inside JSON. Pure."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.answers.syntax import error_line, parsed
from utils.text import whole

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*\{?\.?([\w+#-]*)[^`]*$")
_CODE_START = re.compile(
    r"^[ \t]*(?:>>> )?(?:import [\w.]+(?: as \w+)?(?:,.*)?[ \t]*(?:#.*)?$|from [\w.]+ import [\w(*]|# ?%%|[rR]?\"{3}"
    r"|#!/|# -\*-)"
)
_PROSE = re.compile(
    r"^\s*(?:[-*>]+ |\d+[.)] |#{1,6} |\*\*)?[A-Z][\w'’,:*`-]*(?: [\w'’\"`(),.:;/*%+-]+){2,}"
)
_MAGIC = re.compile(r"^([ \t]*)([!%](?!%)\w)", re.MULTILINE)
_PROMPT = re.compile(r"^(?:>>> ?|\.\.\. ?)", re.MULTILINE)
_ODD = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u3000": " ", "\u200b": "", "\u2060": "", "\ufeff": ""}
    | {"“": '"', "”": '"', "‘": "'", "’": "'"}
)
_PROGRAM_KEYS = ("program", "code", "solution", "python")
# What an answer may hold of each; more is noise, and every piece is parsed several times.
_CLOSERS, _DEPTH, _FENCES = 8, 2, 60


@dataclass(frozen=True, slots=True)
class CodePiece:
    """A stretch of an answer that may be code. language: info string of its fence, lower case, ""
    without one.
    """

    text: str
    language: str = ""


def pieces(text: str) -> list[CodePiece]:
    """Every stretch that may be a program, in order, mended where that makes it Python."""
    result = [CodePiece(mended(piece.text), piece.language) for piece in fenced(text)]
    for program in _json_programs(text, result):
        result.append(CodePiece(mended(program)))
    return result


def fenced(text: str, depth: int = _DEPTH) -> Iterator[CodePiece]:
    """Contents of the fences, with those inside a fence that is not Python itself."""
    lines = text.split("\n")
    for start, end, language in _fences(lines):
        content = "\n".join(lines[start + 1 : end])
        yield CodePiece(content, language)
        if depth and "```" in content and parsed(content) is None:
            yield from fenced(content, depth - 1)


def unfenced(text: str) -> CodePiece | None:
    """The program outside of all fences: from the first line that begins one to the end, or to
    prose.
    """
    lines = text.split("\n")
    for start, end, _ in reversed(_fences(lines)):
        del lines[start : end + 1]
    for number, line in enumerate(lines):
        if _CODE_START.match(line):
            return CodePiece(mended("\n".join(lines[number:])))
    return None


def first_code_line(text: str) -> int | None:
    """Index of the first line that is a fence, an edit or code."""
    for number, line in enumerate(text.split("\n")):
        if _FENCE.match(line) or _CODE_START.match(line) or line.startswith("<<<<<"):
            return number
    return None


def mended(text: str) -> str:
    """The first variant of a text that is Python; the text itself when none is."""
    for variant in _variants(text):
        if parsed(variant) is not None:
            return variant
    return text


def json_fields(text: str) -> dict[str, str]:
    """Text fields of an answer that is one JSON object; {} for any other."""
    try:
        value = json.loads(text.strip(), strict=False)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: whole(item) for key, item in value.items() if isinstance(item, str)}


def _json_programs(text: str, candidates: Sequence[CodePiece]) -> Iterator[str]:
    """Programs in fields of the answer as a whole, or of a piece of it."""
    objects = [piece.text for piece in candidates if piece.language in ("json", "")]
    for candidate in (text, *objects):
        if candidate.lstrip().startswith("{"):
            fields = json_fields(candidate)
            yield from filter(None, map(fields.get, _PROGRAM_KEYS))


def _fences(lines: list[str]) -> list[tuple[int, int, str]]:
    """(opening line, closing line, language) of each fence; one that is not closed ends with the
    text.
    """
    fences: list[tuple[int, int, str]] = []
    number = 0
    while number < len(lines) and len(fences) < _FENCES:
        match = _FENCE.match(lines[number])
        if match:
            end = _closing_line(lines, number, match.group(1))
            fences.append((number, end, match.group(2).lower()))
            number = end
        number += 1
    return fences


def _closing_line(lines: list[str], start: int, mark: str) -> int:
    """The first bare fence that leaves Python above it: a fence inside a string does not. Else the
    first bare fence.
    """
    bare: list[int] = []
    for number in range(start + 1, len(lines)):
        match = _FENCE.match(lines[number])
        if match and not match.group(2) and match.group(1).startswith(mark):
            bare.append(number)
            if parsed("\n".join(lines[start + 1 : number])) is not None:
                return number
            if len(bare) == _CLOSERS:
                break
    return next(iter(bare), len(lines))


def _variants(text: str) -> Iterator[str]:
    """Mildest first; each one keeps what the one before it did."""
    yield text
    text = text.translate(_ODD).rstrip().removesuffix("```").rstrip() + "\n"
    yield text
    text = textwrap.dedent(text)
    yield text
    yield textwrap.dedent(text.expandtabs(4))
    text = _MAGIC.sub(r"\1pass  # \2", text)
    yield text
    if ">>> " in text:
        yield _PROMPT.sub("", text)
    yield _without_prose_below(text)
    yield _without_prose_below(textwrap.dedent(text.expandtabs(4)))


def _without_prose_below(text: str) -> str:
    """Cut at the line that Python stumbles over when it reads like a sentence."""
    number = error_line(text)
    lines = text.split("\n")
    if number is None or not 1 < number <= len(lines) or not _PROSE.match(lines[number - 1]):
        return text
    return "\n".join(lines[: number - 1]) + "\n"
