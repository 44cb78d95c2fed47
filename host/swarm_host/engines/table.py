"""Which engines there are, by name, each made with the library that it needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence

from swarm_host.engines.away import Say
from swarm_host.life.world import World
from swarm_host.protocols import Engine
from swarm_host.records import Problem
from swarm_host.spec.matrix_keys import Placement
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.names import known_name
from swarm_host.words.places import install

# Makes an engine for a store and what lives need, and for who hears warnings; None for this machine.
MakeEngine = Callable[[SqliteStore, World, Say], Engine | None]
# Engine to its library and the file of host/ that installs it.
LIBRARIES = {
    "dask": ("distributed", "requirements_engines.txt"),
    "ray": ("ray", "requirements_ray.txt"),
    "slurm": ("submitit", "requirements_engines.txt"),
}


def this_machine(store: SqliteStore, world: World, say: Say) -> None:
    """Makes none: the manager leads units in threads of its own process."""
    return


def _local(placement: Placement) -> MakeEngine:
    return this_machine


def _dask(placement: Placement) -> MakeEngine:
    def make(store: SqliteStore, world: World, say: Say) -> Engine:
        from swarm_host.engines.dask import DaskEngine

        return DaskEngine(store, placement.address, placement.width, say)

    return make


def _ray(placement: Placement) -> MakeEngine:
    def make(store: SqliteStore, world: World, say: Say) -> Engine:
        from swarm_host.engines.ray import RayEngine

        return RayEngine(store, placement.address, placement.width, say)

    return make


def _slurm(placement: Placement) -> MakeEngine:
    def make(store: SqliteStore, world: World, say: Say) -> Engine:
        from swarm_host.engines.slurm import SlurmEngine

        return SlurmEngine(store, placement.address, say)

    return make


# An engine for a cluster takes placement.address and placement.width.
MAKERS: Mapping[str, Callable[[Placement], MakeEngine]] = {
    "local": _local,
    "dask": _dask,
    "ray": _ray,
    "slurm": _slurm,
}


def engine_of(placement: Placement) -> MakeEngine:
    """What makes it raises UsageError when it cannot be used here. Raises UnknownName."""
    return MAKERS[known_name(placement.engine, MAKERS, "engine")](placement)


def engine_problems(placement: Placement) -> Sequence[Problem]:
    """What this machine lacks for the engine, before anything is made."""
    library, file = LIBRARIES.get(placement.engine, ("", ""))
    if not library or importlib.util.find_spec(library) is not None:
        return ()
    what = f"the engine {placement.engine} needs {library}, which is not installed"
    return (Problem(what, install(file), not_here=True),)
