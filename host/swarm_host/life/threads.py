"""Threads beside the life of a unit: one renews its lease, one reads the agent's output."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from swarm_host.errors import HostError, LeaseLost
from swarm_host.protocols import Backend, Sink, Store
from swarm_host.records import Handle

_log = logging.getLogger("swarm_host")
# Between two tries to read the output of an agent whose backend does not answer.
_AGAIN_S = 1.0


class Keeper:
    """Renews the lease of a unit until the block ends; `lost` is set when another process has it."""

    def __init__(
        self, store: Store, unit_id: str, owner: str, lease_s: float, renew_s: float
    ) -> None:
        self.lost = threading.Event()
        self._store = store
        self._unit_id = unit_id
        self._owner = owner
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {unit_id}", daemon=True)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._renew_s):
            try:
                self._store.renew(self._unit_id, self._owner, self._lease_s)
            except LeaseLost:
                self.lost.set()
                return
            except HostError as error:
                # A store that is busy or full may be neither the next time, before the lease is over.
                _log.warning("%s: its lease could not be renewed: %s", self._unit_id, error)


class Work:
    """An act in a thread of its own, which may be left alone: it then goes on for nobody."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._error: BaseException | None = None
        self._over = threading.Event()
        threading.Thread(target=self._do, name="long work", daemon=True).start()

    def is_over(self, seconds: float) -> bool:
        """Waits so long. Raises what the act raised."""
        over = self._over.wait(seconds)
        if self._error is not None:
            raise self._error
        return over

    def _do(self) -> None:
        try:
            self._act()
        # Raised again where it is waited for.
        except BaseException as error:
            self._error = error
        self._over.set()


class Follower:
    """Reads the output of an agent into a sink until it ends; goes on at the marks after errors."""

    def __init__(self, backend: Backend, handle: Handle, sink: Sink) -> None:
        # Set while the output is at an end that came by itself.
        self.ended = threading.Event()
        self._again = threading.Event()
        self._backend = backend
        self._handle = handle
        self._sink = sink
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._follow, name=f"output of {handle.name}", daemon=True
        )

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._again.set()
        self._thread.join()

    def go_on(self) -> None:
        """The agent still runs although its output ended: a daemon that was started again ends what
        reads from it. The output is asked for again.
        """
        self.ended.clear()
        self._again.set()

    def drain(self, seconds: float) -> bool:
        """Waits for the end of the output. False: it did not come, and is left out."""
        return self.ended.wait(seconds)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._backend.follow(self._handle, self._sink, self._stop)
            # The other side is a daemon, an SDK or a disk: whatever it raises, the output is asked
            # for again as long as the agent runs, and the poll decides whether it does.
            except Exception as error:
                _log.warning("the output of %s is asked for again: %s", self._handle.name, error)
                self._stop.wait(_AGAIN_S)
                continue
            self._again.clear()
            self.ended.set()
            if not self._stop.is_set():
                self._again.wait()
