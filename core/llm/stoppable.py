"""Callers that wait for an endpoint must still notice the stop signal, and what they leave must be
in the ledger.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from core.protocols import Model, Stop
from core.records import Answer, Request
from utils.errors import Interrupted

_LOOK_S = 0.1


@runtime_checkable
class CancellableModel(Protocol):
    """A model that can be left in the middle of its requests."""

    def cancel(self) -> None:
        """Ends and records the requests under way, in a moment; no other is sent."""
        ...


class StopOrAbandoned:
    """Implements core.protocols.Stop: the stop of the run, or that nobody waits for a model any more
    while the run goes on.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._abandoned: str | None = None

    @property
    def reason(self) -> str | None:
        return self._stop.reason or self._abandoned

    def abandon(self) -> None:
        self._abandoned = "the search is over"


class StoppableModel:
    """Implements core.protocols.Model over another one. When the run stops, callers leave with
    Interrupted.

    A model that can be cancelled is cancelled first; the request of any other ends by its own time-out in a
    daemon thread, which does not hold up the exit.
    """

    def __init__(self, model: Model, stop: Stop) -> None:
        self._model = model
        self._stop = stop

    @property
    def available(self) -> bool:
        return self._model.available

    def complete(self, request: Request) -> Answer:
        """Raises ModelError as the inner model does, Interrupted when the run is being stopped."""
        if self._stop.reason is not None:
            raise Interrupted(f"no model is asked for {request.purpose}: the run stops")
        results: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

        def ask() -> None:
            try:
                results.put(self._model.complete(request))
            except BaseException as error:
                results.put(error)

        threading.Thread(target=ask, name="model call", daemon=True).start()
        while self._stop.reason is None:
            try:
                result = results.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if isinstance(result, BaseException):
                raise result
            return result
        if isinstance(self._model, CancellableModel):
            self._model.cancel()
        raise Interrupted(f"stopped while a model worked on {request.purpose}")


class OpenRequests:
    """Counts the requests over the wire, until no more may begin. Safe to call from several
    threads.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A request and its line in the ledger. Raises Interrupted after `close`."""
        with self._changed:
            if self._closed:
                raise Interrupted("no request is sent any more: the run stops")
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True

    def wait(self, seconds: float) -> None:
        """Until those that had begun are over, for at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, seconds)
