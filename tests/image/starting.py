"""start.sh as a real process: in a folder with an adapter of the test's own and a conda that knows
one environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASH = "/bin/bash"
LIMIT_S = 30.0
PRINTABLE = frozenset(b"\t\n" + bytes(range(0x20, 0x7F)))

CONDA = """#!/bin/bash
# Knows `shell.bash hook` and the environment `agent`, which is the Python of the tests.
[ "$*" = "shell.bash hook" ] || exit 1
cat <<'HOOK'
conda() {
    [ "$1 $2" = "activate agent" ] || { echo "EnvironmentNameNotFound: $2" >&2; return 1; }
    PATH="@BIN@:$PATH"
}
HOOK
"""

# Notes its words, then does what the test wants. `starts` counts the runs so far, this one
# included.
ADAPTER = """import json, os, signal, subprocess, sys, time
from pathlib import Path
place = Path(__file__).parent
with open(place / "starts.jsonl", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
starts = len((place / "starts.jsonl").read_text().splitlines())
out = sys.stdout.buffer
"""


@dataclass(frozen=True)
class Ran:
    code: int
    output: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.output.decode("ascii")


@dataclass(frozen=True)
class Place:
    """The folders of one start.sh: agent, submission, logs, code, data."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> bytes:
        return (self.root / "logs" / "adapter.log").read_bytes()

    @property
    def starts(self) -> list[list[str]]:
        """The words of each start of the adapter."""
        path = self.root / "agent" / "starts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def adapter(self, code: str) -> None:
        (self.root / "agent" / "run_mle_adapter.py").write_text(ADAPTER + code)

    def start(
        self, *words: str | bytes, shell: tuple[str, ...] = (BASH,), **environ: str
    ) -> subprocess.Popen[bytes]:
        """Starts it in a session of its own; both streams come in one pipe, as the benchmark reads
        them.
        """
        return subprocess.Popen(
            [*shell, str(ROOT / "start.sh"), *words],
            cwd="/",
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Whoever runs the tests in the background ignores SIGINT, and bash cannot trap what it
            # inherits as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *words: str | bytes, shell: tuple[str, ...] = (BASH,), **environ: str) -> Ran:
        return finish(self.start(*words, shell=shell, **environ))


def finish(process: subprocess.Popen[bytes]) -> Ran:
    begin = time.monotonic()
    try:
        output, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        raise AssertionError(
            f"start.sh was not done after {LIMIT_S} s: {output[-2000:]!r}"
        ) from None
    return Ran(process.returncode, output, time.monotonic() - begin)


def make_place(root: Path) -> Place:
    for name in ("agent", "bin", "data"):
        (root / name).mkdir()
    conda = root / "bin" / "conda"
    conda.write_text(CONDA.replace("@BIN@", str(Path(sys.executable).parent)))
    conda.chmod(0o755)
    (root / "agent" / "utils").symlink_to(ROOT / "utils")
    folders = {
        f"{name.upper()}_DIR": str(root / name)
        for name in ("agent", "submission", "logs", "code", "data")
    }
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    place = Place(
        root, {"PATH": path, "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1", **folders}
    )
    place.adapter("")
    return place


def wait_for(condition: Callable[[], object], what: str, seconds: float = LIMIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
