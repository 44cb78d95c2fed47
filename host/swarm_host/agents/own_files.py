"""Reads agent.yaml: agents of this project and of its users, one folder each below host/agents.

    my-agent:                        # the id; my-agent/dev is another one in the same file
      about: one line for people
      image: my-agent                # started as mle-bench starts agents, unless mle_bench: false
      build: {context: ${agent}}     # as in a specification file; ${agent} is this file's folder
      container: {command: [bash, /home/agent/start.sh], env: {...}}
      local: {command: ["${python}", "${agent}/main.py", "${data}", "${out}"], env: {...}}
      env: {API_KEY: "${{ secrets.API_KEY }}"}       # for both
      timeout: 43200                 # seconds
      steps: 100
      outputs: {submission: /home/submission, code: null, logs: /home/logs}
      listed: true

Placeholders: python, root (of this checkout), agent, data, out, seed, competition, timeout_s, steps.
Values are read as those of a specification file. Keys that begin with `x-` are for YAML's own anchors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from swarm_host.agents.known import FOLDERS, Agent, Way
from swarm_host.records import BuildConfig, Secret
from swarm_host.spec import values
from swarm_host.spec.run_keys import image, read_build, read_outputs
from swarm_host.spec.section import Section
from swarm_host.words.expand import Scope
from swarm_host.words.mistakes import raise_all
from swarm_host.words.yaml_lines import load

FILE = "agent.yaml"
TIMEOUT_S, STEPS = 12 * 3600.0, 100
# mle-bench's base is there for this one only.
_PLATFORM = "linux/amd64"
# Placeholders that are filled in when a run is known.
_LATER = frozenset({"python", "data", "out", "seed", "competition", "timeout_s", "steps"})


def read_agents(path: Path, root: Path) -> list[Agent]:
    """All agents of a file. root: of this checkout. Raises SpecError with every problem, one a line,
    each with its line.
    """
    own = {"agent": str(path.parent), "root": str(root)}
    scope = Scope(own=own, environ={}, home="", base=str(path.parent))
    problems: list[str] = []
    agents = [
        _agent(agent_id, Section(field, problems), str(path), scope)
        for agent_id, field in values.entries(load(path)).items()
        if not agent_id.startswith("x-")
    ]
    raise_all(problems)
    return agents


def _agent(agent_id: str, section: Section, origin: str, scope: Scope) -> Agent:
    run_scope = replace(scope, later=_LATER)
    env = section.take("env", partial(values.variables, scope=run_scope), {})
    agent = Agent(
        agent_id=agent_id,
        about=section.take("about", values.text, ""),
        origin=origin,
        image=section.take("image", partial(image, scope=scope), None),
        build=_build(section, scope),
        container=_way(section.section("container"), env, run_scope),
        process=_way(section.section("local"), env, run_scope, "the program to start"),
        timeout_s=section.take("timeout", values.seconds, TIMEOUT_S),
        steps=section.take("steps", values.whole, STEPS),
        outputs=read_outputs(section.section("outputs"), scope),
        mle_bench=section.take("mle_bench", values.flag, True),
        listed=section.take("listed", values.flag, True),
    )
    if section.has("container"):
        section.need("image", "containers are started by it")
    elif not section.has("local"):
        section.need("container", "it or `local` says how the agent is started")
    section.close()
    return agent


def _way(
    section: Section | None, env: Mapping[str, str | Secret], scope: Scope, need: str = ""
) -> Way | None:
    """need: why a command must be there; "" where the image has one."""
    if section is None:
        return None
    command = section.take("command", partial(values.words, scope=scope), ())
    own = section.take("env", partial(values.variables, scope=scope), {})
    if need:
        section.need("command", need)
        if section.has("command") and not command:
            section.refuse("command", "a program is needed")
    section.close()
    return Way(command, {**env, **own})


def _build(section: Section, scope: Scope) -> BuildConfig | None:
    found = read_build(section.section("build"), scope)
    if found is None:
        return None
    arguments = {**FOLDERS, **found.build_args}
    return replace(found, platform=found.platform or _PLATFORM, build_args=arguments)
