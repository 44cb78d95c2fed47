"""Which engines there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swarm_host.errors import UnknownName
from swarm_host.launch import MakeEngine, this_machine
from swarm_host.spec.matrix_keys import Placement


def _local(placement: Placement) -> MakeEngine:
    return this_machine


# An engine for a cluster takes placement.address and placement.width.
MAKERS: Mapping[str, Callable[[Placement], MakeEngine]] = {"local": _local}


def engine_of(placement: Placement) -> MakeEngine:
    """Raises UnknownName for an engine that this version has not, UsageError for one that cannot be
    used here.
    """
    if placement.engine not in MAKERS:
        there = ", ".join(MAKERS)
        raise UnknownName(f"the engine {placement.engine} is not part of this version: {there}")
    return MAKERS[placement.engine](placement)
