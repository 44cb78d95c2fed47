"""How a container stands, and how its agent ended: read from `docker inspect` and from notes. Pure."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swarm_host.backends.docker import argv, start
from swarm_host.errors import Lost, NeverStarted
from swarm_host.records import Ending

# What a process leaves that a signal ended: 128 + 9 and 128 + 15.
_KILLED, _TERMINATED = 137, 143
# The exit status of the start itself, when it gives up.
_START_FAILED = 125
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What `docker inspect` says, as far as it matters here."""

    id: str
    name: str
    labels: Mapping[str, str]
    # created, running, paused, restarting, removing, exited or dead; podman has more words.
    status: str
    exit_code: int
    oom: bool
    started: float | None
    finished: float | None

    @property
    def runs(self) -> bool:
        return self.status in ("running", "paused", "restarting", "stopping")

    @property
    def ready(self) -> bool:
        """It waits for its start."""
        return self.status in ("created", "configured", "initialized")

    def is_of(self, wanted: Mapping[str, str]) -> bool:
        """It carries all these labels."""
        return wanted.items() <= self.labels.items()


def parse_container(text: bytes) -> ContainerFacts:
    """One container of the answer of `docker inspect`. Raises Lost when there is none."""
    found = json.loads(text or b"[]")
    if not found:
        raise Lost("docker inspect names no container")
    container: Mapping[str, Any] = found[0]
    state: Mapping[str, Any] = container.get("State") or {}
    return ContainerFacts(
        id=str(container.get("Id", "")),
        name=str(container.get("Name", "")).lstrip("/"),
        labels=(container.get("Config") or {}).get("Labels") or {},
        status=str(state.get("Status", "")),
        exit_code=int(state.get("ExitCode", 0)),
        oom=bool(state.get("OOMKilled", False)),
        started=seconds(str(state.get("StartedAt", ""))),
        finished=seconds(str(state.get("FinishedAt", ""))),
    )


def parse_image(text: bytes) -> argv.ImageFacts:
    """One image of the answer of `docker image inspect`. Raises Lost when there is none."""
    found = json.loads(text or b"[]")
    if not found:
        raise Lost("docker image inspect names no image")
    image: Mapping[str, Any] = found[0]
    config: Mapping[str, Any] = image.get("Config") or {}
    platform = f"{image.get('Os', 'linux')}/{image.get('Architecture', '')}"
    if image.get("Variant"):
        platform += f"/{image['Variant']}"
    return argv.ImageFacts(
        tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()), platform
    )


def seconds(text: str) -> float | None:
    """Since the epoch, of docker's time. None for what it writes when there is no time."""
    match = _TIME.fullmatch(text)
    if match is None or text.startswith("0001-"):
        return None
    zone = match[3].replace("Z", "+00:00")
    whole = datetime.datetime.fromisoformat(match[1] + zone).timestamp()
    return whole + float(match[2] or 0)


def how_it_ended(
    container: ContainerFacts, notes: Mapping[str, bytes], outage: bool
) -> Ending | None:
    """None while it runs.

    notes: what was noted in the container. outage: the daemon was away when the container ended.
    Raises Lost for one that never ran or is no more, NeverStarted when the agent was never started.
    """
    if container.runs:
        return None
    if container.status not in ("exited", "stopped"):
        raise Lost(f"the container {container.name} is {container.status} and has no end")
    if container.labels.get(f"{argv.PROJECT}.start") != argv.DURABLE:
        # The agent may be root there, and write what it likes.
        notes = {name: note for name, note in notes.items() if name == start.STOPPED}
    if container.exit_code == _START_FAILED and start.FAILED in notes:
        raise NeverStarted(notes[start.FAILED].decode(errors="replace").strip()[:500])
    started = _agent_started(notes) or container.started
    cause = _cause(container, start.STOPPED in notes, outage)
    # A daemon that comes back kills what it finds, and then does not say when the container ended.
    return Ending(container.exit_code, cause, started, container.finished)


def _cause(
    container: ContainerFacts, stopped: bool, outage: bool
) -> Literal["exit", "oom", "stopped", "killed", "daemon_lost"]:
    """Memory first: docker says so of a container in which any process was killed for memory, and an
    agent may go on without that process; so only where the agent itself was killed.
    """
    signalled = container.exit_code in (_KILLED, _TERMINATED)
    if container.oom and container.exit_code == _KILLED:
        return "oom"
    if stopped:
        return "stopped"
    if signalled and outage:
        return "daemon_lost"
    return "killed" if signalled else "exit"


def _agent_started(notes: Mapping[str, bytes]) -> float | None:
    try:
        return float(notes[start.STARTED])
    except (KeyError, ValueError):
        return None
