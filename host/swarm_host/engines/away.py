"""What engines on clusters share: which units are away, where they may go, and how they came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from swarm_host.engines import placed
from swarm_host.engines.ledger import Ledger
from swarm_host.errors import HostError, Lost
from swarm_host.protocols import Clock
from swarm_host.store.sqlite import SqliteStore

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Says nothing."""


class EngineLost(HostError):
    """The cluster does not answer any more. Agents that run go on, and can be adopted."""


class AwayUnits:
    """See protocols.Engine. A class on top of it says how a unit is handed out, and calls `came_back`.

    An agent in a container or a process can be followed on its own machine alone. Such a unit is
    handed out there, or anywhere once that machine was missing for `patience_s`: it is lost then.
    """

    name = ""

    def __init__(
        self,
        store: SqliteStore,
        say: Say = silent,
        patience_s: float = 120.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._store = store
        self._say = say
        self._patience_s = patience_s
        self._clock = clock
        self._ledger = Ledger()
        # When the only machine of a unit was first missing.
        self._missing: dict[str, float] = {}

    # ------------------------------------------------------------ for classes on top

    def _machines(self) -> frozenset[str]:
        """Names of machines that have a worker now. Raises EngineLost."""
        raise NotImplementedError

    def _hand_out(self, unit_id: str, machine: str | None, anywhere: bool) -> None:
        """To a worker of this machine; None: any. Does not wait. Raises EngineLost."""
        raise NotImplementedError

    def _look(self) -> None:
        """What must be asked for, since nobody tells it. Called before each wait."""

    def came_back(self, unit_id: str, answer: Mapping[str, Any] | BaseException) -> None:
        """Any thread may call it. answer: what placed.lead said, or how the cluster failed."""
        failure = answer if isinstance(answer, BaseException) else None
        if failure is None and not isinstance(answer, BaseException):
            failure = placed.failure_of(unit_id, answer)
        self._ledger.came_back(unit_id, failure)

    # ------------------------------------------------------------ protocols.Engine

    def submit(self, unit_id: str) -> None:
        """A unit that is away is not handed out twice. Raises EngineLost."""
        if not self._ledger.is_wanted(unit_id):
            return
        row, events = self._store.unit(unit_id), self._store.events(unit=unit_id)
        home = placed.machine_that_leads(row, events)
        is_there = home is None or home in self._machines()
        self._ledger.take(unit_id, home)
        if home is not None and not is_there and self._is_awaited(unit_id, home):
            self.came_back(unit_id, Lost(f"{home}, where {unit_id} runs, has no worker now"))
            return
        self._missing.pop(unit_id, None)
        try:
            self._hand_out(unit_id, home if is_there else None, not is_there)
        except BaseException:
            self._ledger.give_up(unit_id)
            raise

    def pending(self) -> frozenset[str]:
        return frozenset(self._ledger.machines())

    def wait(self, timeout: float) -> None:
        self._look()
        self._ledger.wait(timeout)

    def failures(self) -> Mapping[str, BaseException]:
        return self._ledger.failures()

    def shutdown(self) -> None:
        self._ledger.close()

    # ------------------------------------------------------------ inside

    def _is_awaited(self, unit_id: str, home: str) -> bool:
        since = self._missing.setdefault(unit_id, self._clock())
        if self._clock() - since < self._patience_s:
            return True
        self._say(f"{home} did not come back: what {unit_id} had there is given up")
        return False
