"""Which engines there are, by name, each made with the library that it needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from swarm_host.engines.away import Say
from swarm_host.protocols import Engine
from swarm_host.records import Problem
from swarm_host.spec.matrix_keys import ENGINES, Placement
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.names import known_name
from swarm_host.words.places import install

# Makes an engine for a store and for who hears warnings. None: the manager leads units in threads of
# its own process.
MakeEngine = Callable[[SqliteStore, Say], Engine | None]
# Engine to its library and the file of host/ that installs it.
LIBRARIES = {
    "dask": ("distributed", "requirements_engines.txt"),
    "ray": ("ray", "requirements_ray.txt"),
    "slurm": ("submitit", "requirements_engines.txt"),
}


def engine_of(placement: Placement) -> MakeEngine:
    """What makes it raises UsageError when it cannot be used here. Raises UnknownName."""
    name = known_name(placement.engine, ENGINES, "engine")

    def make(store: SqliteStore, say: Say) -> Engine | None:
        """Each library is loaded for its own engine only."""
        if name == "dask":
            from swarm_host.engines.dask import DaskEngine

            return DaskEngine(store, placement.address, placement.width, say)
        if name == "ray":
            from swarm_host.engines.ray import RayEngine

            return RayEngine(store, placement.address, placement.width, say)
        if name == "slurm":
            from swarm_host.engines.slurm import SlurmEngine

            return SlurmEngine(store, placement.address, say)
        assert name == "local", name
        return None

    return make


this_machine = engine_of(Placement())


def engine_problems(placement: Placement) -> Sequence[Problem]:
    """What this machine lacks for the engine, before anything is made."""
    library, file = LIBRARIES.get(placement.engine, ("", ""))
    if not library or importlib.util.find_spec(library) is not None:
        return ()
    what = f"the engine {placement.engine} needs {library}, which is not installed"
    return (Problem(what, install(file), not_here=True),)
