"""How a unit stands, and every call on its behalf: into the store, and into backends, which are
foreign. unit.py says in which order.
"""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from swarm_host.disk.sink import FileSink
from swarm_host.errors import HostError, LeaseLost, Lost, Unhealthy
from swarm_host.life import outcomes
from swarm_host.life.outcomes import History
from swarm_host.life.threads import Keeper
from swarm_host.life.world import World
from swarm_host.protocols import Backend
from swarm_host.records import Handle, Isolation, UnitRow
from swarm_host.states import State
from swarm_host.words.redact import redact_text, secret_values

T = TypeVar("T")
_log = logging.getLogger("swarm_host")
# The disk of this machine, not the other side, stands in the way.
OUR_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class LetGo(Exception):
    """This process is asked to end: the unit stays as it is, for its next owner."""


class Standing:
    """A unit that this process owns, and its attempt."""

    def __init__(self, world: World, owner: str, row: UnitRow) -> None:
        self._world = world
        self._owner = owner
        self._row = row
        self._spec, self._run = row.spec, row.spec.run
        self._folder = Path(row.spec.folder)
        self._secrets = secret_values(row.spec.run, world.environment)
        self._past = History()
        policy = world.policy
        self._keeper = Keeper(world.store, row.spec.unit_id, owner, policy.lease_s, policy.renew_s)

    def _look(self) -> None:
        """How the unit stands now. Raises LetGo, LeaseLost."""
        if self._world.halt.is_set():
            raise LetGo("this process is asked to end")
        row = self._world.store.unit(self._spec.unit_id)
        if self._keeper.lost.is_set() or row.owner != self._owner:
            raise LeaseLost(f"{self._spec.unit_id} has another owner")
        if row != self._row or self._past == History():
            self._read()
        self._row = row

    def _read(self) -> None:
        self._past = outcomes.history(self._world.store.events(unit=self._spec.unit_id))

    def _move(
        self, to: State, data: Mapping[str, object] | None = None, handle: Handle | None = None
    ) -> State:
        self._world.store.move(self._spec.unit_id, self._owner, to, data, handle)
        return to

    def _note(self, kind: str, data: Mapping[str, object]) -> None:
        self._world.store.note(self._spec.unit_id, self._owner, kind, data)
        self._read()

    def _backend(self) -> Backend:
        return self._world.backends(self._run.backend)

    def _handle(self) -> Handle:
        if self._row.handle is None:
            raise Lost(f"the store does not know what was started for {self._spec.unit_id}")
        return self._row.handle

    def _sink(self) -> FileSink:
        copy = None
        if self._spec.competition is None:
            copy = Path(self._run.workspace)
            copy.mkdir(parents=True, exist_ok=True)
        return FileSink(self._folder / "logs", self._secrets, copy, self._world.limits.log_bytes)

    def _remove_named(self, backend: Backend, names: set[str]) -> None:
        """Leaves nothing of these starts: a daemon that came back may have kept one running."""
        if not names:
            return
        for handle in self._foreign(backend.find, self._spec.group):
            if handle.name in names:
                self._foreign(backend.remove, handle)

    def _clean_up(self) -> None:
        """After a failed attempt, as far as the other side answers; the next attempt does the rest."""
        try:
            self._remove_named(self._backend(), {f"{self._spec.unit_id}-{self._row.attempt}"})
        except HostError as error:
            _log.warning("%s: something of it may be left: %s", self._spec.unit_id, error)

    def _remove_quietly(self, handle: Handle) -> None:
        """What cannot be removed now is an orphan, which `clean` finds."""
        try:
            self._foreign(self._backend().remove, handle)
        except HostError as error:
            _log.warning("%s could not be removed: %s", handle.name, error)

    def _isolation(self) -> Isolation:
        try:
            return self._foreign(self._backend().isolation, self._run)
        except HostError:
            return "none"

    def _foreign(self, call: Callable[..., T], *arguments: Any) -> T:
        """A call into a backend. Behind it are daemons and SDKs: what they raise unexpectedly says
        nothing about the agent, and is written to logs/host.log.
        """
        try:
            return call(*arguments)
        except HostError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in OUR_DISK:
                raise
            _log_trace(self._folder, redact_text(traceback.format_exc(), self._secrets))
            raise Unhealthy(f"{type(error).__name__}: {error}") from error


def _log_trace(folder: Path, text: str) -> None:
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "host.log").open("a", encoding="utf-8") as file:
        file.write(text)
