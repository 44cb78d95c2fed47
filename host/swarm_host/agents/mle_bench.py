"""Reads what a checkout of mle-bench registers: agents/*/config.yaml, as its own registry does.

That registry reads YAML 1.1 (`yes` is True, 1_000 is 1000) and hands on what Python writes for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from swarm_host.agents.known import FOLDERS, Agent, Way
from swarm_host.agents.own_files import STEPS, TIMEOUT_S
from swarm_host.errors import UsageError
from swarm_host.records import BuildConfig, Secret
from swarm_host.spec.values import choice, entries, text
from swarm_host.words.yaml_lines import Field, Scalar, load, plain, wrong

# As mle-bench looks for it: at the beginning of a value.
_SECRET = re.compile(r"\$\{\{\s*secrets\.(\w+)\s*\}\}")
_START = ("bash", "/home/agent/start.sh")
_MARKS = ("run_agent.py", "agents/registry.py", "mlebench/registry.py")
_KWARGS = {"argparse": "--", "omegaconf": ""}


def require_checkout(folder: Path) -> None:
    """Raises UsageError, with the files that are missing, unless it is a checkout of mle-bench."""
    missing = [mark for mark in _MARKS if not (folder / mark).is_file()]
    if missing:
        raise UsageError(f"{folder} is no checkout of mle-bench: it has no {', '.join(missing)}")


def registered(checkout: Path) -> tuple[list[Agent], list[str]]:
    """Its agents, and what is wrong with files that cannot be read. Raises UsageError when the folder
    is no checkout of mle-bench.
    """
    require_checkout(checkout)
    found, problems = [], []
    for path in sorted((checkout / "agents").glob("**/config.yaml")):
        try:
            found += list(_agents(path, checkout))
        except UsageError as error:
            problems.append(str(error))
    return found, problems


def _agents(path: Path, checkout: Path) -> Iterator[Agent]:
    for agent_id, field in entries(load(path, yaml_1_1)).items():
        # `vars`, `defaults` and the like stand beside the agents.
        if isinstance(field.value, dict) and {"start", "dockerfile"} <= field.value.keys():
            if agent_id not in ("defaults", "vars"):
                yield _agent(path, checkout, agent_id, field.value)


def yaml_1_1(text: str) -> Scalar:
    """What a word without quotes means to PyYAML, of which mle-bench takes it."""
    tag = yaml.resolver.Resolver().resolve(yaml.ScalarNode, text, (True, False))
    try:
        value = yaml.constructor.SafeConstructor().construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return text
    # A day or a time is handed on as Python writes it.
    return value if value is None or isinstance(value, Scalar) else str(value)


def _agent(path: Path, checkout: Path, agent_id: str, fields: Mapping[str, Field]) -> Agent:
    # The image has the name of the folder that holds the file.
    name = path.parent.name
    env, kwargs = _mapping(fields, "env_vars"), _mapping(fields, "kwargs")
    command, more = _command(kwargs, fields)
    refusal = ""
    if "privileged" in fields and fields["privileged"].value:
        refusal = (
            "it wants a privileged container, which is the machine itself; use mle-bench for it"
        )
    dockerfile = Path(text(fields["dockerfile"]))
    given = {key: one.value for key, one in env.items()}
    limit, steps = given.get("TIME_LIMIT_SECS"), given.get("STEP_LIMIT")
    variables = {key: _value(one) for key, one in env.items()}
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


def _mapping(fields: Mapping[str, Field], key: str) -> Mapping[str, Field]:
    """Empty where there is none, or an empty value."""
    if key not in fields or fields[key].value is None:
        return {}
    return entries(fields[key])


def _whole(value: object, usual: int) -> int:
    if isinstance(value, int):
        return value
    return usual


def _command(
    kwargs: Mapping[str, Field], fields: Mapping[str, Field]
) -> tuple[tuple[str, ...], dict[str, str | Secret]]:
    """The start script with its words, and variables for words that are secret. fields: of the agent."""
    if not kwargs:
        return _START, {}
    if "kwargs_type" not in fields:
        raise wrong(fields["kwargs"], "kwargs_type is missing beside it")
    kind = choice(fields["kwargs_type"], _KWARGS)
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


def _value(field: Field) -> str | Secret:
    """As mle-bench takes it: a secret by name, anything else as Python writes it."""
    value = plain(field)
    if isinstance(value, str) and (match := _SECRET.match(value)):
        return Secret(match[1])
    # Nothing in it is a placeholder of ours.
    return str(value).replace("$", "$$")
