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
_SENTENCE = re.compile(r"[^.\n]*\bprobabilit(?:y|ies)\b[^.\n]*", re.I)


def positive_of(names: Set[str], description: str) -> tuple[str, str]:
    """(name, reason). names: two of them."""
    first, second = sorted(names)
    for name, other in ((first, second), (second, first)):
        if name.lower() in _POSITIVE or other.lower() in _NEGATIVE:
            return name, "by its name"
    for name in (first, second):
        if _equated(name, "1", description) or _equated(
            second if name == first else first, "0", description
        ):
            return name, "by the description"
    asked = {name: _asked(name, description) for name in (first, second)}
    if asked[first] != asked[second]:
        return (first if asked[first] else second), "the probability that the description asks for"
    return second, "by the alphabet: the description does not tell"


def _equated(name: str, digit: str, description: str) -> bool:
    """`1 = dog`, `dog (1)`, `1 for dogs`, `dog: 1` and the like stand in the text."""
    word = re.escape(name) + r"(?:e?s)?"
    link = r"[\s`*\"']*(?:=+|:|->|is|for|means|if|as|\()[\s`*\"']*(?:it is |an? |the )?"
    return bool(
        re.search(
            rf"(?<![\w.]){digit}{link}{word}\b|\b{word}{link}{digit}(?![\w.])", description, re.I
        )
    )


def _asked(name: str, description: str) -> bool:
    pattern = re.compile(rf"\b{re.escape(name)}(?:e?s)?\b", re.I)
    return any(pattern.search(sentence) for sentence in _SENTENCE.findall(description))
