"""Texts of others on a terminal."""

from __future__ import annotations


def printable(text: str, instead: str = " ") -> str:
    """Without control characters, and without those that change the direction of reading: each is
    replaced by `instead`.
    """
    if text.isprintable():
        return text
    return "".join([_plain(letter, instead) for letter in text])


def _plain(letter: str, instead: str) -> str:
    return letter if letter.isprintable() else instead
