"""Runs a job: folder, lease, supervisor, outcome. What is and is not covered: docs/decisions and
supervisor.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.execution import output
from core.execution.box import candidate_user
from core.execution.environment import candidate_environment
from core.execution.folders import find_submission, job_folder, make_folder, remove_folder
from core.execution.leases import Lease, LeasePool, gpus_wanted
from core.execution.rules import landlock_rules
from core.execution.stop import StopSignal
from core.execution.supervised import SupervisorJob, supervise
from core.protocols import Clock
from core.records import BoxFacts, Job, KilledFor, Outcome
from utils.errors import WorkerError
from utils.files import write_atomic


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """Limits of one candidate. memory_mb: MiB over its process tree. processes: at once. disk_mb:
    MiB in its folder.

    file_mb: MiB of one file. poll_s: seconds between two looks at memory, processes and folder.
    nice: 0 to 19; the supervisor shares the CPUs with hundreds of processes of a fork bomb, and
    must come first.
    """

    memory_mb: int = 8192
    processes: int = 256
    disk_mb: int = 20_000
    file_mb: int = 10_000
    poll_s: float = 0.2
    nice: int = 19


class WeightsFolder(Protocol):
    """Pretrained weights. folder: links to them, None without any. readable: where the links point."""

    @property
    def folder(self) -> Path | None: ...

    @property
    def readable(self) -> Sequence[Path]: ...


class BoxRunner:
    """Implements core.protocols.Runner. Safe to call from several threads, one job per proposal and
    view at a time.

    protected: folders that candidates may not open (the view apart). environ: the agent's
    environment, of which an allow-list is passed on. weights, deadline (end of the run, epoch
    seconds) are asked again for each job. The agent must be a subreaper
    (utils.process.become_subreaper), or orphans of a killed supervisor get away.
    """

    def __init__(
        self,
        workspace: Path,
        log_dir: Path,
        protected: tuple[Path, ...],
        leases: LeasePool,
        stop: StopSignal,
        limits: BoxLimits,
        weights: Callable[[], WeightsFolder],
        clock: Clock,
        environ: Mapping[str, str],
        box: BoxFacts,
        deadline: Callable[[], float],
        interpreter: str = sys.executable,
    ) -> None:
        self._workspace = workspace
        self._logs = log_dir / "runs"
        self._protected = protected
        self._leases = leases
        self._stop = stop
        self._limits = limits
        self._weights = weights
        self._clock = clock
        self._environ = environ
        self._box = box
        self._deadline = deadline
        self._interpreter = interpreter

    def run(self, job: Job) -> Outcome:
        """Raises WorkerError when the box itself does not work, OSError when the workspace cannot
        be written.
        """
        lease = self._leases.acquire(gpus_wanted(job.program), self._stop)
        if lease is None:
            return self._not_run("stop")
        cpu_s = 0.0
        try:
            outcome = self._run(job, lease)
            cpu_s = outcome.cpu_s
            return outcome
        finally:
            self._leases.release(lease, cpu_s)

    def release(self, job: Job) -> None:
        """Removes the job's folder. Raises OSError when something in it cannot be removed."""
        remove_folder(job_folder(self._workspace, job))

    def _run(self, job: Job, lease: Lease) -> Outcome:
        now = self._clock()
        deadline = min(now + job.limit_s, self._deadline())
        if deadline <= now:
            return self._not_run("deadline")
        folder = job_folder(self._workspace, job)
        user = candidate_user() if self._box.user_switch else None
        make_folder(folder, job, user)
        environ = candidate_environment(
            self._environ, job, lease, folder, self._weights().folder, deadline
        )
        self._logs.mkdir(parents=True, exist_ok=True)
        task = self._supervisor_job(job, lease, folder, deadline - now, user)
        begin = self._clock()
        result = supervise(task, environ, self._stop, self._logs / "supervisor.log")
        if result is None:
            result = _lost(self._clock() - begin)
        if "error" in result:
            raise WorkerError(f"a candidate could not be started: {result['error']}")
        return self._outcome(job, folder, result)

    def _supervisor_job(
        self, job: Job, lease: Lease, folder: Path, limit_s: float, user: tuple[int, int] | None
    ) -> SupervisorJob:
        return SupervisorJob(
            argv=(self._interpreter, "solution.py"),
            cwd=str(folder),
            limit_s=limit_s,
            poll_s=self._limits.poll_s,
            memory_mb=self._limits.memory_mb,
            processes=self._limits.processes,
            disk_mb=self._limits.disk_mb,
            file_mb=self._limits.file_mb,
            cpus=lease.cpus,
            nice=self._limits.nice,
            uid=user[0] if user else None,
            gid=user[1] if user else None,
            landlock=self._rules(job, folder) if self._box.landlock else None,
        )

    def _rules(self, job: Job, folder: Path) -> dict[str, list[str]]:
        readable = [
            Path(job.view.path),
            *(Path(path) for path in job.view.readable),
            *interpreter_folders(),
        ]
        weights = self._weights()
        if weights.folder is not None:
            readable += [weights.folder, *weights.readable]
        return landlock_rules((*self._protected, self._workspace), readable, folder)

    def _outcome(self, job: Job, folder: Path, result: dict[str, Any]) -> Outcome:
        text = output.clean(output.join_log(result["head"], result["tail"], result["dropped"]))
        log = self._logs / f"{job.key}.log"
        write_atomic(log, text)
        killed_for: KilledFor | None = result["killed_for"]
        submission = find_submission(folder)
        return Outcome(
            exit_code=result["exit_code"],
            signal=result["signal"],
            timed_out=self._timed_out(killed_for),
            duration_s=result["duration_s"],
            cpu_s=result["cpu_s"],
            peak_rss_mb=result["peak_mb"],
            error=output.classify(text, result["exit_code"], result["signal"], killed_for),
            tail=output.last_bytes(text, output.TAIL_BYTES),
            killed_for=killed_for,
            submission=None if submission is None else str(submission),
            log=str(log),
        )

    def _timed_out(self, killed_for: KilledFor | None) -> bool:
        return killed_for == "deadline" or (
            killed_for == "stop" and self._stop.reason == "deadline"
        )

    def _not_run(self, why: KilledFor) -> Outcome:
        """The outcome of a job whose turn never came."""
        error = output.classify("", None, None, why)
        return Outcome(None, None, self._timed_out(why), 0.0, 0.0, 0.0, error, "", killed_for=why)


def interpreter_folders() -> tuple[Path, ...]:
    """Where the agent's Python lies; a virtual environment may stand inside a protected folder."""
    return tuple({Path(sys.prefix), Path(sys.base_prefix)})


def _lost(duration_s: float) -> dict[str, Any]:
    """What is known when the supervisor was killed."""
    nothing = {
        "exit_code": None,
        "signal": None,
        "cpu_s": 0.0,
        "peak_mb": 0.0,
        "head": "",
        "tail": "",
        "dropped": 0,
    }
    return {**nothing, "killed_for": "supervisor_lost", "duration_s": duration_s}
