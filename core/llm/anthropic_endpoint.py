"""Anthropic's messages (POST <base_url>/v1/messages) through the anthropic client."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from core.llm.dialect import Dialect, spoken
from core.llm.endpoint import EndpointError, Finish, TokenUsage
from core.llm.exchange import SdkEndpoint
from core.llm.partial_reply import PartialReply, count_of, get, items
from core.records import Request

OWN_ADDRESS = "https://api.anthropic.com"
_TOOL = "answer"
_FINISH: dict[str, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class AnthropicEndpoint(SdkEndpoint):
    @staticmethod
    def library() -> Any:
        return load()

    @staticmethod
    def address(url: str | None) -> str:
        return base_url(url)

    def _stream(
        self, sdk: Any, client: dict[str, Any], parameters: dict[str, Any]
    ) -> Iterable[Any]:
        opened = sdk.Anthropic(**client)
        # The client takes this from the environment, whoever the endpoint belongs to.
        opened.auth_token = None
        return opened.messages.create(**parameters)

    def _take(self, partial: PartialReply, event: Any) -> None:
        _take(partial, event)

    def _parameters(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        as_tool = request.schema is not None and dialect.structure == "schema"
        in_words = request.schema is not None and not as_tool
        messages = spoken(request) if in_words else request.messages
        parameters: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [{"role": message.role, "content": message.text} for message in messages],
            "stream": True,
            "max_tokens": dialect.max_tokens(self._settings.max_tokens, request),
        }
        if request.system:
            parameters["system"] = _system(request.system, dialect)
        temperature = self._settings.temperature_of(request)
        if dialect.temperature and temperature is not None:
            # Newer clients have no argument of this name any more; models that take it still exist.
            parameters["extra_body"] = {"temperature": min(temperature, 1.0)}
        if as_tool:
            parameters["tools"] = [
                {"name": _TOOL, "description": "Your answer.", "input_schema": request.schema}
            ]
            parameters["tool_choice"] = {"type": "tool", "name": _TOOL}
        return parameters


def load() -> Any:
    """The client library. Importing it takes about a second. Raises EndpointError where it is not
    installed.
    """
    try:
        import anthropic
    except ImportError as error:
        raise EndpointError(
            "not_found", f"the client library cannot be imported: {error}"
        ) from None
    return anthropic


def base_url(url: str | None) -> str:
    """The address below which the client appends /v1/messages; what it appends is cut off."""
    return (url or OWN_ADDRESS).rstrip("/").removesuffix("/messages").removesuffix("/v1")


def _system(text: str, dialect: Dialect) -> list[dict[str, Any]]:
    """The part of a prompt that stays the same over a run, marked for the provider's cache."""
    mark = {"cache_control": {"type": "ephemeral"}} if dialect.cache else {}
    return [{"type": "text", "text": text, **mark}]


def _take(partial: PartialReply, event: Any) -> None:
    """Notes an event of a stream, or the one object of a server that does not stream."""
    kind = get(event, "type")
    if kind == "message":
        _whole(partial, event)
    elif kind == "message_start":
        _note_usage(partial, get(event, "message", "usage"))
    elif kind == "content_block_start":
        _block(partial, get(event, "content_block"))
    elif kind == "content_block_delta":
        partial.add(partial.parts, get(event, "delta", "text"))
        partial.add(partial.data, get(event, "delta", "partial_json"))
    elif kind == "message_delta":
        _note_finish(partial, get(event, "delta", "stop_reason"))
        _note_usage(partial, get(event, "usage"))
    elif kind == "message_stop":
        partial.ended = True


def _whole(partial: PartialReply, message: Any) -> None:
    for block in items(get(message, "content")):
        _block(partial, block)
    _note_finish(partial, get(message, "stop_reason"))
    _note_usage(partial, get(message, "usage"))


def _block(partial: PartialReply, block: Any) -> None:
    """A block that starts empty, or comes at once; thinking is left out."""
    if get(block, "type") == "text":
        partial.add(partial.parts, get(block, "text"))
    elif get(block, "type") == "tool_use" and get(block, "input"):
        partial.add(partial.data, json.dumps(get(block, "input"), default=str))


def _note_finish(partial: PartialReply, reason: Any) -> None:
    if isinstance(reason, str):
        partial.finish = _FINISH.get(reason, "stop")


def _note_usage(partial: PartialReply, usage: Any) -> None:
    """The server tells the prompt at the start and the answer at the end; cached parts are counted
    beside the rest.
    """
    if usage is None:
        return
    before = partial.usage or TokenUsage()
    cached = count_of(usage, "cache_read_input_tokens")
    prompt = (
        count_of(usage, "input_tokens") + cached + count_of(usage, "cache_creation_input_tokens")
    )
    completion = count_of(usage, "output_tokens")
    partial.usage = TokenUsage(
        prompt or before.prompt, cached or before.cached, completion or before.completion
    )
