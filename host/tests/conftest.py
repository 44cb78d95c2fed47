"""Makes orchestrator importable wherever pytest is started, and gives a docker command that only pretends."""

import json
import stat
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# As much of docker as one run needs: it writes down how it was called, and says what docker would say.
_DOCKER = """\
#!{python} -SE
import io, json, os, sys, tarfile
words = sys.argv[1:]
with open({calls!r}, "a") as file:
    file.write(json.dumps({{"words": words, "env": dict(os.environ)}}) + "\\n")
verb = " ".join(words[:2]) if words[0] in ("image", "network") else words[0]
state = dict(Status="exited", ExitCode={status}, OOMKilled=False, StartedAt="2026-01-01T00:00:01Z",
             FinishedAt="2026-01-01T00:00:03Z")
config = dict(Labels={{}}, Entrypoint=None, Cmd=["agent"])
answers = {{
    "info": json.dumps(dict(OSType="linux", Architecture="x86_64", NCPU=8, MemTotal=2**36)),
    "network ls": "bridge\\nhost\\nnone",
    "image inspect": json.dumps([dict(Os="linux", Architecture="amd64", Config=config)]),
    "build": "Step 1/1 : FROM mlebench-env",
    "create": "c0ffee",
    "inspect": json.dumps([dict(Id="c0ffee", Name="/x", Config=config, State=state)]),
    "logs": "2026-01-01T00:00:02.000000000Z hello from the agent",
    "wait": "{status}",
}}
if verb == "cp":
    if not words[1].endswith("/submission"):
        sys.exit("Error response from daemon: Could not find the file in container c0ffee")
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        entry = tarfile.TarInfo("submission/submission.csv")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"id,y\\n"))
elif verb in answers:
    print(answers[verb])
"""


class PretendedDocker:
    """A docker command in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls.jsonl"
        self.command = folder / "docker"

    def write(self, status: int = 0) -> None:
        """status: exit status of every agent."""
        text = _DOCKER.format(python=sys.executable, calls=str(self._calls), status=status)
        self.command.write_text(text)
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)

    def calls(self, verb: str) -> list[dict]:
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [call for call in map(json.loads, lines) if call["words"][0] == verb]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedDocker:
    pretended = PretendedDocker(tmp_path)
    pretended.write()
    monkeypatch.setenv("SWARM_HOST_DOCKER", str(pretended.command))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARM_HOST_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.chdir(tmp_path)
    return pretended
