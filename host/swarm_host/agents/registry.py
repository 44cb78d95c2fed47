"""All agents by id: those below host/agents, then those of a checkout of mle-bench."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from swarm_host.agents.install import NAME
from swarm_host.agents.known import Agent, AgentLimits, run_of
from swarm_host.agents.mle_bench import registered
from swarm_host.agents.own_files import FILE, read_agents
from swarm_host.errors import UnknownName, UsageError
from swarm_host.records import Competition, RunConfig
from swarm_host.words.names import unknown
from swarm_host.words.places import HOST, ROOT

FOLDER = HOST / "agents"


class Agents:
    """folder: holds a folder with agent.yaml for each agent. checkout: of mle-bench, where one is
    configured. python: interpreter of agents that run as processes.

    A broken file of one agent does not hide the others: `problems` tells of it.
    """

    def __init__(
        self,
        folder: Path = FOLDER,
        checkout: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._places = {"python": python}
        self.problems: list[str] = []
        self._agents: dict[str, Agent] = {}
        for path in sorted(folder.glob(f"*/{FILE}")):
            try:
                self._add(read_agents(path, ROOT))
            except UsageError as error:
                self.problems.append(str(error))
        if checkout is not None:
            found, problems = registered(checkout)
            # This project, as `agents install` puts it there, is known already.
            self._add([agent for agent in found if agent.image != NAME])
            self.problems += problems

    def listed(self) -> Sequence[Agent]:
        """Those that are shown to people, by id."""
        return [agent for _, agent in sorted(self._agents.items()) if agent.listed]

    def find(self, agent_id: str) -> Agent:
        """Raises UnknownName with the nearest id and all others."""
        if agent_id in self._agents:
            return self._agents[agent_id]
        message = unknown("agent", agent_id, [agent.agent_id for agent in self.listed()])
        raise UnknownName("; ".join([message, *self.problems]))

    def resolve(
        self,
        agent_id: str,
        competition: Competition,
        seed: int,
        backend: str,
        limits: AgentLimits | None = None,
        build: bool = False,
    ) -> RunConfig:
        """How an agent runs on a competition, but for the workspace, which belongs to the unit.

        build: with the build of its image. Raises UnknownName, UsageError.
        """
        return run_of(
            self.find(agent_id),
            competition,
            seed,
            backend,
            limits or AgentLimits(),
            self._places,
            build,
        )

    def _add(self, agents: Sequence[Agent]) -> None:
        """The first of an id counts: a checkout of mle-bench has a dummy, too."""
        for agent in agents:
            if agent.agent_id in self._agents:
                first = self._agents[agent.agent_id].origin
                self.problems.append(f"{agent.agent_id} of {agent.origin} is hidden by {first}")
            else:
                self._agents[agent.agent_id] = agent
