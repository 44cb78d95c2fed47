"""Units on this machine, each in a thread of its own: the work is done by other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class LocalEngine:
    """See protocols.Engine. Threads do not keep the process alive: a unit outlives its follower."""

    name = "local"

    def __init__(self, run: Callable[[str], object], width: int) -> None:
        """run: leads the unit of this id to its end. width: how many at a time."""
        if width < 1:
            raise ValueError(f"the width of an engine is {width}, which would run nothing")
        self._run = run
        self._slots = threading.Semaphore(width)
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._failures: dict[str, BaseException] = {}
        # Units that came back and that `wait` has not told of yet.
        self._came_back = 0
        self._closed = False

    def submit(self, unit_id: str) -> None:
        """A unit that is pending already is not run twice."""
        with self._changed:
            if self._closed or unit_id in self._pending:
                return
            self._pending.add(unit_id)
        threading.Thread(target=self._lead, args=(unit_id,), name=unit_id, daemon=True).start()

    def pending(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._pending)

    def wait(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._came_back or not self._pending, timeout)
            self._came_back = 0

    def failures(self) -> Mapping[str, BaseException]:
        with self._changed:
            found, self._failures = self._failures, {}
            return found

    def shutdown(self) -> None:
        with self._changed:
            self._closed = True

    def _lead(self, unit_id: str) -> None:
        failure: BaseException | None = None
        with self._slots:
            try:
                if not self._closed:
                    self._run(unit_id)
            # Told by `failures`: a thread has nobody else to tell.
            except BaseException as error:
                failure = error
        with self._changed:
            if failure is not None:
                self._failures[unit_id] = failure
            self._pending.discard(unit_id)
            self._came_back += 1
            self._changed.notify_all()
