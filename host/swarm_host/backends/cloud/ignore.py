"""Which files .dockerignore keeps out of a build. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Ignored:
    """Patterns in their order; the last that fits a path or a folder above it decides."""

    patterns: tuple[tuple[str, bool], ...] = ()

    def __contains__(self, path: str) -> bool:
        whole = PurePosixPath(path)
        places = [str(place) for place in (whole, *whole.parents) if str(place) != "."]
        found = False
        for pattern, keeps_out in self.patterns:
            if found != keeps_out and any(_regex(pattern).fullmatch(place) for place in places):
                found = keeps_out
        return found


def parse(lines: Sequence[str]) -> Ignored:
    """The lines of a .dockerignore."""
    found = []
    for line in lines:
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keeps_out = not pattern.startswith("!")
        pattern = pattern.lstrip("!").strip().strip("/")
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if parts:
            found.append(("/".join(parts), keeps_out))
    return Ignored(tuple(found))


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    """As Go's filepath.Match, and `**` for any number of folders."""
    out = ""
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif letter == "[" and "]" in pattern[at + 2 :]:
            end = pattern.index("]", at + 2)
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            out, at = out + f"[{inside}]", end + 1
        else:
            plain = {"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter))
            out, at = out + plain, at + 1
    return re.compile(out, re.DOTALL)
