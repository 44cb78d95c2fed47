"""The words of a change, read: which changes are one lesson, and which contradict each other. Pure.

Recipes name what they change exactly (core.evolution.change_words); models use their own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import starmap

from core.evolution.change_words import of_recipes, steps_in, swap_in, without_locus
from core.genome import digest
from utils.untrusted import one_line

LONGEST = 160

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_TOKEN = re.compile(rf"{_NUMBER.pattern}|[^\W\d_]+|->|[,;.:]")
_MORE = frozenset(
    "add added adding bigger deeper enable higher increase increased increasing larger longer more raise raised "
    "stronger wider".split()
)
_LESS = frozenset(
    "decrease decreased decreasing disable drop fewer less lower lowered narrower reduce reduced reducing remove "
    "removed removing shallower shorter smaller weaker without".split()
)
_ENDS = frozenset({"and", "but", "with", "instead", ",", ";", ".", ":"})
_EMPTY = frozenset({"a", "an", "the", "of", "to", "from", "in", "for", "by", "is", "now"})


@dataclass(frozen=True, slots=True)
class Change:
    """key: changes with the same one are the same, whatever the numbers. text: in the words of the
    plan, without the locus. exact: it names what changes by identifiers. signs: +1 or -1 for words
    that become more or less.
    """

    key: str
    locus: str
    text: str
    exact: bool
    signs: dict[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Of the skill that is founded on this change."""
        return f"k{digest(self.key)[:10]}"

    @property
    def of_recipes(self) -> bool:
        """In the form that recipes use: names of fragments, or of their parameters."""
        return self.exact and of_recipes(self.text)

    @property
    def advice(self) -> str:
        """One sentence that says what to do."""
        if self.exact:
            return f"{self.locus}: {self._deed}."
        return f"{self.locus}: {self.text}"

    @property
    def warning(self) -> str:
        """One sentence that says what not to do."""
        if self.exact:
            return f"{self.locus}: it did not pay to {self._deed}."
        return f"{self.locus}: no gain: {self.text}"

    @property
    def _deed(self) -> str:
        """An exact change as an order."""
        swap = swap_in(self.text)
        if swap is not None:
            was, now = swap
            return f"use {now} instead of {was}"
        return ", ".join(starmap(_as_advice, steps_in(self.text)))

    def contradicts(self, other: Change) -> bool:
        """True when the two cannot be one lesson, however alike they sound.

        "More trees" and "fewer trees" are neighbours in every embedding, and so are the names of
        two parameters.
        """
        if self.locus != other.locus or (self.exact and other.exact and self.key != other.key):
            return True
        return any(sign * other.signs.get(word, 0) < 0 for word, sign in self.signs.items())


@lru_cache(maxsize=1024)
def read_change(text: str, locus: str) -> Change:
    """text: the words of a plan, with or without the locus in front."""
    said = one_line(without_locus(text.strip()), LONGEST)
    swap = swap_in(said)
    if swap is not None:
        return Change(f"{locus}: -> {swap[1]}", locus, said, True)
    if steps_in(said):
        return _exact_change(said, locus)
    tokens = _TOKEN.findall(said.lower())
    words = map(_without_number, tokens)
    signs = _signs(tokens)
    # Numbers are left out of the key, so the ways that they go must be in it.
    ways = " ".join(f"{word}{sign:+d}" for word, sign in sorted(signs.items()))
    return Change(f"{locus}: {' '.join(words)} {ways}", locus, said, False, signs)


def _exact_change(said: str, locus: str) -> Change:
    """Parameters and their steps: "DEPTH 4 -> 6, RATE 0.1 -> 0.05"."""
    keys, signs = [], dict[str, int]()
    for name, was, now in steps_in(said):
        keys.append(f"{name} {_way(was, now) or f'-> {now}'}")
        signs |= dict.fromkeys(name.lower().split("_"), _sign(was, now))
    moved = {word: sign for word, sign in signs.items() if sign}
    return Change(f"{locus}: {', '.join(sorted(keys))}", locus, said, True, moved)


def _without_number(token: str) -> str:
    """The token, or "#" for any number."""
    return "#" if _NUMBER.fullmatch(token) else token


def _as_advice(name: str, was: str, now: str) -> str:
    way = _way(was, now)
    if not way:
        return f"set {name} to {now} instead of {was}"
    verb = {"up": "raise", "down": "lower"}[way]
    return f"{verb} {name}, as from {was} to {now}"


def _way(was: str, now: str) -> str:
    """up or down for numbers, "" for words."""
    return {1: "up", -1: "down", 0: ""}[_sign(was, now)]


def _sign(was: str, now: str) -> int:
    if not (_NUMBER.fullmatch(was) and _NUMBER.fullmatch(now)):
        return 0
    return (float(now) > float(was)) - (float(now) < float(was))


def _signs(tokens: list[str]) -> dict[str, int]:
    """Words that become more or less: those behind "increase", "fewer" and the like, those before
    "4 -> 6".
    """
    signs: dict[str, int] = {}
    sign, phrase = 0, list[str]()
    for place, token in enumerate(tokens):
        if token in _ENDS:
            sign, phrase = 0, []
        elif token in _MORE:
            sign, phrase = 1, []
        elif token in _LESS:
            sign, phrase = -1, []
        elif token in ("->", "to") and 0 < place < len(tokens) - 1:
            step = _sign(tokens[place - 1], tokens[place + 1])
            if step:
                signs |= dict.fromkeys(phrase, step)
        elif token.isalpha() and token not in _EMPTY:
            phrase.append(token)
            if sign:
                signs[token] = sign
    return signs
