"""Names that users give: the one that was meant, where there is none of that name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from swarm_host.errors import UnknownName

_MOST_SHOWN = 100


def nearest(word: str, known: Iterable[str]) -> str:
    """`; nearest: X`, or nothing when nothing known is near. For the end of a message."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; nearest: {close[0]}" if close else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that is none of those known: the nearest, and all others."""
    names = sorted(known)
    shown = ", ".join(names[:_MOST_SHOWN]) or "none"
    return f"unknown {what} {name!r}{nearest(name, names)}; there are: {shown}"


def known_name(name: str, known: Iterable[str], what: str) -> str:
    """The name, when it is one of those known. Raises UnknownName with the nearest and all others."""
    names = list(known)
    if name not in names:
        raise UnknownName(unknown(what, name, names))
    return name
