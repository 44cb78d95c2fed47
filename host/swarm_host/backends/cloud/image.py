"""Which image a service can have, and what is asked of its machines. Pure."""

from __future__ import annotations

import math
import re

from swarm_host.errors import UsageError
from swarm_host.records import Problem, RunConfig
from swarm_host.words.mle_bench import BASE_IMAGE

_GIB = 1024**3
_LOCAL_HOSTS = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1\])(:\d+)?/")


def local_only(reference: str) -> bool:
    """Whether a name of an image means nothing outside of this machine. A name without any `/` may be
    an official one of Docker Hub; then `docker.io/library/` before it says so.
    """
    return "/" not in reference or bool(_LOCAL_HOSTS.match(reference))


def problems(run: RunConfig) -> list[Problem]:
    """Of the image, whatever the service is."""
    if run.agent_image is None:
        cure = "set agent_image, or use the backend local"
        return [Problem("there is no image to start", cure)]
    if run.image_source == "flatten":
        if run.build is None:
            cure = "add a build block with the agent's Dockerfile, or use image_source: registry"
            return [
                Problem("image_source: flatten builds at the service, and nothing says what", cure)
            ]
        return []
    if run.build is not None:
        what = f"{run.agent_image} would be built on this machine, which the service cannot see"
        cure = "set image_source: flatten to build it there, or push it and leave build out"
        return [Problem(what, cure)]
    if local_only(run.agent_image):
        return [Problem(f"{run.agent_image} is an image of this machine only", _cure(run))]
    return []


def _cure(run: RunConfig) -> str:
    name = (run.agent_image or "").partition(":")[0]
    push = f"push it (docker tag {run.agent_image} REGISTRY/{run.agent_image}; docker push ...)"
    if name == BASE_IMAGE:
        return f"{push}; no registry has it"
    return (
        f"{push}, or set image_source: flatten with a build block; an official image of Docker Hub "
        f"is called docker.io/library/{run.agent_image}"
    )


def gib(size: int | None) -> int | None:
    """Whole GiB, upwards."""
    return None if size is None else max(1, math.ceil(size / _GIB))


def gpu_count(gpus: str | None) -> int:
    """How many are asked for. Raises UsageError for devices, which a service does not have."""
    if gpus is None:
        return 0
    if gpus == "all":
        return 1
    plain = gpus.strip('"').removeprefix("count=")
    if plain.isdigit():
        return int(plain)
    raise UsageError(f"gpus: {gpus} names devices of this machine; give a number")


def limit_problems(run: RunConfig, ignored: tuple[str, ...]) -> list[Problem]:
    """Warnings of limits that the service does not keep, and what it does not have."""
    found = []
    for name in ignored:
        if getattr(run.resources, name) is not None:
            what = f"the service does not keep the limit {name}"
            found.append(Problem(what, "leave it out", refuses=False))
    if run.network == "host":
        cure = "it gets the service's network, as with bridge"
        found.append(Problem("network: host means nothing in a sandbox", cure, refuses=False))
    try:
        gpu_count(run.resources.gpus)
    except UsageError as error:
        found.append(Problem(str(error), "for example gpus: 1"))
    return found
