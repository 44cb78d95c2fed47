"""What stands in the way of a run in any cloud service. Facts of this side only; nothing is called."""

from __future__ import annotations

import importlib.util
import stat
from collections.abc import Mapping
from pathlib import Path

from swarm_host.backends.cloud import image, staging
from swarm_host.errors import Credentials, UsageError
from swarm_host.records import Problem, RunConfig
from swarm_host.words import mounts, places
from swarm_host.words.redact import reveal

REQUIREMENTS = "requirements_cloud.txt"


def credentials(names: tuple[str, ...], environ: Mapping[str, str], where: str) -> list[Problem]:
    """By name only: values are never part of a message."""
    missing = [name for name in names if not environ.get(name)]
    if not missing:
        return []
    cure = f"export them; {where} gives them out"
    return [Problem(f"not set: {', '.join(missing)}", cure, may_come=True)]


def library(name: str) -> list[Problem]:
    """Whether it can be imported, without the cost of it."""
    if importlib.util.find_spec(name) is not None:
        return []
    what = f"the library {name} is not installed"
    return [Problem(what, places.install(REQUIREMENTS), not_here=True)]


def problems(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    """Refusals and warnings that every service shares."""
    found = image.problems(run)
    found += _build_problems(run, environ)
    found += _mount_problems(run, environ)
    try:
        reveal(run.env, environ)
    except UsageError as error:
        cure = "correct env, or export what it names"
        found.append(Problem(str(error), cure, may_come=isinstance(error, Credentials)))
    return found


def _build_problems(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    if run.image_source != "flatten" or run.build is None:
        return [] if run.command else [_no_command()]
    try:
        with staging.staged(run.build, environ) as staged:
            return [] if run.command or staged.command else [_no_command()]
    except UsageError as error:
        return [Problem(str(error), "correct build")]


def _no_command() -> Problem:
    cure = "write it; mle-bench's agents are started with: bash /home/agent/start.sh"
    return Problem("command is missing, and the image's own is not known on this side", cure)


def _mount_problems(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    """Answers stay on this machine, even where allow_private would show them to a container."""
    allowed = mounts.answers(run, environ) if run.allow_private else []
    found = []
    for problem in mounts.problems(run, environ):
        found.append(Problem(problem.what, _CURE) if problem in allowed else problem)
    for mount in run.mounts:
        try:
            kind = Path(mount.source).stat().st_mode
        except OSError:
            continue
        if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
            what = f"the mount's source {mount.source} is no file or folder that could be sent"
            found.append(Problem(what, "leave it out; sandboxes get copies"))
    return found


_CURE = (
    "leave it out: allow_private holds for containers on this machine, nothing private is sent away"
)
