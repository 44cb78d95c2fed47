"""Marks in text from outside (HTML, Markdown) found in linear time, whatever the text is. Pure.

A pattern that searches an end from every beginning takes quadratic time where the end is missing:
40 kB of one bracket took seconds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from utils.untrusted import plain

# No parenthesis but pairs of them, one level deep, stands in an address.
IMAGE = re.compile(r"!\[[^\[\]]*+\]\([^()\n]*+\)")
LINK = re.compile(r"\[([^\[\]]*+)\]\((?:[^()\n]|\([^()\n]*+\))*+\)")
HTML_HEADING = re.compile(r"<h([1-6])[^<>]*+>", re.I)
# Python refuses to convert a number of thousands of digits.
_LONG_NUMBER = re.compile(r"&#[0-9]{8,}+;?")


def replaced(
    text: str,
    opening: re.Pattern[str],
    closing: Callable[[re.Match[str]], str],
    by: Callable[[re.Match[str], str], str],
) -> str:
    """The text with each stretch from an opening mark to the next closing mark of its own replaced.

    closing: the pattern of the closing mark, from the opening one; few different ones, since each
    is searched to the end of the text once where it is missing. by: what stands there afterwards,
    from the opening mark and the text between. A mark that nothing closes stays.
    """
    parts: list[str] = []
    place = start = 0
    missing: set[str] = set()
    while match := opening.search(text, start):
        start = match.end()
        pattern = closing(match)
        if pattern in missing:
            continue
        end = re.compile(pattern, opening.flags & re.I | re.M).search(text, start)
        if end is None:
            missing.add(pattern)
            continue
        parts += [text[place : match.start()], by(match, text[match.end() : end.start()])]
        place = start = end.end()
    return "".join([*parts, text[place:]])


def with_headings(text: str, line: Callable[[int, str], str]) -> str:
    """HTML headings as lines of their own: `line` of their level, 1 to 6, and their text."""
    return replaced(
        text,
        HTML_HEADING,
        lambda opening: f"</h{opening[1]}>",
        lambda opening, inner: f"\n{line(int(opening[1]), inner)}\n",
    )


def unescaped(text: str) -> str:
    """The text with the characters that HTML references stand for, without those that nobody sees."""
    return plain(html.unescape(_LONG_NUMBER.sub(" ", text)))
