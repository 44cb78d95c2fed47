"""Which of two class names is the 1 of a probability: by the names, by the description, else by the
alphabet. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Set

_POSITIVE = frozenset(
    "1 true yes pos positive present abnormal sick malignant signal event".split()
)
_NEGATIVE = frozenset(
    "0 false no neg negative absent normal healthy benign noise background none".split()
)
_SENTENCES = re.compile(r"[.\n]")
_PROBABILITY = re.compile(r"\bprobabilit(?:y|ies)\b", re.I)


def positive_of(names: Set[str], description: str) -> tuple[str, str]:
    """(name, reason). names: two of them."""
    first, second = sorted(names)
    pairs = ((first, second), (second, first))
    for name, other in pairs:
        if name.lower() in _POSITIVE or other.lower() in _NEGATIVE:
            return name, "by its name"
    for name, other in pairs:
        if _equated(name, "1", description) or _equated(other, "0", description):
            return name, "by the description"
    for name, other in pairs:
        if _is_wanted(name, description) and not _is_wanted(other, description):
            return name, "the probability that the description asks for"
    return second, "by the alphabet: the description does not tell"


def _is_wanted(name: str, description: str) -> bool:
    """A sentence about a probability names it."""
    pattern = re.compile(rf"\b{re.escape(name)}(?:e?s)?\b", re.I)
    about = filter(_PROBABILITY.search, _SENTENCES.split(description))
    return any(map(pattern.search, about))


def _equated(name: str, digit: str, description: str) -> bool:
    """`1 = dog`, `dog (1)`, `1 for dogs`, `dog: 1` and the like stand in the text."""
    word = re.escape(name) + r"(?:e?s)?"
    link = r"[\s`*\"']*(?:=+|:|->|is|for|means|if|as|\()[\s`*\"']*(?:it is |an? |the )?"
    return bool(
        re.search(
            rf"(?<![\w.]){digit}{link}{word}\b|\b{word}{link}{digit}(?![\w.])", description, re.I
        )
    )
