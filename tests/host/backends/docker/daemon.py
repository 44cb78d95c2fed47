"""A real daemon for tests, and what waits for it. The scripts of this repository start it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.records import Ending, Handle, UnitSpec

from tests.host.backends.docker.units import KeptSink
from tests.host.waiting import until

ROOT = Path(__file__).resolve().parents[4]
BASE = "mlebench-env"
# What scripts/base_image.sh makes the base of.
SMALL = "swarm-evo/bookworm"
WAIT_S = 120.0


def docker(*words: object, environ: Mapping[str, str] = os.environ, stdin: bytes = b"") -> str:
    """Standard output of a docker command; fails with what it said."""
    done = subprocess.run(
        ["docker", *map(str, words)],
        input=stdin,
        capture_output=True,
        timeout=300,
        env=dict(environ),
    )
    assert done.returncode == 0, f"docker {words}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout.decode(errors="replace")


def answers(environ: Mapping[str, str] = os.environ) -> bool:
    try:
        done = subprocess.run(
            ["docker", "version"], capture_output=True, timeout=60, env=dict(environ)
        )
    except OSError:
        return False
    return done.returncode == 0


def has_image(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def docker_is_ready() -> None:
    """Skips the test where it cannot be run."""
    if not answers():
        pytest.skip("NOT RUN: no docker daemon answers (scripts/dockerd.sh start)")
    if not has_image(BASE) or not has_image(SMALL):
        pytest.skip(f"NOT RUN: there is no image {BASE} (scripts/base_image.sh)")


@dataclass
class Running:
    """A started unit with a follower beside it."""

    backend: DockerBackend
    unit: UnitSpec
    handle: Handle
    sink: KeptSink
    thread: threading.Thread
    stop: threading.Event
    errors: list[Exception]

    def says(self, text: str) -> None:
        """Waits until the agent has printed this."""
        until(lambda: self.errors or text in self.sink.text("stdout"), f"the agent to say {text!r}")
        assert not self.errors

    def ended(self) -> Ending:
        """Waits for the end of the output, and asks how it ended."""
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
        assert not self.errors
        ending = self.backend.poll(self.handle)
        assert ending is not None
        return ending


@contextmanager
def running(backend: DockerBackend, unit: UnitSpec, attempt: int = 1) -> Iterator[Running]:
    """Starts a unit and follows it; removes its container."""
    handle = backend.start(unit, attempt)
    sink, stop, errors = KeptSink(), threading.Event(), list[Exception]()

    def follow() -> None:
        try:
            backend.follow(handle, sink, stop)
        except Exception as error:  # noqa: BLE001 (the test asks for it)
            errors.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield Running(backend, unit, handle, sink, thread, stop, errors)
    finally:
        stop.set()
        thread.join(WAIT_S)
        if answers(backend.environ):
            backend.remove(handle)


@dataclass
class OwnDaemon:
    """A daemon that a test may stop and kill."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        socket = f"unix://{self.folder}/docker.sock"
        return {**os.environ, "DOCKER_HOST": socket, "SWARM_DOCKERD": str(self.folder)}

    def start(self) -> None:
        self._script("start")

    def stop(self) -> None:
        self._script("stop")

    def kill(self) -> None:
        """As if the machine's administrator, or the kernel for want of memory, ended it."""
        pid = int((self.folder / "dockerd.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists(), "the daemon to be gone")

    def remove(self) -> None:
        """Stops it, and leaves nothing of it. One that was killed has left its data mounted."""
        self.stop()
        while subprocess.run(["umount", self.folder / "data"], capture_output=True).returncode == 0:
            pass
        shutil.rmtree(self.folder)

    def _script(self, verb: str) -> None:
        done = subprocess.run(
            ["bash", str(ROOT / "scripts" / "dockerd.sh"), verb],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
