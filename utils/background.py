"""Something that is worked out in a thread while the run goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from utils.errors import SwarmError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Pending(Generic[T]):
    """A value that may come later; until then, and when it cannot be had, it is the fallback."""

    def __init__(self, what: str, fallback: T) -> None:
        """what: its name, for the log."""
        self._what = what
        self._value = fallback
        self._done = threading.Event()
        self._done.set()

    def start(self, find: Callable[[], T]) -> None:
        """find: runs in a daemon thread. OSError and SwarmError are logged; anything else is our
        own bug.
        """
        self._done.clear()
        threading.Thread(target=self._run, args=(find,), name=self._what, daemon=True).start()

    def now(self) -> T:
        """What is known yet."""
        return self._value

    def wait(self, timeout: float | None = None) -> T:
        """The value, as soon as it is there or `timeout` seconds have passed; at once when nothing
        was started.
        """
        self._done.wait(timeout)
        return self._value

    def _run(self, find: Callable[[], T]) -> None:
        try:
            self._value = find()
        except (OSError, SwarmError) as error:
            log.error("%s: %s", self._what, error)
        finally:
            self._done.set()
