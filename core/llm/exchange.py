"""What the two endpoints share: one bounded exchange, and a dialect that drops what the server
refuses.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from core.llm.causes import from_event, is_web_page, one_line, web_page
from core.llm.dialect import Dialect, adapt
from core.llm.endpoint import EndpointError, EndpointSettings, Reply
from core.llm.partial_reply import PartialReply
from core.llm.wire import Wire, events, within
from core.records import Request

# Text that no answer of the wanted length reaches, however the tokens are cut.
_CHARS_PER_TOKEN, _SPARE_CHARS = 16, 65_536


class Speaker:
    """An endpoint's dialect, which only ever gets smaller; shared by threads."""

    def __init__(self, settings: EndpointSettings, dialect: Dialect) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._proven = False
        self.dialect = dialect

    def max_tokens(self, request: Request) -> int:
        return self.dialect.max_tokens(self._settings.max_tokens, request)

    def worked(self) -> None:
        self._proven = True

    def refused(self, spoken: Dialect, error: EndpointError, request: Request) -> EndpointError:
        """The error to raise: of kind adapt when the next request will leave out what this one was
        refused for.
        """
        if error.kind not in ("bad_request", "context"):
            return error
        tokens = spoken.max_tokens(self._settings.max_tokens, request)
        with self._lock:
            if self.dialect != spoken:
                return EndpointError("adapt", error.message)
            proven = self._proven or error.kind == "context"
            step = adapt(spoken, error.message, tokens, proven)
            if step is None:
                return error
            self.dialect, left_out = step
        return EndpointError("adapt", f"{error.message}; from now on without {left_out}")


class SdkEndpoint:
    """Implements core.llm.endpoint.Endpoint over a client library, which the first request imports.

    What differs between vendors: the library, the address, how a client is opened, and the two
    forms of talk.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._base_url = self.address(settings.base_url)
        self._cancelled = threading.Event()
        self._speaker = Speaker(settings, Dialect())

    @property
    def name(self) -> str:
        return f"{self._settings.model} at {host_of(self._base_url)}"

    def send(self, request: Request, key: str, timeout: float) -> Reply:
        sdk = self.library()
        dialect = self._speaker.dialect
        parameters = self._parameters(request, dialect)

        def ask(wire: Wire) -> Iterable[Any]:
            # The library's own retries are off: ours keep to the deadline and to the ledger.
            client = {
                "api_key": key,
                "base_url": self._base_url,
                "max_retries": 0,
                "timeout": wire.timeout,
                "http_client": wire.http_client,
            }
            return self._stream(sdk, client, parameters)

        try:
            reply = self._exchange(sdk, request, key, timeout, ask)
        except EndpointError as error:
            raise self._speaker.refused(dialect, error, request) from None
        self._speaker.worked()
        return reply

    def cancel(self) -> None:
        self._cancelled.set()

    def _exchange(
        self,
        sdk: Any,
        request: Request,
        key: str,
        timeout: float,
        ask: Callable[[Wire], Iterable[Any]],
    ) -> Reply:
        """One request and its answer. ask: opens the library's stream.

        Raises EndpointError, with the usage and the text that were received before.
        """
        settings = self._settings
        wire = _wire(sdk, self._base_url, min(settings.idle_s, timeout), settings.max_bytes)
        partial = PartialReply(settings.max_tokens * _CHARS_PER_TOKEN + _SPARE_CHARS)

        def work() -> Reply:
            for event in events(sdk, wire, lambda: ask(wire), key):
                partial.count()
                self._take(partial, event)
            partial.ended = partial.ended or b"[DONE]" in wire.tail
            if not partial.parts and not partial.data and wire.plain is not None:
                self._take(partial, _plain(wire.plain, key))
            elif not partial.events:
                received = one_line(wire.head.decode(errors="replace"))
                raise EndpointError("garbage", f"no stream of a model: {received}")
            return partial.reply(request)

        try:
            return within(timeout, self._cancelled, work, wire.close)
        except EndpointError as error:
            spent = partial.spent(request)
            raise EndpointError(
                error.kind, error.message, error.retry_after, spent, partial.text()
            ) from None

    @staticmethod
    def library() -> Any:
        """The client library. Importing it takes about a second. Raises EndpointError where it is
        not installed.
        """
        raise NotImplementedError

    @staticmethod
    def address(url: str | None) -> str:
        """The configured address as the library wants it; None: the provider's own."""
        raise NotImplementedError

    def _parameters(self, request: Request, dialect: Dialect) -> dict[str, Any]:
        """The body of a request."""
        raise NotImplementedError

    def _stream(
        self, sdk: Any, client: dict[str, Any], parameters: dict[str, Any]
    ) -> Iterable[Any]:
        """Opens the stream. client: arguments of the library's client."""
        raise NotImplementedError

    def _take(self, partial: PartialReply, event: Any) -> None:
        """Notes one event of the stream."""
        raise NotImplementedError


def _wire(sdk: Any, url: str, idle_s: float, max_bytes: int) -> Wire:
    """The client reads the environment's proxies, and may not like them."""
    try:
        return Wire(sdk, url, idle_s, max_bytes)
    except Exception as error:
        cause = one_line(f"{type(error).__name__}: {error}")
        raise EndpointError("connection", f"no HTTP client could be made ({cause})") from None


def _plain(body: bytes, key: str) -> Any:
    """The answer of a server that does not stream. Raises EndpointError for anything else than a
    JSON object.
    """
    if is_web_page(body):
        raise web_page(body)
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        received = one_line(body[:2000].decode(errors="replace"), (key,))
        raise EndpointError("garbage", f"the answer is no JSON object: {received or 'nothing'}")
    if parsed.get("error"):
        raise from_event(parsed, (key,))
    return parsed


def host_of(url: str) -> str:
    """Host and port for messages, without a user's name."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url
