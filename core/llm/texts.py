"""Small operations on a model's text: thoughts cut off, continuations joined, tokens estimated.
Pure.
"""

from __future__ import annotations

import math
import re

from core.llm.endpoint import TokenUsage
from core.records import Request

GO_ON = (
    "Your answer was cut off. Go on exactly where it stopped. Repeat nothing and explain nothing."
)

_THOUGHTS = re.compile(
    r"\s*+<(think|thinking|thought|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
# Some chat templates put the opening tag into the prompt, so that only the closing one is in the
# answer.
_END_OF_THOUGHTS = re.compile(r"</(think|thinking)>", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```[\w+-]*[ \t]*\n")
_OVERLAP = 400
_LEAST_OVERLAP = 12
_RESTART = 60


def without_thoughts(text: str) -> str:
    """The answer without the thinking before it; "" when there is nothing but thinking."""
    place = 0
    while match := _THOUGHTS.match(text, place):
        place = match.end()
    text = text[place:]
    end = _END_OF_THOUGHTS.search(text)
    if end and "```" not in text[: end.start()] and "<think" not in text[: end.start()].lower():
        text = text[end.end() :]
    if not text.strip():
        return ""
    return text.lstrip("\n")


def join(text: str, more: str) -> str:
    """A cut-off text and its continuation as one: what is said twice, or fenced again, is there
    once.
    """
    if text.count("```") % 2 == 1 and (fence := _FENCE.match(more)):
        more = more[fence.end() :]
    if len(text) >= _RESTART and more.lstrip().startswith(text.lstrip()[:_RESTART]):
        return max(text, more, key=len)
    for size in range(min(_OVERLAP, len(text), len(more)), _LEAST_OVERLAP - 1, -1):
        if text.endswith(more[:size]):
            return text + more[size:]
    return text + more


def request_chars(request: Request) -> int:
    """Characters of all that is sent."""
    return len(request.system) + sum(len(message.text) for message in request.messages)


def estimated_usage(request: Request, answer: str) -> TokenUsage:
    """Tokens at four characters each, for servers that do not count."""
    return TokenUsage(math.ceil(request_chars(request) / 4), 0, math.ceil(len(answer) / 4))
