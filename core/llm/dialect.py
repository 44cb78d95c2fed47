"""What a server accepts beyond the bare request. It starts with everything and drops what the
server refuses. Pure.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from core.llm.texts import estimated_usage
from core.records import Message, Request

_LEAST_TOKENS = 64
_NUMBER = re.compile(r"(?<![\w.])\d{2,7}(?![\w.]*\w)")
_CONTEXT = re.compile(r"context (?:length|window|size)\D{0,20}(\d{3,8})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is sent to one server."""

    # Name of the parameter that bounds an answer.
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    # How a schema is handed over; none: in words.
    structure: Literal["schema", "object", "none"] = "schema"
    # Whether a temperature is sent.
    temperature: bool = True
    # Whether a stream is asked to count its tokens.
    usage: bool = True
    # Whether the system text is a message of its own; else it stands before the first one.
    system: bool = True
    # Whether the system text is marked for the provider's cache.
    cache: bool = True
    # The longest answer that the server grants, in tokens.
    most_tokens: int | None = None
    # Its limit on prompt and answer together, in tokens.
    context: int | None = None

    def max_tokens(self, wanted: int, request: Request) -> int:
        """The longest answer to ask for, when `wanted` tokens would do."""
        most = min(wanted, self.most_tokens or wanted)
        if self.context is None:
            return most
        # A third more than the estimate: code has more tokens per character than prose.
        prompt = estimated_usage(request, "").prompt * 4 // 3
        return max(min(most, self.context - prompt - 32), _LEAST_TOKENS)


def adapt(dialect: Dialect, message: str, wanted: int, proven: bool) -> tuple[Dialect, str] | None:
    """The dialect without what `message` complains about, and what was changed; None when nothing
    helps.

    wanted: tokens that the refused request asked for. proven: the dialect was accepted before, so
    that a complaint that names no parameter is not about it.
    """
    text = message.lower()
    for changed, what in _steps(dialect, text, wanted):
        if changed != dialect:
            return changed, what
    bare = dataclasses.replace(
        dialect, structure="none", temperature=False, usage=False, cache=False
    )
    return None if proven or bare == dialect else (bare, "everything optional")


def _steps(dialect: Dialect, text: str, wanted: int) -> list[tuple[Dialect, str]]:
    """What the words of a complaint may be about, the likeliest first."""
    steps: list[tuple[Dialect, str]] = []

    def step(words: str, what: str, **change: Any) -> None:
        if re.search(words, text):
            steps.append((dataclasses.replace(dialect, **change), what))

    window = _CONTEXT.search(text)
    if window and dialect.context is None and int(window.group(1)) > 4 * _LEAST_TOKENS:
        step("", "answers beyond the context", context=int(window.group(1)))
    step("max_completion_tokens", "max_tokens", limit="max_completion_tokens")
    most = [
        number for number in map(int, _NUMBER.findall(text)) if _LEAST_TOKENS <= number < wanted
    ]
    if most and not window:
        step(
            "max_tokens|max_completion_tokens|(output|completion|new) tokens",
            "long answers",
            most_tokens=max(most),
        )
    step("stream_options|include_usage", "stream_options", usage=False)
    no_json_mode = "response_format" in text and "json_schema" not in text
    no_json_mode = no_json_mode or "json_object" in text or dialect.structure != "schema"
    step(
        "response_format|json_schema|json_object|structured|grammar|schema|tool",
        "its schema",
        structure="none" if no_json_mode else "object",
    )
    step("temperature", "temperature", temperature=False)
    step("cache_control", "cache_control", cache=False)
    step(
        r"system.{0,40}(role|message|prompt)|(role|message).{0,40}system",
        "the system role",
        system=False,
    )
    return steps


def spoken(request: Request) -> tuple[Message, ...]:
    """The messages of a request whose schema is told in words, at the end, so that the prefix stays
    the same.
    """
    *before, last = request.messages
    schema = json.dumps(request.schema, ensure_ascii=False)
    words = f"{last.text}\n\nAnswer with JSON that follows this JSON schema, and with nothing else:\n{schema}"
    return (*before, Message(last.role, words))


def is_strict(schema: Any) -> bool:
    """True when every object of the schema names and requires all of its fields, as strict
    structured output wants.
    """
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        required, names = set(schema.get("required", ())), set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or required != names:
            return False
    return all(map(is_strict, schema.values()))
