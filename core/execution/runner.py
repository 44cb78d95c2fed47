"""Runs a job: lease, folder, box, outcome. What is and is not covered: docs/box.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from core.execution import program_output
from core.execution.box import Box, BoxCommand, BoxLimits
from core.execution.environment import candidate_environment
from core.execution.folders import find_submission, job_folder, make_folder, remove_folder
from core.execution.leases import Lease, LeasePool, gpus_wanted
from core.execution.supervised import BoxResult
from core.protocols import Clock
from core.records import Job, KilledFor, Outcome, View
from utils.errors import WorkerError
from utils.files import write_atomic


class WeightsFolder(Protocol):
    """Pretrained weights. folder: links to them, None without any. readable: where they point."""

    @property
    def folder(self) -> Path | None: ...

    @property
    def readable(self) -> Sequence[Path]: ...


class BoxRunner:
    """Implements core.protocols.Runner. Safe to call from several threads, one job per proposal and
    view at a time.

    limits: of one candidate. weights, deadline (end of the run, epoch seconds) are asked again for
    each job. The agent must be a subreaper (utils.process.become_subreaper), or orphans of a killed
    supervisor get away.
    """

    def __init__(
        self,
        box: Box,
        log_dir: Path,
        leases: LeasePool,
        limits: BoxLimits,
        weights: Callable[[], WeightsFolder],
        clock: Clock,
        deadline: Callable[[], float],
    ) -> None:
        self._logs = log_dir / "runs"
        self._box = dataclasses.replace(box, log=self._logs / "supervisor.log")
        self._leases = leases
        self._limits = limits
        self._weights = weights
        self._clock = clock
        self._deadline = deadline

    def run(self, job: Job) -> Outcome:
        """Raises WorkerError when the box itself does not work, OSError when the workspace cannot
        be written.
        """
        lease = self._leases.acquire(gpus_wanted(job.program), self._box.stop)
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
        remove_folder(job_folder(self._box.workspace, job))

    def _run(self, job: Job, lease: Lease) -> Outcome:
        now = self._clock()
        deadline = min(now + job.limit_s, self._deadline())
        if deadline <= now:
            return self._not_run("deadline")
        folder = job_folder(self._box.workspace, job)
        make_folder(folder, job)
        weights = self._weights()
        command = BoxCommand(
            folder=folder,
            arguments=("solution.py",),
            environ=candidate_environment(
                self._box.environ, job, lease, folder, weights.folder, deadline
            ),
            limit_s=deadline - now,
            limits=self._limits,
            readable=_readable(job.view, weights),
            cpus=lease.cpus,
        )
        self._logs.mkdir(parents=True, exist_ok=True)
        result = self._box.run(command)
        if result.problem:
            raise WorkerError(f"a candidate could not be started: {result.problem}")
        return self._outcome(job, folder, result)

    def _outcome(self, job: Job, folder: Path, result: BoxResult) -> Outcome:
        log = self._logs / f"{job.key}.log"
        write_atomic(log, result.text)
        return Outcome(
            exit_code=result.exit_code,
            signal=result.signal,
            timed_out=self._timed_out(result.killed_for),
            duration_s=result.duration_s,
            cpu_s=result.cpu_s,
            peak_rss_mb=result.peak_mb,
            error=program_output.classify(
                result.text, result.exit_code, result.signal, result.killed_for
            ),
            tail=program_output.last_bytes(result.text, program_output.TAIL_BYTES),
            killed_for=result.killed_for,
            submission=find_submission(folder),
            log=str(log),
        )

    def _timed_out(self, killed_for: KilledFor | None) -> bool:
        return killed_for == "deadline" or (
            killed_for == "stop" and self._box.stop.reason == "deadline"
        )

    def _not_run(self, why: KilledFor) -> Outcome:
        """The outcome of a job whose turn never came."""
        error = program_output.classify("", None, None, why)
        return Outcome(None, None, self._timed_out(why), 0.0, 0.0, 0.0, error, "", killed_for=why)


def _readable(view: View, weights: WeightsFolder) -> tuple[Path, ...]:
    """What a candidate may open besides its folder and the interpreter."""
    own = (Path(view.path), *map(Path, view.readable))
    if weights.folder is None:
        return own
    return (*own, weights.folder, *weights.readable)
