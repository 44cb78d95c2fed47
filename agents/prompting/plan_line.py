"""A plan in one line of bounded length that keeps what is new in it. Pure."""

from __future__ import annotations

import re

from utils.text import clipped
from utils.untrusted import one_line

_LONGEST_PLAN = 2000
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
# What was changed to get a program, in brackets at the end, as `core.evolution.change_words` writes it.
_CHANGE = re.compile(r"(.*\S)\s+(\[[^\[\]]+ -> [^\[\]]+\])", re.DOTALL)
# A sentence with one of these says what a program does otherwise than the one before it.
_NEWS = re.compile(
    r"->|\b(?:add|adds|added|change|changes|changed|drop|drops|dropped|instead|new|now|remove|removes"
    r"|removed|replace|replaces|replaced|swap|swaps|switch|switches|turn|turns)\b",
    re.IGNORECASE,
)
_DOTS = " ..."


def plan_line(text: str, limit: int, head: str = "") -> str:
    """A plan in one line of at most `limit` characters, with `head` before it. Of a longer one whole
    sentences stay, those that say what is new before others, and the change in brackets at its end;
    a sentence that is too long alone is cut so that no name in it is left in halves.
    """
    head = one_line(head, limit)
    text = one_line(text, _LONGEST_PLAN)
    if head:
        return f"{head} {_cut(text, limit - len(head) - 1)}"
    return _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    change = _CHANGE.fullmatch(text)
    if change is not None and len(change[2]) < limit // 2:
        return f"{_sentences(change[1], limit - len(change[2]) - 1)} {change[2]}"
    return _sentences(text, limit)


def _sentences(text: str, limit: int) -> str:
    """Those of a text that fit, the most telling first chosen; one that does not fit whole is cut where
    much room is left.
    """
    if len(text) <= limit:
        return text
    sentences = _SENTENCE_END.split(text)
    order = sorted(range(len(sentences)), key=lambda place: not _NEWS.search(sentences[place]))
    parts: dict[int, str] = {}
    room = limit - len(_DOTS)
    for place in order:
        left = room - bool(parts)
        if len(sentences[place]) > left > limit // 3:
            parts[place] = clipped(sentences[place], left)
            break
        if len(sentences[place]) <= left:
            parts[place] = sentences[place]
            room = left - len(parts[place])
    kept = " ".join(parts[place] for place in sorted(parts))
    if not kept:
        return clipped(text, limit)
    return kept if kept.endswith("...") else kept + _DOTS
