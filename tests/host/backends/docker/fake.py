"""A docker command whose answers a test writes down: a Python script, found by SWARM_HOST_DOCKER."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swarm_host.backends.docker.backend import DockerBackend

from tests.host.backends.docker.units import script

_SCRIPT = """\
#!{python} -SE
import json, os, signal, sys
folder = {folder!r}
verb = " ".join(sys.argv[1:3]) if sys.argv[1] in ("image", "network", "context") else sys.argv[1]
stdin = "" if verb == "build" or os.fstat(0).st_rdev else sys.stdin.buffer.read().hex()
files = {{}}
for at, word in enumerate(sys.argv):
    if word == "--env-file":
        with open(sys.argv[at + 1]) as file:
            files[word] = [file.read(), oct(os.stat(file.fileno()).st_mode)]
call = dict(words=sys.argv[1:], env=dict(os.environ), stdin=stdin, files=files)
with open(folder + "/calls.jsonl", "a") as file:
    file.write(json.dumps(call) + "\\n")
with open(folder + "/calls.jsonl") as file:
    words = [json.loads(line)["words"] for line in file]
count = sum(" ".join(one).startswith(verb) for one in words)
with open(folder + "/answers.json") as file:
    answers = json.load(file).get(verb) or [[0, "", ""]]
code, out, err = answers[min(count, len(answers)) - 1]
if code == "hang":
    print(out, end="", flush=True)
    signal.pause()
sys.stdout.buffer.write(out.encode("latin-1"))
sys.stdout.flush()
sys.stderr.buffer.write(err.encode("latin-1"))
sys.exit(code)
"""


@dataclass
class FakeDocker:
    """The command, and what it was asked."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, list[tuple[Any, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = _SCRIPT.format(python=sys.executable, folder=str(self.folder))
        command = script(self.folder / "bin" / "docker", text)
        self.environ["SWARM_HOST_DOCKER"] = shlex.quote(str(command))
        self._save()

    def says(self, verb: str, *answers: tuple[Any, str | bytes, str]) -> None:
        """Exit status, output and errors of each call in turn; the last one stays. The status `hang`
        says the output and does not end.
        """
        texts = [
            (code, out.decode("latin-1") if isinstance(out, bytes) else out, err)
            for code, out, err in answers
        ]
        self._answers[verb] = texts
        self._save()

    def backend(
        self, clock: Callable[[], float] = lambda: 1000.0, home: str | None = None
    ) -> DockerBackend:
        return DockerBackend(self.environ, clock, home)

    def calls(self, verb: str = "") -> list[dict[str, Any]]:
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if " ".join(call["words"]).startswith(verb)]

    def verbs(self) -> list[str]:
        return [call["words"][0] for call in self.calls()]

    def _save(self) -> None:
        (self.folder / "answers.json").write_text(json.dumps(self._answers))


def inspected(
    status: str = "exited", code: int = 0, labels: dict[str, str] | None = None, **state: Any
) -> str:
    """The answer of `docker inspect`."""
    known = {
        "Status": status,
        "ExitCode": code,
        "OOMKilled": False,
        "StartedAt": "1970-01-01T00:10:00.5Z",
        "FinishedAt": "1970-01-01T00:16:40Z",
    }
    container = {
        "Id": "c0ffee",
        "Name": "/churn-1-1",
        "Config": {"Labels": labels or {}},
        "State": {**known, **state},
    }
    return json.dumps([container])


def image(
    entrypoint: list[str] | None = None, command: list[str] | None = None, machine: str = "amd64"
) -> str:
    """The answer of `docker image inspect`."""
    config = {"Entrypoint": entrypoint, "Cmd": command}
    return json.dumps([{"Os": "linux", "Architecture": machine, "Config": config}])


GONE = "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?\n"
NO_CONTAINER = "Error response from daemon: No such container: churn-1-1\n"
TAKEN = (
    'Error response from daemon: Conflict. The container name "/churn-1-1" is already in use by '
    'container "c0ffee". You have to remove (or rename) that container to be able to reuse that name.\n'
)
