"""What stands in the way of an agent as a process, found before anything is started."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from swarm_host.errors import UsageError
from swarm_host.records import Problem, RunConfig, Secret
from swarm_host.words import mounts

# The agent's home in a container, which the work folder stands for.
_CONTAINER_HOME = PurePosixPath("/home")


def problems(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    """environ: of this side."""
    return [*_refusals(run, environ), *mounts.problems(run, environ), *_warnings(run)]


def missing(run: RunConfig, environ: Mapping[str, str]) -> list[str]:
    """Names of secrets that this side does not have."""
    wanted = [value.name for value in run.env.values() if isinstance(value, Secret)]
    return sorted({name for name in wanted if not environ.get(name)})


def inside(path: str) -> PurePosixPath:
    """A path of RunConfig.outputs below the work folder. Raises UsageError for one that is not."""
    pure = PurePosixPath(path)
    if pure.is_absolute() and pure.is_relative_to(_CONTAINER_HOME):
        pure = pure.relative_to(_CONTAINER_HOME)
    if pure.is_absolute() or ".." in pure.parts:
        raise UsageError(f"the output {path} lies outside of the agent's work folder")
    return pure


def _refusals(run: RunConfig, environ: Mapping[str, str]) -> Iterator[Problem]:
    if sys.platform != "linux":
        yield Problem("the local backend needs Linux", "use the docker backend")
    if not run.command:
        yield Problem(
            "the agent has no command for this machine", "set command, or use the docker backend"
        )
    elif shutil.which(run.command[0], path=environ.get("PATH")) is None:
        yield Problem(f"there is no program {run.command[0]}", "give its path in command")
    for name in missing(run, environ):
        yield Problem(f"the variable {name} is not set", f"export {name}=...", may_come=True)
    for mount in run.mounts:
        if mount.source != mount.target or not mount.read_only:
            yield Problem(
                f"{mount.source} cannot be mounted at {mount.target} without a container",
                "make target the same as source and read_only, or use the docker backend",
            )
    if run.network == "none":
        yield Problem(
            "a process of this machine has its network", "network: host, or the docker backend"
        )
    for path in (run.outputs.submission, run.outputs.code, run.outputs.logs):
        if path is not None:
            try:
                inside(path)
            except UsageError as error:
                yield Problem(str(error), "give a path relative to the work folder")


def _warnings(run: RunConfig) -> Iterator[Problem]:
    if run.resources.memory is not None:
        yield Problem(
            "memory limits the address space of each process here, not the memory of all",
            "use the docker backend for a limit of the whole agent",
            refuses=False,
        )
    for name in ("cpus", "gpus", "shm", "disk", "pids"):
        if getattr(run.resources, name) is not None:
            yield Problem(
                f"resources.{name} is no limit of the local backend",
                "use the docker backend",
                refuses=False,
            )
    if run.build is not None:
        yield Problem("no image is built for a process", "use the docker backend", refuses=False)
