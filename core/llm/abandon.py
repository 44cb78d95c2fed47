"""A caller that waits for an endpoint must still hear the stop signal."""

from __future__ import annotations

import queue
import threading

from core.protocols import Model, Stop
from core.records import Answer, Request
from utils.errors import Interrupted

_LOOK_S = 0.1


class StoppableModel:
    """Implements core.protocols.Model over another one. When the run stops, callers leave with Interrupted.

    The request that is under way ends by its own time-out in a daemon thread, which does not hold up the exit.
    """

    def __init__(self, model: Model, stop: Stop) -> None:
        self._model = model
        self._stop = stop

    @property
    def available(self) -> bool:
        return self._model.available

    def complete(self, request: Request) -> Answer:
        """Raises ModelError as the inner model does, Interrupted when the run is being stopped."""
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
        raise Interrupted(f"stopped while a model worked on {request.purpose}")
