"""What runs on a machine of a cluster: it leads units there, out of the shared folder of runs."""

from __future__ import annotations

import importlib
import os
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from swarm_host import errors
from swarm_host.backends.table import Backends
from swarm_host.engines.shared import Order, machine, unfit
from swarm_host.errors import HostError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.protocols import Stop
from swarm_host.records import Event, UnitRow
from swarm_host.sources.table import Sources
from swarm_host.spec.run_keys import CLOUD_BACKENDS
from swarm_host.states import LIVE
from swarm_host.store import owners
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

_WITHOUT_AGENT = frozenset({"claimed", "building"})


def lead(wanted: Order, unit_id: str, anywhere: bool = False) -> dict[str, str]:
    """Leads a unit to its end, unless another process has it. See `failure_of` for the answer.

    anywhere: also when its agent was started on another machine, which is gone: it is lost then.
    """
    try:
        if complaint := unfit(wanted):
            return {"kind": "Unhealthy", "message": f"{machine()} {complaint}"}
        place = _place(wanted["runs"], wanted["maker"])
        home = machine_that_leads(place.store.unit(unit_id), place.store.events(unit=unit_id))
        if home not in (None, machine()) and not anywhere:
            return {"home": home or ""}
        place.lead(unit_id)
    # The engine's machine is on the other side: an exception of ours would need its class there.
    except Exception as error:
        return {
            "kind": type(error).__name__,
            "message": str(error),
            "trace": traceback.format_exc(),
        }
    return {}


def machine_that_leads(row: UnitRow, events: Sequence[Event]) -> str | None:
    """The machine that alone can go on with a unit, since its agent was started there; None: any."""
    if row.state not in LIVE or row.state in _WITHOUT_AGENT:
        return None
    # Their agents are reached from every machine.
    if row.spec.run.backend in CLOUD_BACKENDS:
        return None
    names = [str(event.data["owner"]) for event in events if event.data.get("owner")]
    return owners.machine_of(names[-1]) if names else None


def failure_of(unit_id: str, answer: Mapping[str, str]) -> BaseException | None:
    """What stood in the way of a unit, by the answer of `lead`; None when nothing did."""
    if "kind" not in answer:
        return None
    kind = getattr(errors, answer["kind"], None)
    if isinstance(kind, type) and issubclass(kind, HostError) and kind is not errors.BuildFailed:
        return kind(answer["message"])
    said = answer.get("trace") or answer["message"]
    return RuntimeError(f"{unit_id}, on its worker: {said}")


def lead_alone(world: World, store: SqliteStore, owner: Owner, unit_id: str) -> None:
    """Leads a unit that no manager follows to its end, in this thread. One whose owner is dead is
    adopted; one that another process leads is left to it. Raises StoreBusy, StoreFull, UnknownName.
    """
    before = store.unit(unit_id).owner
    if before is not None and owners.is_dead(store.state, before):
        store.release(before)
    run_unit(world, owner.name, unit_id)


class Place:
    """What this process needs to lead units of one folder of runs. Kept until the process ends."""

    def __init__(self, runs: Path, maker: str, environ: Mapping[str, str]) -> None:
        self.store = SqliteStore(runs)
        self._owner = Owner(self.store.state)
        module, _, function = maker.partition(":")
        make = getattr(importlib.import_module(module), function)
        self._world: World = make(self.store, environ, threading.Event())

    def lead(self, unit_id: str) -> None:
        """Raises StoreBusy, StoreFull, UnknownName."""
        lead_alone(self._world, self.store, self._owner, unit_id)


def make_world(store: SqliteStore, environ: Mapping[str, str], halt: Stop) -> World:
    """The world of lives on a worker. Values of secrets come from the environment of the worker."""
    graders = GradingWorkers(store.state / "grading", environ)
    return World(
        store=store,
        backends=Backends(store.runs, environ, time.time),
        sources=Sources(graders, environ),
        clock=time.time,
        halt=halt,
        environment=environ,
    )


_places: dict[tuple[str, str], Place] = {}
_lock = threading.Lock()


def _place(runs: str, maker: str) -> Place:
    """One for each folder, whichever thread asks."""
    with _lock:
        if (runs, maker) not in _places:
            _places[runs, maker] = Place(Path(runs), maker, os.environ)
        return _places[runs, maker]
