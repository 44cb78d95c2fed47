"""One request to one provider: what is sent, what comes back, and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from core.records import Request

Finish = Literal["stop", "length", "refusal"]
Kind = Literal[
    "auth",  # this key is not accepted
    "quota",  # this key's money or quota is used up
    "rate",  # too many requests; later it works again
    "server",  # the server failed or is overloaded
    "timeout",  # silent for too long, or not finished in time
    "connection",  # no connection, or it broke off
    "garbage",  # the stream is not what a model says
    "context",  # the prompt is longer than the model's context
    "not_found",  # no such model or address
    "not_an_api",  # something else than a model answers at this address
    "bad_request",  # the server refuses the request as it is
    "adapt",  # a parameter was refused; the next request goes without it
    "empty",  # an answer without text
    "no_room",  # the length limit was reached before the answer began
    "refusal",  # the model, or a filter, declined
    "format",  # the answer does not follow the schema
    "cap",  # a cap of this run is reached; nothing was sent
    "given up",  # nobody waits for the answer any more
]
PERMANENT: frozenset[Kind] = frozenset(
    {"auth", "quota", "context", "not_found", "not_an_api", "bad_request", "cap"}
)


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one request. cached: the part of `prompt` that the provider had in its cache."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """text: with a schema, JSON. usage: estimated from the lengths when the server does not tell."""

    text: str
    finish: Finish
    usage: TokenUsage


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """model: as the provider spells it. base_url: None for the provider's own address. max_tokens:
    longest answer.

    temperature: None leaves it to the provider. idle_s: seconds without a byte after which a
    connection is given up. max_bytes: most that one answer may take on the wire.
    """

    model: str
    base_url: str | None
    max_tokens: int
    temperature: float | None = None
    idle_s: float = 120.0
    max_bytes: int = 32 << 20

    def temperature_of(self, request: Request) -> float | None:
        if request.temperature is not None:
            return request.temperature
        return self.temperature


class EndpointError(Exception):
    """One request failed. Does not leave core.llm: callers of a Model get a ModelError.

    message: one line, without keys. retry_after: seconds that the server asked for. usage, text:
    what was received (and is paid for) before it failed.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        retry_after: float | None = None,
        usage: TokenUsage | None = None,
        text: str = "",
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.retry_after = retry_after
        self.usage = usage or TokenUsage()
        self.text = text


class Endpoint(Protocol):
    """A provider's address and model. Safe to call from several threads; knows nothing of retries,
    caps and keys.
    """

    @property
    def name(self) -> str:
        """The model and the host, for messages."""
        ...

    def send(self, request: Request, key: str, timeout: float) -> Reply:
        """One request over the wire. Returns or raises EndpointError within `timeout` seconds,
        whatever comes.
        """
        ...

    def cancel(self) -> None:
        """From any thread and for good: `send` raises EndpointError of kind "given up" at once,
        wherever it is.
        """
        ...
