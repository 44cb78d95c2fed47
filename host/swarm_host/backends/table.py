"""Which backends there are, by name, each made when it is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from swarm_host.protocols import Backend, Clock
from swarm_host.words.names import known_name


class Backends:
    """A backend by its name. Any thread may ask; each is made once, with the libraries it needs."""

    def __init__(self, runs: Path, environ: Mapping[str, str], clock: Clock = time.time) -> None:
        """runs: the folder of runs; what another one started is not touched. environ: of this side."""
        self._runs = runs.absolute()
        self._environ = environ
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, Backend] = {}

    def __call__(self, name: str) -> Backend:
        """Raises UnknownName."""
        known_name(name, MAKERS, "backend")
        with self._lock:
            if name not in self._made:
                self._made[name] = MAKERS[name](self._runs, self._environ, self._clock)
            return self._made[name]


def _docker(runs: Path, environ: Mapping[str, str], clock: Clock) -> Backend:
    from swarm_host.backends.docker.backend import DockerBackend

    return DockerBackend(environ, clock, str(runs))


def _local(runs: Path, environ: Mapping[str, str], clock: Clock) -> Backend:
    from swarm_host.backends.local.backend import LocalBackend

    return LocalBackend(runs, environ)


def _modal(runs: Path, environ: Mapping[str, str], clock: Clock) -> Backend:
    from swarm_host.backends.modal.backend import ModalBackend

    return ModalBackend(environ, clock, str(runs))


def _daytona(runs: Path, environ: Mapping[str, str], clock: Clock) -> Backend:
    from swarm_host.backends.daytona.backend import DaytonaBackend

    return DaytonaBackend(environ, clock, str(runs))


MAKERS: Mapping[str, Callable[[Path, Mapping[str, str], Clock], Backend]] = {
    "docker": _docker,
    "local": _local,
    "modal": _modal,
    "daytona": _daytona,
}
