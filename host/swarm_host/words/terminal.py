"""Texts of others on a terminal."""

from __future__ import annotations


def printable(text: str, instead: str = " ") -> str:
    """Without control characters, and without those that change the direction of reading: each is
    replaced by `instead`.
    """
    return "".join(letter if letter.isprintable() else instead for letter in text)
