"""Each request over the wire becomes an event: tokens, seconds, cost, the answer's digest, the
cause of a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.events import LlmCall
from core.genome import digest
from core.llm.endpoint import EndpointError, Reply, TokenUsage
from core.protocols import Clock
from core.records import Request

Prices = Mapping[str, tuple[float, float, float]]
Spent = Callable[[], tuple[int, float | None]]


def request_digest(request: Request) -> str:
    """Digest of what is asked: system text, messages, schema, and who is asked how where the
    request says so; neither purpose nor deadline.
    """
    content: list[Any] = [
        request.system,
        [[message.role, message.text] for message in request.messages],
        request.schema,
    ]
    if request.model is not None or request.temperature is not None:
        content += [request.model, request.temperature]
    return digest(json.dumps(content, sort_keys=True, ensure_ascii=False))


def price_of(model: str, prices: Prices) -> tuple[float, float, float] | None:
    """USD per million tokens (input, cached input, output) by the longest start of the model's
    name.

    A vendor before a slash is tried with and without. None where no price is known.
    """
    for name in (model, model.rpartition("/")[2]):
        starts = [start for start in prices if name.startswith(start)]
        if starts:
            return prices[max(starts, key=len)]
    return None


def cost_of(usage: TokenUsage, price: tuple[float, float, float] | None) -> float | None:
    """USD; 0 when no token was used, None when the price is unknown."""
    if usage == TokenUsage():
        return 0.0
    if price is None:
        return None
    fresh = max(usage.prompt - usage.cached, 0)
    parts = zip((fresh, usage.cached, usage.completion), price, strict=True)
    return sum(tokens * per_million for tokens, per_million in parts) / 1e6


@dataclass(frozen=True, slots=True)
class CallBook:
    """Where the calls of a run are written down. record: takes each call's event. put: keeps an
    answer's text (see core.llm.replay.ANSWERS) and returns its digest. spent: tokens and USD of the
    run so far.
    """

    record: Callable[[LlmCall], None]
    put: Callable[[str], str]
    spent: Spent


class Ledger:
    """The calls of one role to one model."""

    def __init__(self, role: str, model: str, prices: Prices, book: CallBook, clock: Clock) -> None:
        self._role, self._model = role, model
        self._price = price_of(model, prices)
        self._book = book
        self._clock = clock

    def open(self, request: Request) -> Page:
        """The page for all requests that one answer takes."""
        return Page(self, request)

    def now(self) -> float:
        return self._clock()

    def write(
        self,
        page: Page,
        seconds: float,
        usage: TokenUsage,
        text: str,
        finish: str = "",
        error: str | None = None,
    ) -> None:
        """The text is kept before the event that names it."""
        answer = None
        if text:
            answer = self._book.put(text)
        self._book.record(
            LlmCall(
                role=self._role,
                model=self._model,
                ok=error is None,
                seconds=round(seconds, 3),
                prompt_tokens=usage.prompt,
                cached_tokens=usage.cached,
                completion_tokens=usage.completion,
                cost_usd=cost_of(usage, self._price),
                purpose=page.purpose,
                request=page.request,
                answer=answer,
                error=error,
                attempt=page.attempt,
                finish=finish,
            )
        )


class Page:
    """The requests for one answer, numbered from 1."""

    def __init__(self, ledger: Ledger, request: Request) -> None:
        self._ledger = ledger
        self.request = request_digest(request)
        self.purpose = request.purpose
        self.attempt = 0
        self._started = 0.0

    def start(self) -> None:
        self.attempt += 1
        self._started = self._ledger.now()

    def succeeded(self, reply: Reply) -> None:
        self._ledger.write(self, self._seconds(), reply.usage, reply.text, reply.finish)

    def failed(self, error: EndpointError) -> None:
        self._ledger.write(self, self._seconds(), error.usage, error.text, error=str(error))

    def _seconds(self) -> float:
        return max(self._ledger.now() - self._started, 0.0)
