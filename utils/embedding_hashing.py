"""Texts as unit vectors without any model: signed hashing of words and word pairs. Pure, the same
on every machine.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

DIMENSIONS = 256
# A changed word breaks two pairs: at full weight texts that differ in one word would count as too
# different.
_PAIR_WEIGHT = 0.5
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
# In nearly every English text; with them unrelated ones would look alike.
_COMMON = frozenset(
    "a an and are as at be but by can do does for from has have if in into is it its no not of on or so than that the "
    "their then there these they this to was were when where which will with".split()
)


def hashed(text: str) -> list[float]:
    """DIMENSIONS numbers: a vector of length 1. Letter case is ignored, identifiers are taken apart
    (learning_rate, LearningRate), repeated words count by the logarithm. A text without words has a
    vector of its own.
    """
    words = _words(text)
    counts: Counter[str] = Counter(words)
    vector = [0.0] * DIMENSIONS
    for word, count in counts.items():
        _add(vector, word, 1 + math.log(count))
    for pair, count in Counter(pairwise(words)).items():
        _add(vector, " ".join(pair), _PAIR_WEIGHT * (1 + math.log(count)))
    length = math.hypot(*vector)
    if length < 1e-9:
        # Words that cancel each other out, or none.
        _add(vector := [0.0] * DIMENSIONS, "", 1.0)
        return vector
    return [value / length for value in vector]


def all_hashed(texts: Sequence[str]) -> list[list[float]]:
    """A vector per text, in order."""
    return [hashed(text) for text in texts]


def _words(text: str) -> list[str]:
    found = [word.lower() for word in _parts(text)]
    return [word for word in found if word not in _COMMON] or found


def _parts(text: str) -> Iterator[str]:
    for match in _WORD.finditer(_HUMP.sub(" ", text)):
        yield match[0]


def _add(vector: list[float], feature: str, weight: float) -> None:
    number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
    vector[(number >> 1) % DIMENSIONS] += weight if number & 1 else -weight
