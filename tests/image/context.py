"""The Dockerfile as instructions, and the build context as .dockerignore leaves it."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from tests.house.source import files

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"


@functools.cache
def instructions() -> tuple[tuple[str, str], ...]:
    """(word, rest) of each instruction, continued lines joined, comments left out."""
    lines = [
        line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parts = (line.partition(" ") for line in joined.splitlines() if line)
    return tuple((word, rest.strip()) for word, _, rest in parts)


def all_of(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def place_of(word: str, part: str) -> int:
    """Index of the only instruction that begins with the word and holds the part."""
    (found,) = [
        number
        for number, (name, rest) in enumerate(instructions())
        if name == word and part in rest
    ]
    return found


def _pattern(line: str) -> re.Pattern[str]:
    """A line of .dockerignore: `*` within a name, `**` over folders; what matches a folder matches
    all below it.
    """
    text = (
        re.escape(line.strip("/"))
        .replace(r"\*\*/", "(?:.*/)?")
        .replace(r"\*\*", ".*")
        .replace(r"\*", "[^/]*")
    )
    return re.compile(rf"{text}(/.*)?")


@functools.cache
def _rules() -> tuple[tuple[bool, re.Pattern[str]], ...]:
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    return tuple(
        (line[0] != "!", _pattern(line.lstrip("!")))
        for line in lines
        if line and not line.startswith("#")
    )


def is_sent(path: Path) -> bool:
    """Whether a file of the checkout reaches the build: the last rule that matches decides."""
    matching = [
        leaves_out for leaves_out, pattern in _rules() if pattern.fullmatch(path.as_posix())
    ]
    return not (matching and matching[-1])


@functools.cache
def sent() -> frozenset[str]:
    """Files of the checkout that the build gets."""
    return frozenset(path.as_posix() for path in files() if is_sent(path))
