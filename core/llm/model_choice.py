"""Requests that name a model of their own: each such model has its own circuit, dialect and price."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable

from core.llm.stoppable import CancellableModel
from core.protocols import Model
from core.records import Answer, Request
from utils.errors import ModelError

log = logging.getLogger(__name__)

# The model is refused as such; anything else may be better with the next request.
_REFUSED = frozenset({"not_found", "auth", "bad_request"})


class ChoiceOfModels:
    """Implements core.protocols.Model: the role's own one, and others of the same provider where a
    request asks.

    One that is refused is not asked again; the role's own model answers in its place.
    """

    def __init__(self, own: Model, name: str | None, make: Callable[[str], Model]) -> None:
        """name: of the role's own model. make: builds another one; raises ModelError when it may
        not be asked.
        """
        self._own, self._name, self._make = own, name, make
        self._lock = threading.Lock()
        self._others: dict[str, Model | None] = {}
        self._cancelled = False

    @property
    def available(self) -> bool:
        return self._own.available

    def complete(self, request: Request) -> Answer:
        """Raises ModelError and Interrupted as the model that answers does."""
        name = request.model
        if name is not None and name != self._name:
            other = self._other(name)
            if other is not None and other.available:
                try:
                    return other.complete(request)
                except ModelError as error:
                    if error.kind not in _REFUSED:
                        raise
                    self._drop(name, error)
        return self._own.complete(dataclasses.replace(request, model=None))

    def cancel(self) -> None:
        """Ends and records the requests under way with all models; no other is sent."""
        with self._lock:
            self._cancelled = True
            models = [self._own, *self._others.values()]
        for model in models:
            if isinstance(model, CancellableModel):
                model.cancel()

    def _other(self, name: str) -> Model | None:
        """None for one that was refused."""
        with self._lock:
            if self._cancelled or name in self._others:
                return self._others.get(name)
            try:
                self._others[name] = self._make(name)
            except ModelError as error:
                log.warning("%s is not asked, the model of the role is: %s", name, error)
                self._others[name] = None
            return self._others[name]

    def _drop(self, name: str, error: ModelError) -> None:
        with self._lock:
            known = self._others[name] is not None
            self._others[name] = None
        if known:
            log.warning("%s is refused, the model of the role answers instead: %s", name, error)
