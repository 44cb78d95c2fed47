"""Reads what a checkout of mle-bench registers: agents/*/config.yaml, as its own registry does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from swarm_host.agents.known import FOLDERS, Agent, Way
from swarm_host.agents.own_files import STEPS, TIMEOUT_S
from swarm_host.errors import SpecError, UsageError
from swarm_host.records import BuildConfig, Secret
from swarm_host.words.plain_yaml import read_mapping

# As mle-bench looks for it: at the beginning of a value.
_SECRET = re.compile(r"\$\{\{\s*secrets\.(\w+)\s*\}\}")
_START = ("bash", "/home/agent/start.sh")
_MARKS = ("run_agent.py", "agents/registry.py", "mlebench/registry.py")
_KWARGS = {"argparse": "--", "omegaconf": ""}


def is_checkout(folder: Path) -> bool:
    return all((folder / mark).is_file() for mark in _MARKS)


def registered(checkout: Path) -> tuple[list[Agent], list[str]]:
    """Its agents, and what is wrong with files that cannot be read. Raises UsageError when the folder
    is no checkout of mle-bench.
    """
    if not is_checkout(checkout):
        raise UsageError(f"{checkout} is no checkout of mle-bench: it has no {', '.join(_MARKS)}")
    found, problems = [], []
    for path in sorted((checkout / "agents").glob("**/config.yaml")):
        try:
            found += list(_agents(path, checkout))
        except UsageError as error:
            problems.append(str(error))
    return found, problems


def _agents(path: Path, checkout: Path) -> Iterator[Agent]:
    for agent_id, values in read_mapping(path).items():
        # `vars`, `defaults` and the like stand beside the agents.
        if isinstance(values, dict) and {"start", "dockerfile"} <= values.keys():
            if agent_id not in ("defaults", "vars"):
                yield _agent(path, checkout, agent_id, values)


def _agent(path: Path, checkout: Path, agent_id: str, values: Mapping[str, Any]) -> Agent:
    # The image has the name of the folder that holds the file.
    name = path.parent.name
    env = values.get("env_vars") or {}
    kwargs, kind = values.get("kwargs") or {}, values.get("kwargs_type")
    if not isinstance(env, dict) or not isinstance(kwargs, dict):
        raise SpecError(f"{path}: {agent_id}: env_vars and kwargs are mappings")
    command, more = _command(kwargs, kind, f"{path}: {agent_id}")
    refusal = ""
    if values.get("privileged"):
        refusal = (
            "it wants a privileged container, which is the machine itself; use mle-bench for it"
        )
    dockerfile = Path(str(values["dockerfile"]))
    limit, steps = env.get("TIME_LIMIT_SECS"), env.get("STEP_LIMIT")
    variables = {str(key): _value(one) for key, one in env.items()}
    # What a user grants is told to the agent.
    if isinstance(limit, int):
        variables["TIME_LIMIT_SECS"] = "${timeout_s}"
    if isinstance(steps, int):
        variables["STEP_LIMIT"] = "${steps}"
    return Agent(
        agent_id=agent_id,
        about=f"registered in mle-bench, {path.relative_to(checkout)}",
        origin=str(path),
        image=name,
        build=BuildConfig(
            context=str(checkout / "agents" / dockerfile.parent),
            dockerfile=dockerfile.name,
            platform="linux/amd64",
            build_args=FOLDERS,
        ),
        container=Way(command, {**variables, **more}),
        process=None,
        timeout_s=float(_whole(limit, int(TIMEOUT_S))),
        steps=_whole(steps, STEPS),
        refusal=refusal,
    )


def _whole(value: object, usual: int) -> int:
    if isinstance(value, int):
        return value
    return usual


def _command(
    kwargs: Mapping[str, Any], kind: object, place: str
) -> tuple[tuple[str, ...], dict[str, str | Secret]]:
    """The start script with its words, and variables for words that are secret."""
    if not kwargs:
        return _START, {}
    if kind not in _KWARGS:
        raise SpecError(f"{place}: kwargs_type {kind!r} is none of {', '.join(_KWARGS)}")
    words: list[str] = []
    secrets: dict[str, str | Secret] = {}
    hidden = any(isinstance(_value(value), Secret) for value in kwargs.values())
    for number, (key, value) in enumerate(kwargs.items()):
        found = _value(value)
        if isinstance(found, Secret):
            # A shell inside the container puts it there: no list of processes outside shows it.
            secrets[f"SWARM_HOST_SECRET_{number}"] = found
            found = f'"$$SWARM_HOST_SECRET_{number}"'
        elif hidden:
            found = _quoted(found)
        words += [f"--{key}", found] if kind == "argparse" else [f"{key}={found}"]
    if not secrets:
        return (*_START, *words), {}
    line = " ".join(("exec", *_START, *words))
    return ("bash", "-c", line), secrets


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _value(value: object) -> str | Secret:
    """As mle-bench takes it: a secret by name, anything else as Python writes it."""
    text = str(value)
    if isinstance(value, str) and (match := _SECRET.match(value)):
        return Secret(match[1])
    # Nothing in it is a placeholder of ours.
    return text.replace("$", "$$")
