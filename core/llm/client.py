"""A Model over an endpoint: retries, keys, circuit breaker, caps and continuations, all inside a
deadline.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

from core.llm.endpoint import PERMANENT, Endpoint, EndpointError, Kind, Reply
from core.llm.endpoint_state import EndpointState
from core.llm.ledger import Ledger, Page, Spent
from core.llm.loose_json import read_json
from core.llm.policy import RetryPolicy
from core.llm.stoppable import OpenRequests
from core.llm.texts import GO_ON, join, request_chars
from core.protocols import Clock
from core.records import Answer, Message, Request
from utils.errors import Interrupted, ModelError
from utils.text import redact, whole

_NEVER_AGAIN: frozenset[Kind] = frozenset(
    {"context", "bad_request", "not_found", "not_an_api", "refusal"}
)
_ADAPTATIONS = 8
# Characters.
_LEAST_KEY = 8
_LEAST_S = 0.5
# Far more than a line in the ledger takes.
_LEAVE_S = 2.0


class RetryingModel:
    """Implements core.protocols.Model."""

    def __init__(
        self,
        endpoint: Endpoint,
        state: EndpointState,
        ledger: Ledger,
        policy: RetryPolicy,
        *,
        spent: Spent,
        clock: Clock,
        sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        """state: keys and circuit, shared with other models over the same endpoint. spent: tokens
        and USD of the run so far, from the journal. sleep: may raise when the run is being stopped.
        """
        self._endpoint = endpoint
        self._state = state
        self._ledger = ledger
        self._policy = policy
        self._spent = spent
        self._clock, self._sleep, self._rng = clock, sleep, rng
        self._under_way = OpenRequests()

    @property
    def available(self) -> bool:
        resting = self._state.keys.wait_s > self._policy.longest_wait_s
        return self._state.circuit.wait_s == 0 and not resting and self._cap_reached() is None

    def complete(self, request: Request) -> Answer:
        """Raises ModelError, whose one line tells the endpoint, the kind and the cause; Interrupted
        after a stop.
        """
        self._check_size(request)
        page = self._ledger.open(request)
        with self._slot(request):
            reply, data = self._answer(page, request)
            if request.schema is not None:
                return Answer(reply.text, data=data)
            return self._continued(page, request, reply)

    def cancel(self) -> None:
        """Ends the requests under way, each with its line in the ledger; no other is sent. Callers
        get Interrupted.
        """
        self._under_way.close()
        self._endpoint.cancel()
        self._under_way.wait(_LEAVE_S)

    def _continued(self, page: Page, request: Request, reply: Reply) -> Answer:
        """The whole of an answer that may have been cut off; what there is when no continuation
        comes.
        """
        text = reply.text
        for _ in range(self._policy.continuations):
            if reply.finish != "length":
                break
            turns = (*request.messages, Message("assistant", text.rstrip()), Message("user", GO_ON))
            try:
                reply, _data = self._answer(page, dataclasses.replace(request, messages=turns))
            except ModelError:
                return Answer(text, complete=False)
            longer = join(text, reply.text)
            if len(longer) <= len(text):
                break
            text = longer
        return Answer(text, complete=reply.finish != "length")

    # ------------------------------------------------------------ attempts

    def _answer(self, page: Page, request: Request) -> tuple[Reply, Any]:
        """One usable reply and its parsed data, after as many attempts as the policy allows."""
        current, attempts, adaptations, last = request, 0, 0, None
        while attempts < self._policy.attempts + len(self._state.keys) - 1:
            key = self._ready_key(request, last)
            try:
                with self._under_way.one():
                    return self._attempt(page, current, key)
            except EndpointError as error:
                last = error
            if last.kind == "adapt" and adaptations < _ADAPTATIONS:
                adaptations += 1
                continue
            attempts += 1
            if last.kind in _NEVER_AGAIN:
                break
            if last.kind == "no_room" and current is not request:
                break
            if last.kind == "format":
                current = _corrected(request, last)
            elif last.kind == "no_room":
                current = _hurried(request)
            elif last.kind not in ("auth", "quota", "rate"):
                self._pause(self._backoff(attempts, last), request, last)
        raise self._failure(last)

    def _attempt(self, page: Page, request: Request, key: str) -> tuple[Reply, Any]:
        """One request over the wire, admitted and recorded."""
        if cap := self._cap_reached():
            raise ModelError(cap, permanent=True, kind="cap")
        timeout = self._time_left(request)
        if not self._state.circuit.admit():
            raise ModelError(self._resting_line(), kind="open")
        page.start()
        try:
            reply = self._endpoint.send(request, key, timeout)
            data = _usable(reply, request)
        except EndpointError as error:
            safe = self._without_keys(error)
            self._state.failed(key, safe)
            page.failed(safe)
            if error.kind == "given up":
                raise Interrupted(str(error)) from None
            raise safe from None
        except BaseException:
            self._state.circuit.let_go()
            raise
        self._state.worked(key)
        reply = dataclasses.replace(reply, text=self._hidden(reply.text))
        page.succeeded(reply)
        return reply, data

    # ------------------------------------------------------------ waiting

    def _ready_key(self, request: Request, last: EndpointError | None) -> str:
        key, wait = self._state.keys.next()
        if wait > self._policy.longest_wait_s:
            raise self._failure(
                last or EndpointError("rate", f"every key rests for {wait:.0f} s more")
            )
        self._pause(wait, request, last)
        return key

    def _pause(self, seconds: float, request: Request, last: EndpointError | None) -> None:
        """Waits, unless the deadline would pass meanwhile."""
        if seconds <= 0:
            return
        if (
            seconds > self._policy.longest_wait_s
            or self._clock() + seconds + _LEAST_S > request.deadline
        ):
            raise self._failure(
                last or EndpointError("rate", f"no key is ready for {seconds:.0f} s")
            )
        self._sleep(seconds)

    def _backoff(self, attempts: int, error: EndpointError) -> float:
        """Seconds: what the server asks for, else exponential, with jitter so that callers spread."""
        if error.retry_after is not None:
            return error.retry_after
        wait = min(self._policy.first_wait_s * 2.0 ** (attempts - 1), self._policy.longest_wait_s)
        return wait * self._rng.uniform(0.5, 1.0)

    def _time_left(self, request: Request) -> float:
        left = request.deadline - self._clock()
        if left < _LEAST_S:
            raise ModelError(
                f"{self._endpoint.name}: no time left for {request.purpose}", kind="timeout"
            )
        return min(left, self._policy.timeout_s)

    @contextlib.contextmanager
    def _slot(self, request: Request) -> Iterator[None]:
        if not self._state.slots.acquire(timeout=self._time_left(request)):
            raise ModelError(f"{self._endpoint.name}: too many requests at a time", kind="timeout")
        try:
            yield
        finally:
            self._state.slots.release()

    def _check_size(self, request: Request) -> None:
        size = request_chars(request)
        if size > self._policy.max_prompt_chars:
            limit = f"{size} characters, of {self._policy.max_prompt_chars} at most"
            raise self._failure(EndpointError("context", f"the prompt is too long: {limit}"))

    # ------------------------------------------------------------ what is said

    def _cap_reached(self) -> str | None:
        tokens, usd = self._spent()
        policy = self._policy
        if policy.max_tokens is not None and tokens >= policy.max_tokens:
            return f"llm.max_total_tokens is reached: {tokens} of {policy.max_tokens} tokens"
        if policy.max_usd is None:
            return None
        if usd is None:
            return f"llm.max_cost_usd is reached: an unknown cost of {policy.max_usd:.2f} USD"
        if usd >= policy.max_usd:
            return f"llm.max_cost_usd is reached: {usd:.2f} of {policy.max_usd:.2f} USD"
        return None

    def _resting_line(self) -> str:
        wait = self._state.circuit.wait_s
        return f"{self._endpoint.name}: left alone for {wait:.0f} s more after failures ({self._state.circuit.reason})"

    def _failure(self, last: EndpointError | None) -> ModelError:
        error = last or EndpointError("server", "no attempt was allowed")
        return ModelError(
            f"{self._endpoint.name}: {error.message}", error.kind in PERMANENT, error.kind
        )

    def _without_keys(self, error: EndpointError) -> EndpointError:
        message = redact(error.message, self._state.secrets)
        return EndpointError(
            error.kind, message, error.retry_after, error.usage, self._hidden(error.text)
        )

    def _hidden(self, text: str) -> str:
        """Without the keys, should a server echo them, and without lone halves of characters; short
        keys are placeholders of servers that want none.
        """
        text = whole(text)
        for key in self._state.secrets:
            if len(key) >= _LEAST_KEY:
                text = text.replace(key, "***")
        return text


def _usable(reply: Reply, request: Request) -> Any:
    """The parsed data of a reply to a request with a schema. Raises EndpointError when nothing can
    be done with it.
    """
    if reply.finish == "refusal":
        message = " ".join(reply.text.split())[:200]
        raise EndpointError(
            "refusal", f"the model declined: {message}", usage=reply.usage, text=reply.text
        )
    if not reply.text.strip():
        if reply.finish == "length":
            message = "an empty answer, cut off by max_tokens (all of it thinking?)"
            raise EndpointError("no_room", message, usage=reply.usage, text=reply.text)
        raise EndpointError("empty", "an empty answer", usage=reply.usage, text=reply.text)
    if request.schema is None:
        return None
    try:
        return read_json(reply.text, request.schema)
    except ValueError as error:
        message = str(error)
        if reply.finish == "length":
            message = f"it was cut off by max_tokens: {message}"
        raise EndpointError("format", message[:300], usage=reply.usage, text=reply.text) from None


def _hurried(request: Request) -> Request:
    """The request again for a model that thought until its answer had no room."""
    *before, last = request.messages
    words = "Your last answer was empty. Think briefly, and write the answer itself at once."
    return dataclasses.replace(
        request, messages=(*before, Message(last.role, f"{last.text}\n\n{words}"))
    )


def _corrected(request: Request, error: EndpointError) -> Request:
    """The request again, with the unusable answer and what is wrong with it."""
    words = f"That answer cannot be used: {error.message}. Answer again, with valid JSON only."
    turns = (
        *request.messages,
        Message("assistant", error.text[:8000] or "(nothing)"),
        Message("user", words),
    )
    return dataclasses.replace(request, messages=turns)
