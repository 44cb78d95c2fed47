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


class Complaint:
    """Says what is wrong once, and again after all was well or something else was wrong."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = ""

    def update(self, text: str) -> None:
        """text: what is wrong now; "" when nothing is."""
        if text and text != self._last:
            self._say(text)
        self._last = text


class AwayUnits:
    """See protocols.Engine. A class on top of it says how a unit is handed out, and calls `came_back`.

    An agent in a container or a process can be followed on its own machine alone. Such a unit is
    handed out there, or anywhere once that machine was missing for `patience_s`: it is lost then.
    """

    name = ""
    # Seconds between two calls of `_look`.
    look_every_s = 5.0

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
        self._complaint = Complaint(say)
        self._looked_at = float("-inf")
        # When the only machine of a unit was first missing.
        self._missing: dict[str, float] = {}

    # ------------------------------------------------------------ for classes on top

    def _places(self) -> Mapping[str, Any]:
        """Machines that have a worker now, each with what `_hand_out` takes for it. Raises EngineLost,
        and Lost when it is not known at the moment.
        """
        raise NotImplementedError

    def _hand_out(self, unit_id: str, place: Any, anywhere: bool) -> None:
        """place: a value of `_places`; None: any machine. Does not wait. Raises EngineLost."""
        raise NotImplementedError

    def _machine_of(self, host: str) -> str:
        """The name in `_places` of the machine that calls itself so."""
        return host

    def _look(self) -> None:
        """What must be asked for, since nobody tells it. Called in waits, every `look_every_s`."""

    def came_back(self, unit_id: str, answer: Mapping[str, Any] | BaseException) -> None:
        """Any thread may call it. answer: what placed.lead said, or how the cluster failed."""
        failure = (
            answer if isinstance(answer, BaseException) else placed.failure_of(unit_id, answer)
        )
        self._ledger.came_back(unit_id, failure)

    # ------------------------------------------------------------ protocols.Engine

    def submit(self, unit_id: str) -> None:
        """A unit that is away is not handed out twice. Raises EngineLost."""
        if not self._ledger.is_wanted(unit_id):
            return
        host = placed.machine_that_leads(
            self._store.unit(unit_id), self._store.events(unit=unit_id)
        )
        home = None if host is None else self._machine_of(host)
        try:
            places = {} if home is None else self._places()
        except Lost as error:
            self._return(unit_id, error)
            return
        is_there = home is None or home in places
        if home is not None and not is_there and self._is_awaited(unit_id, home):
            self._return(unit_id, Lost(f"{home}, where {unit_id} runs, has no worker now"))
            return
        self._missing.pop(unit_id, None)
        self._ledger.take(unit_id, home)
        try:
            self._hand_out(unit_id, None if home is None else places.get(home), not is_there)
        except BaseException:
            self._ledger.give_up(unit_id)
            raise

    def pending(self) -> frozenset[str]:
        return frozenset(self._ledger.machines())

    def wait(self, timeout: float) -> None:
        now = self._clock()
        if now - self._looked_at >= self.look_every_s:
            self._looked_at = now
            self._look()
        self._ledger.wait(timeout)

    def failures(self) -> Mapping[str, BaseException]:
        return self._ledger.failures()

    def shutdown(self) -> None:
        self._ledger.close()

    # ------------------------------------------------------------ inside

    def _return(self, unit_id: str, error: Lost) -> None:
        """It comes back without having been away: it is taken up again later."""
        self._ledger.take(unit_id)
        self.came_back(unit_id, error)

    def _is_awaited(self, unit_id: str, home: str) -> bool:
        since = self._missing.setdefault(unit_id, self._clock())
        if self._clock() - since < self._patience_s:
            return True
        self._say(f"{home} did not come back: what {unit_id} had there is given up")
        return False
