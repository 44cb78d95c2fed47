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
Keys that begin with `x-` are for YAML's own anchors.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from swarm_host.agents.known import FOLDERS, Agent, Way
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Outputs, Secret
from swarm_host.words.expand import Scope, expand_text, expand_value, refuse_secrets
from swarm_host.words.plain_yaml import read_mapping

FILE = "agent.yaml"
TIMEOUT_S, STEPS = 12 * 3600.0, 100
_KEYS = (
    "about image build container local env timeout steps outputs mle_bench listed".split()
)  # fmt: skip
_WAY_KEYS = ("command", "env")
_BUILD_KEYS = ("context", "dockerfile", "platform", "build_args")
_OUTPUT_KEYS = ("submission", "code", "logs")


def read_agents(path: Path, root: Path) -> list[Agent]:
    """All agents of a file. root: of this checkout. Raises SpecError with file, agent and key."""
    own = {"agent": str(path.parent), "root": str(root)}
    return [
        _Reader(path, agent_id, own).agent(values)
        for agent_id, values in read_mapping(path).items()
        if not agent_id.startswith("x-")
    ]


class _Reader:
    """One agent of a file."""

    def __init__(self, path: Path, agent_id: str, own: Mapping[str, str]) -> None:
        self._path, self._id = path, agent_id
        self._scope = Scope(own=own, environ={}, home="", base=str(path.parent))
        # What is filled in when a run is known stays as it is.
        self._later = ("python", "data", "out", "seed", "competition", "timeout_s", "steps")

    def agent(self, values: object) -> Agent:
        values = self._mapping(values, "", _KEYS)
        env = self._env(values.get("env"), "env")
        agent = Agent(
            agent_id=self._id,
            about=str(values.get("about", "")),
            origin=str(self._path),
            image=values.get("image"),
            build=self._build(values.get("build")),
            container=self._way(values, "container", env),
            process=self._way(values, "local", env),
            timeout_s=self._number(values, "timeout", TIMEOUT_S),
            steps=int(self._number(values, "steps", STEPS)),
            outputs=self._outputs(values.get("outputs")),
            mle_bench=self._flag(values, "mle_bench"),
            listed=self._flag(values, "listed"),
        )
        if agent.container is None and agent.process is None:
            raise self._wrong("", "container or local is missing: how is it started?")
        if agent.container is not None and not isinstance(agent.image, str):
            raise self._wrong("image", "the name of an image is wanted")
        return agent

    def _way(
        self, values: Mapping[str, Any], key: str, env: Mapping[str, str | Secret]
    ) -> Way | None:
        if values.get(key) is None:
            return None
        way = self._mapping(values[key], key, _WAY_KEYS)
        command = way.get("command") or []
        if not isinstance(command, list) or not all(_is_scalar(word) for word in command):
            raise self._wrong(f"{key}.command", "a list of words is wanted")
        if key == "local" and not command:
            raise self._wrong(f"{key}.command", "a program is wanted")
        words = tuple(self._text(str(word), f"{key}.command") for word in command)
        return Way(words, {**env, **self._env(way.get("env"), f"{key}.env")})

    def _env(self, values: object, key: str) -> dict[str, str | Secret]:
        found: dict[str, str | Secret] = {}
        for name, value in self._mapping(values or {}, key).items():
            if not _is_scalar(value):
                raise self._wrong(f"{key}.{name}", "a text or a number is wanted")
            text = str(value)
            if text.startswith("${{"):
                found[name] = self._secret(text, f"{key}.{name}")
            else:
                found[name] = self._text(text, f"{key}.{name}")
        return found

    def _secret(self, text: str, key: str) -> str | Secret:
        try:
            return expand_value(text, self._scope)
        except SpecError as error:
            raise self._wrong(key, str(error)) from None

    def _text(self, text: str, key: str) -> str:
        """With the places filled in, and the placeholders of a run left for later."""
        later = {name: f"${{{name}}}" for name in self._later}
        own = {name: value.replace("$", "$$") for name, value in self._scope.own.items()}
        try:
            refuse_secrets(text)
            return expand_text(text, replace(self._scope, own={**own, **later}))
        except SpecError as error:
            raise self._wrong(key, str(error)) from None

    def _build(self, values: object) -> BuildConfig | None:
        if values is None:
            return None
        build = self._mapping(values, "build", _BUILD_KEYS)
        arguments = dict(FOLDERS)
        for name, value in self._mapping(build.get("build_args") or {}, "build.build_args").items():
            arguments[name] = str(value)
        return BuildConfig(
            context=expand_text(str(build.get("context", "${agent}")), self._scope),
            dockerfile=str(build.get("dockerfile", "Dockerfile")),
            platform=build.get("platform", "linux/amd64"),
            build_args=arguments,
        )

    def _outputs(self, values: object) -> Outputs:
        if values is None:
            return Outputs()
        outputs = self._mapping(values, "outputs", _OUTPUT_KEYS)
        for name, path in outputs.items():
            if path is not None and not isinstance(path, str):
                raise self._wrong(f"outputs.{name}", f"a path or null is wanted, not {path!r}")
        return Outputs(**outputs)

    def _number(self, values: Mapping[str, Any], key: str, usual: float) -> float:
        value = values.get(key, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise self._wrong(key, f"a number above 0 is wanted, not {value!r}")
        return float(value)

    def _flag(self, values: Mapping[str, Any], key: str) -> bool:
        value = values.get(key, True)
        if not isinstance(value, bool):
            raise self._wrong(key, f"true or false is wanted, not {value!r}")
        return value

    def _mapping(
        self, values: object, key: str, keys: Sequence[str] | None = None
    ) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise self._wrong(key, "keys with values are wanted")
        for name in values:
            if keys is not None and name not in keys:
                near = difflib.get_close_matches(str(name), keys, n=1)
                hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(keys)}"
                raise self._wrong(key, f"unknown key {name!r}{hint}")
        return {str(name): value for name, value in values.items()}

    def _wrong(self, key: str, message: str) -> SpecError:
        place = f"{self._id}.{key}".rstrip(".")
        return SpecError(f"{self._path}: {place}: {message}")


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
