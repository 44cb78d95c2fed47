"""Units on this machine, each in a thread of its own: the work is done by other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from swarm_host.engines.ledger import Ledger


class LocalEngine:
    """See protocols.Engine. Threads do not keep the process alive: a unit outlives its follower."""

    name = "local"

    def __init__(self, run: Callable[[str], object], width: int) -> None:
        """run: leads the unit of this id to its end. width: how many at a time."""
        if width < 1:
            raise ValueError(f"the width of an engine is {width}, which would run nothing")
        self._run = run
        self._slots = threading.Semaphore(width)
        self._ledger = Ledger()

    def submit(self, unit_id: str) -> None:
        """A unit that is pending already is not run twice."""
        if self._ledger.take(unit_id):
            threading.Thread(target=self._lead, args=(unit_id,), name=unit_id, daemon=True).start()

    def pending(self) -> frozenset[str]:
        return frozenset(self._ledger.machines())

    def wait(self, timeout: float) -> None:
        self._ledger.wait(timeout)

    def failures(self) -> Mapping[str, BaseException]:
        return self._ledger.failures()

    def shutdown(self) -> None:
        self._ledger.close()

    def _lead(self, unit_id: str) -> None:
        failure: BaseException | None = None
        with self._slots:
            try:
                if not self._ledger.closed:
                    self._run(unit_id)
            # Told by `failures`: a thread has nobody else to tell.
            except BaseException as error:
                failure = error
        self._ledger.came_back(unit_id, failure)
