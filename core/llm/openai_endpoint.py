"""Any OpenAI-compatible endpoint (POST <base_url>/chat/completions) through the openai client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from core.llm.dialect import Dialect, is_strict, spoken
from core.llm.endpoint import EndpointError, Finish, Reply, TokenUsage
from core.llm.exchange import SdkEndpoint
from core.llm.partial_reply import PartialReply, count_of, get, items
from core.records import Message, Request

OWN_ADDRESS = "https://api.openai.com/v1"
_FINISH: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refusal",
}


class OpenAiEndpoint(SdkEndpoint):
    def send(self, request: Request, key: str, timeout: float) -> Reply:
        try:
            return super().send(request, key, timeout)
        except EndpointError as error:
            if error.kind not in ("not_found", "not_an_api"):
                raise
            message = error.message + hint(self._settings.base_url)
            raise EndpointError(
                error.kind, message, error.retry_after, error.usage, error.text
            ) from None

    @staticmethod
    def library() -> Any:
        return load()

    @staticmethod
    def address(url: str | None) -> str:
        return base_url(url)

    def _stream(
        self, sdk: Any, client: dict[str, Any], parameters: dict[str, Any]
    ) -> Iterable[Any]:
        opened = sdk.OpenAI(**client)
        # The client takes these from the environment, whoever the endpoint belongs to.
        opened.organization = opened.project = None
        return opened.chat.completions.create(**parameters)

    def _take(self, partial: PartialReply, event: Any) -> None:
        _take(partial, event)

    def _parameters(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        in_words = request.schema is not None and dialect.structure != "schema"
        parameters: dict[str, Any] = {
            "model": self._settings.model,
            "messages": _messages(
                request, spoken(request) if in_words else request.messages, dialect
            ),
            "stream": True,
            dialect.limit: dialect.max_tokens(self._settings.max_tokens, request),
        }
        if dialect.usage:
            parameters["stream_options"] = {"include_usage": True}
        temperature = self._settings.temperature_of(request)
        if dialect.temperature and temperature is not None:
            parameters["temperature"] = temperature
        if request.schema is not None and dialect.structure != "none":
            parameters["response_format"] = _response_format(request.schema, dialect)
        return parameters


def load() -> Any:
    """The client library. Importing it takes about a second. Raises EndpointError where it is not
    installed.
    """
    try:
        import openai
    except ImportError as error:
        raise EndpointError(
            "not_found", f"the client library cannot be imported: {error}"
        ) from None
    return openai


def base_url(url: str | None) -> str:
    """The address below which the client appends its routes; a full route is cut back."""
    return (url or OWN_ADDRESS).rstrip("/").removesuffix("/chat/completions")


def hint(url: str | None) -> str:
    """What may be wrong with an address at which nothing was found."""
    return "" if url is None or urlsplit(base_url(url)).path else " (does base_url lack its /v1?)"


def _messages(
    request: Request, messages: Iterable[Message], dialect: Dialect
) -> list[dict[str, str]]:
    turns = [{"role": message.role, "content": message.text} for message in messages]
    if not request.system:
        return turns
    if dialect.system:
        return [{"role": "system", "content": request.system}, *turns]
    first = {**turns[0], "content": f"{request.system}\n\n{turns[0]['content']}"}
    return [first, *turns[1:]]


def _response_format(schema: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    if dialect.structure == "object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": is_strict(schema)},
    }


def _take(partial: PartialReply, event: Any) -> None:
    """Notes a chunk of a stream, or the one object of a server that does not stream."""
    for choice in items(get(event, "choices"))[:1]:
        words = get(choice, "delta") or get(choice, "message")
        partial.add(partial.parts, get(words, "content"))
        partial.add(partial.refusal, get(words, "refusal"))
        reason = get(choice, "finish_reason")
        if reason:
            partial.finish = _FINISH.get(reason, "stop")
    if get(event, "usage"):
        partial.usage = TokenUsage(
            count_of(event, "usage", "prompt_tokens"),
            count_of(event, "usage", "prompt_tokens_details", "cached_tokens"),
            count_of(event, "usage", "completion_tokens"),
        )
