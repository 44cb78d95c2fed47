"""What is known of one agent, and the run that follows from it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from swarm_host.errors import UsageError
from swarm_host.records import BuildConfig, Competition, Mount, Outputs, RunConfig, Secret
from swarm_host.words.expand import Scope, expand_text

# Where a container has the competition.
DATA = "/home/data"
# The four folders that mle-bench's images get as build arguments.
FOLDERS: Mapping[str, str | Secret] = {
    "SUBMISSION_DIR": "/home/submission",
    "LOGS_DIR": "/home/logs",
    "CODE_DIR": "/home/code",
    "AGENT_DIR": "/home/agent",
}
# Below the work folder of a process.
PROCESS_OUTPUTS = Outputs("submission", "code", "logs")
LOCAL = "local"
# Between what an agent is told and what it gets lie the start of its interpreter and the end of its programs. With 2 s
# for them, 5 of 9 runs of 50 s on a machine with other work were stopped and graded as timed out: they ended 4 to 6 s
# after what they were told.
_MARGIN_SHARE, _LEAST_MARGIN_S, _MOST_MARGIN_S = 0.05, 5.0, 60.0


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """What a user grants beside the agent's own values. None: as the agent has it."""

    timeout_s: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How an agent is started in one kind of place. Texts may hold ${placeholders}."""

    command: tuple[str, ...]
    env: Mapping[str, str | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent."""

    # As users name it: `swarm-evo/dev`.
    agent_id: str
    # One line for people.
    about: str
    # File that registers it.
    origin: str
    # By which containers are started; None for an agent without one.
    image: str | None
    # How the image is built.
    build: BuildConfig | None
    # How it is started in a container.
    container: Way | None
    # As a process of this machine.
    process: Way | None
    # Seconds that a run gets unless a user says otherwise.
    timeout_s: float
    # Programs that it tries, unless a user says otherwise.
    steps: int
    # As containers leave them.
    outputs: Outputs = Outputs()
    # Started as mle-bench starts its agents, on its base image.
    mle_bench: bool = True
    # False: for tests, not shown in lists.
    listed: bool = True
    # Why it cannot be run here; "" when it can.
    refusal: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the variables that it needs from the host, in a container or as a process."""
        found: set[str] = set()
        for way in filter(None, (self.container, self.process)):
            found |= {value.name for value in way.env.values() if isinstance(value, Secret)}
        return tuple(sorted(found))

    def facts(self) -> dict[str, Any]:
        """For other programs, as JSON values."""
        return {
            "id": self.agent_id,
            "about": self.about,
            "origin": self.origin,
            "image": self.image,
            "local": self.process is not None,
            "container": self.container is not None,
            "timeout_s": self.timeout_s,
            "steps": self.steps,
            "secrets": list(self.secrets),
            "refusal": self.refusal,
        }


def run_of(
    agent: Agent,
    competition: Competition,
    seed: int,
    backend: str,
    limits: AgentLimits,
    places: Mapping[str, str],
    build: bool = False,
) -> RunConfig:
    """The run, without a workspace: that belongs to the unit.

    places: values of further placeholders, such as python. build: with the build of the image. Raises
    UsageError when the agent cannot be run there.
    """
    way = _way(agent, backend)
    timeout_s = limits.timeout_s or agent.timeout_s
    # The current folder of a process is its own work folder.
    inside = {"data": DATA, "out": "/home"}
    if backend == LOCAL:
        inside = {"data": competition.public, "out": "."}
    values = {
        **places,
        **inside,
        "seed": str(seed),
        "competition": competition.name,
        "timeout_s": str(told(timeout_s)),
        "steps": str(limits.steps or agent.steps),
    }
    scope = Scope(own=values, environ={}, home="", base="")
    env: dict[str, str | Secret] = {"COMPETITION_ID": competition.name}
    for name, value in way.env.items():
        env[name] = value if isinstance(value, Secret) else expand_text(value, scope)
    command = tuple(expand_text(word, scope) for word in way.command)
    run = RunConfig(
        agent_image=agent.image,
        command=command,
        workspace="",
        mounts=(Mount(competition.public, DATA),),
        env=env,
        timeout=timeout_s,
        backend=backend,
        build=agent.build if build else None,
        outputs=agent.outputs,
        mle_bench=agent.mle_bench,
    )
    if backend != LOCAL:
        return run
    return replace(
        run,
        agent_image=None,
        build=None,
        mounts=(Mount(competition.public, competition.public),),
        network="host",
        outputs=PROCESS_OUTPUTS,
        mle_bench=False,
    )


def told(timeout_s: float) -> int:
    """Seconds that an agent is told: less than it gets, so that it ends by itself and is not stopped.
    At least half of it.
    """
    margin = min(max(_MARGIN_SHARE * timeout_s, _LEAST_MARGIN_S), _MOST_MARGIN_S, timeout_s / 2)
    return max(math.floor(timeout_s - margin), 1)


def _way(agent: Agent, backend: str) -> Way:
    if agent.refusal:
        raise UsageError(f"{agent.agent_id} cannot be run: {agent.refusal}")
    if backend == LOCAL:
        if agent.process is None:
            raise UsageError(
                f"{agent.agent_id} runs in a container only: its file has no `local`; use the docker backend"
            )
        return agent.process
    if agent.container is None or agent.image is None:
        raise UsageError(f"{agent.agent_id} has no image: use the local backend")
    return agent.container
