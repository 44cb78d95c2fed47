"""Records of a run, and how a file becomes one."""

import os
from collections.abc import Sequence
from pathlib import Path

from swarm_host.cli.run_file import new_id, scope_of
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Mount, Outputs, Resources, RunConfig, Secret
from swarm_host.spec.loading import load

__all__ = [
    "BuildConfig",
    "Mount",
    "Outputs",
    "Resources",
    "RunConfig",
    "Secret",
    "SpecError",
    "load_config",
]


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """The run of a file, with variables replaced and paths absolute.

    Raises SpecError, with every problem and its line; also for a matrix, which is more than one run.
    """
    spec = load(Path(path), overrides, scope_of(os.environ, new_id()))
    if spec.run is None:
        raise SpecError(f"{path}: a matrix is many runs; orchestrator/run.py runs it")
    return spec.run
