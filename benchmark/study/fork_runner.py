"""A runner for programs of our own: the same folders and variables as in the box, without its start
and its guards.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmark.study.fork_server import OUTPUT
from core.execution import program_output
from core.execution.environment import candidate_environment, inherited
from core.execution.folders import find_submission, job_folder, make_folder, remove_folder
from core.execution.leases import Lease, LeasePool, thread_variables
from core.execution.stop import StopSignal
from core.protocols import Clock
from core.records import Job, Outcome
from utils.process import WorkerProcess

_GRACE_S = 30.0


class ForkRunner:
    """Implements core.protocols.Runner; one job per worker at a time, each pinned to its share of
    `cpus`.

    A duration is that of the fork and of the imports, which a program in the box would pay itself.
    All jobs have the same seed: it is the hash seed of the interpreter that they are forks of.
    """

    def __init__(
        self,
        workspace: Path,
        log: Path,
        cpus: Sequence[int],
        workers: int,
        modules: Iterable[str],
        seed: int,
        stop: StopSignal,
        clock: Clock,
    ) -> None:
        """modules: what the programs import."""
        self._workspace = workspace
        self._leases = LeasePool(cpus, workers)
        self._modules = sorted(modules)
        self._stop = stop
        self._clock = clock
        self._environ = inherited()
        own = (
            self._environ | thread_variables(self._leases.cpus_each) | {"PYTHONHASHSEED": str(seed)}
        )
        self._servers = [_Server(log, own, stop) for _ in range(self._leases.size)]

    def run(self, job: Job) -> Outcome:
        """Raises WorkerError when a server fails, Interrupted when the stop signal is set."""
        lease = self._leases.acquire(0, self._stop)
        if lease is None:
            return Outcome(None, None, False, 0.0, 0.0, 0.0, None, "", killed_for="stop")
        try:
            return self._run(job, lease)
        finally:
            self._leases.release(lease)

    def release(self, job: Job) -> None:
        remove_folder(job_folder(self._workspace, job))

    def close(self) -> None:
        for server in self._servers:
            server.worker.close()

    def _run(self, job: Job, lease: Lease) -> Outcome:
        server = self._servers[lease.slot]
        start_s = server.ready(self._modules)
        folder = job_folder(self._workspace, job)
        make_folder(folder, job)
        environ = candidate_environment(
            self._environ, job, lease, folder, None, self._clock() + job.limit_s
        )
        ended = server.worker.call(
            "run",
            timeout=job.limit_s + _GRACE_S,
            folder=str(folder),
            environ=environ,
            cpus=list(lease.cpus),
            limit_s=job.limit_s,
        )
        return _outcome(ended, folder, start_s)


class _Server:
    """One process to fork from, made ready at its first job and again after a death."""

    def __init__(self, log: Path, environ: dict[str, str], stop: StopSignal) -> None:
        self.worker = WorkerProcess(
            "benchmark.study.fork_server", log=log, env=environ, stop=stop.fileno()
        )
        self._start_s: float | None = None

    def ready(self, modules: Sequence[str]) -> float:
        """Seconds of the imports, as they were the first time."""
        seconds: float = self.worker.call("preload", modules=list(modules))
        if self._start_s is None:
            self._start_s = seconds
        return self._start_s


def imported_modules(programs: Iterable[str]) -> set[str]:
    """Dotted names of everything that the programs import."""
    found: set[str] = set()
    for program in programs:
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return found


def _outcome(ended: dict[str, Any], folder: Path, start_s: float) -> Outcome:
    text = program_output.clean(
        (folder / OUTPUT).read_text(encoding="utf-8", errors="replace")[-program_output.LOG_BYTES :]
    )
    killed_for = ended["killed_for"]
    return Outcome(
        exit_code=ended["exit_code"],
        signal=ended["signal"],
        timed_out=killed_for == "deadline",
        duration_s=ended["duration_s"] + start_s,
        cpu_s=ended["cpu_s"] + start_s,
        peak_rss_mb=ended["peak_mb"],
        error=program_output.classify(text, ended["exit_code"], ended["signal"], killed_for),
        tail=program_output.last_bytes(text, program_output.TAIL_BYTES),
        killed_for=killed_for,
        submission=find_submission(folder),
    )
