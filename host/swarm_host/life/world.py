"""What the life of a unit needs around it, handed in by who leads it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from swarm_host.life.builds import Builds
from swarm_host.life.outcomes import Policy
from swarm_host.protocols import Backend, Clock, Source, Stop, Store
from swarm_host.records import CollectLimits


class UnitGuard:
    """Units that this process leads now: an engine that hands one out twice is harmless."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._units: set[str] = set()

    @contextlib.contextmanager
    def alone(self, unit_id: str) -> Iterator[bool]:
        """True for the first; False while another thread leads the unit."""
        with self._lock:
            first = unit_id not in self._units
            self._units.add(unit_id)
        try:
            yield first
        finally:
            if first:
                with self._lock:
                    self._units.discard(unit_id)


@dataclass(frozen=True, slots=True)
class World:
    """What a life needs around it."""

    store: Store
    # Both raise UnknownName.
    backends: Callable[[str], Backend]
    sources: Callable[[str | None, str | None], Source]
    clock: Clock
    # Set: let go of everything and leave what runs running.
    halt: Stop
    # Where the values of secrets come from.
    environment: Mapping[str, str]
    policy: Policy = Policy()
    limits: CollectLimits = CollectLimits()
    builds: Builds = field(default_factory=Builds)
    guard: UnitGuard = field(default_factory=UnitGuard)
