"""Containers of the agent image, driven by the docker command as the benchmark drives them (its
agents/run.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.container.figures import note

ROOT = Path(__file__).resolve().parents[2]
BASE = "mlebench-env"
IMAGE = "swarm-evo:test"
COMPETITION = "churn"
# A name that stands in no file of the competition, so that a test can look for it.
COMPETITION_ID = "subscribers-2026"
FOLDERS = ("submission", "logs", "code")
POLL_S = 0.2
HEALTHY = "until curl -s -o /dev/null http://localhost:5000/health; do sleep 0.05; done"


def docker(*words: object, seconds: float = 120) -> str:
    """Standard output of a docker command. Raises AssertionError with what it said when it fails."""
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, timeout=seconds)
    assert done.returncode == 0, f"docker {words}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout.decode(errors="replace")


def build(tag: str, context: Path, **arguments: str) -> float:
    """Builds the agent image with the classic builder and the benchmark's arguments; seconds.

    arguments: further build arguments. Without EMBEDDING_MODEL the model is left out.
    """
    given = {f"{name.upper()}_DIR": f"/home/{name}" for name in (*FOLDERS, "agent")}
    given |= {"EMBEDDING_MODEL": "none", **arguments}
    command = [
        "docker",
        "build",
        "--quiet",
        "--network=host",
        "--platform=linux/amd64",
        f"--tag={tag}",
    ]
    begin = time.monotonic()
    done = subprocess.run(
        [*command, *(f"--build-arg={name}={value}" for name, value in given.items()), str(context)],
        env=os.environ | {"DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return time.monotonic() - begin


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of the condition; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(POLL_S)
    return found


@dataclass(frozen=True)
class Relay:
    """What the benchmark sees of start.sh: its output as bytes, its exit status, seconds."""

    code: int
    output: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")


@dataclass
class Agent:
    """start.sh while it runs in a container."""

    process: subprocess.Popen[bytes]
    began: float

    def finish(self, seconds: float) -> Relay:
        try:
            output, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, _ = self.process.communicate()
            raise AssertionError(
                f"start.sh was not done after {seconds} s:\n{output[-3000:]!r}"
            ) from None
        return Relay(self.process.returncode, output, time.monotonic() - self.began)


@dataclass
class Container:
    """One container: created with the competition mounted, started until healthy, removed with its
    anonymous volumes.

    prepared: folder with public/ and private/. options: further words for `docker create`.
    """

    prepared: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()
    image: str = IMAGE
    network: str = "none"
    id: str = ""
    started: float = 0.0

    def __enter__(self) -> Container:
        """Creates it. The variables are given to the whole container, as the benchmark does."""
        environ = {"COMPETITION_ID": COMPETITION_ID, **self.environ}
        private = f"/private/data/{COMPETITION_ID}/prepared/private/"
        self.id = docker(
            "create",
            f"--name=competition-{COMPETITION_ID}-{uuid.uuid4().hex}",
            f"--network={self.network}",
            "--shm-size=4g",
            f"--volume={self.prepared / 'public'}:/home/data:ro",
            f"--volume={self.prepared / 'private'}:{private}:ro",
            *(f"--env={name}={value}" for name, value in environ.items()),
            *self.options,
            self.image,
        ).strip()
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.id)

    def start(self) -> float:
        """Starts it and waits for the grading server as the benchmark does, at most a minute;
        seconds to healthy.
        """
        self.started = time.time()
        begin = time.monotonic()
        docker("start", self.id)
        self.root("timeout", "60", "bash", "-c", HEALTHY)
        return time.monotonic() - begin

    def root(self, *words: object) -> str:
        return docker("exec", self.id, *words)

    def nonroot(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = ["docker", "exec", "--user=nonroot", self.id, *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=120
        )

    def launch(self, *words: str | bytes) -> Agent:
        """Starts start.sh as nonroot; both of its streams come in one pipe."""
        command = [
            "docker",
            "exec",
            "--user=nonroot",
            self.id,
            "bash",
            "/home/agent/start.sh",
            *words,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return Agent(process, time.monotonic())

    def run(self, *words: str | bytes, seconds: float = 400) -> Relay:
        return self.launch(*words).finish(seconds)

    def events(self) -> list[dict[str, Any]]:
        """The journal as far as it goes; empty before it begins."""
        text = self.nonroot("cat", "/home/logs/journal.jsonl").stdout
        return [json.loads(line) for line in text.split("\n") if line.endswith("}")]

    def wait_for(self, kind: str, seconds: float = 60, count: int = 1) -> list[dict[str, Any]]:
        """The journal, once it holds so many events of a kind."""

        def enough() -> list[dict[str, Any]] | None:
            found = self.events()
            return found if sum(event["type"] == kind for event in found) >= count else None

        return until(enough, seconds, f"{count} x {kind} in the journal")

    def processes(self, begin: str = "", user: str = "nonroot") -> dict[int, str]:
        """Command lines by process id inside the container, of one user, that begin so."""
        listing = self.root("ps", "-eo", "user=,pid=,args=")
        rows = [line.split(maxsplit=2) for line in listing.splitlines()]
        return {
            int(pid): args for owner, pid, args in rows if owner == user and args.startswith(begin)
        }

    def signal(self, name: str, begin: str, user: str = "nonroot") -> None:
        """Sends a signal to the one process whose command line begins so."""
        (pid,) = self.processes(begin, user)
        self.root("kill", f"-{name}", pid)

    def copy_out(self, dest: Path) -> Results:
        """Fetches the three folders as archives, like the benchmark's `get_archive`, also of a
        stopped container.
        """
        for name in FOLDERS:
            archive = dest / f"{name}.tar"
            archive.parent.mkdir(parents=True, exist_ok=True)
            with archive.open("wb") as file:
                subprocess.run(
                    ["docker", "cp", f"{self.id}:/home/{name}", "-"],
                    stdout=file,
                    check=True,
                    timeout=120,
                )
            with tarfile.open(archive) as tar:
                odd = [member.name for member in tar if not (member.isfile() or member.isdir())]
            assert odd == [], f"not real files: {odd}"
            subprocess.run(["tar", "-xf", archive, "-C", dest, "--no-same-owner"], check=True)
        return Results(dest)


@dataclass(frozen=True)
class Results:
    """The three folders of a run on the host."""

    out: Path

    @property
    def submission(self) -> Path:
        return self.out / "submission" / "submission.csv"

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "logs" / "run.json").read_text())
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.out / "logs" / "journal.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line.endswith("}")]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def grade(self, prepared: Path) -> float:
        """The private score, by the command that a user would type."""
        command = [
            sys.executable,
            "-m",
            "benchmark",
            "grade",
            COMPETITION,
            str(self.submission),
            "--json",
        ]
        words = ["--dest", str(prepared.parent.parent)]
        done = subprocess.run(
            [*command, *words], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return float(json.loads(done.stdout)["score"])


def first_program_s(events: Sequence[dict[str, Any]], since: float) -> float:
    """Seconds from `since` (epoch) to the moment at which the first candidate program began to run."""
    runs = [(event["t"], event["outcome"]) for event in events if event["type"] == "probe"]
    runs += [
        (event["t"], event["result"]["outcome"]) for event in events if event["type"] == "fold"
    ]
    return min(end - outcome["duration_s"] for end, outcome in runs) - since


if __name__ == "__main__":
    note(build_s=build(IMAGE, ROOT))
