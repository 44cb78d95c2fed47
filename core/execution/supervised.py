"""The agent's side of a supervisor: starts it, waits for its result, and cleans up when it was
killed.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.execution import program_output
from core.execution.stop import StopSignal
from core.records import KilledFor
from utils.errors import WorkerError
from utils.process import CHILDREN

_SCRIPT = Path(__file__).with_name("supervisor.py")
_GRACE_S = 15.0
_SWEEPS = 200


@dataclass(frozen=True, slots=True)
class SupervisorJob:
    """What the supervisor reads. Sizes are MiB."""

    # The command.
    argv: tuple[str, ...]
    # The folder that the program starts in, and whose size is watched.
    cwd: str
    # Wall seconds.
    limit_s: float
    # Seconds between two looks at memory, processes and folder.
    poll_s: float
    # Over the process tree.
    memory_mb: int
    # At once.
    processes: int
    # In `cwd`.
    disk_mb: int
    # Of one file.
    file_mb: int
    # Ids for the affinity; () for all.
    cpus: tuple[int, ...] = ()
    # 0 to 19.
    nice: int = 0
    # None keeps the user.
    uid: int | None = None
    # Group of that user.
    gid: int | None = None
    # Paths by right (see rules.py); None without Landlock.
    landlock: dict[str, list[str]] | None = None


@dataclass(frozen=True, slots=True)
class BoxResult:
    """How a program ended in the box. text: what it printed, without what a terminal would act on.

    problem: why it could not be started; then nothing else is known. killed_for supervisor_lost:
    only its duration is known.
    """

    exit_code: int | None = None
    signal: int | None = None
    killed_for: KilledFor | None = None
    duration_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    text: str = ""
    problem: str = ""


def supervise(
    job: SupervisorJob, environ: Mapping[str, str], stop: StopSignal, log: Path
) -> BoxResult:
    """Runs a job under a supervisor. When that was killed, what the candidate left is ended, too.

    log: takes what the supervisor itself has to complain about. Returns within a second after
    `stop`. Raises WorkerError when the supervisor failed by itself.
    """
    begin = time.monotonic()
    with log.open("ab") as errors:
        process = CHILDREN.spawn(
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=dict(environ),
            cwd="/",
            start_new_session=True,
        )
    line = json.dumps(asdict(job)).encode() + b"\n"
    try:
        raw = _converse(process, line, job.limit_s + _GRACE_S, stop)
    finally:
        lost = _end(process)
    try:
        return _result(json.loads(raw))
    except ValueError:
        if not lost:
            raise WorkerError(
                f"the supervisor failed (exit {process.returncode}), see {log}"
            ) from None
    _sweep()
    return BoxResult(killed_for="supervisor_lost", duration_s=time.monotonic() - begin)


def _result(answer: dict[str, Any]) -> BoxResult:
    if "error" in answer:
        return BoxResult(problem=str(answer["error"]))
    return BoxResult(
        exit_code=answer["exit_code"],
        signal=answer["signal"],
        killed_for=answer["killed_for"],
        duration_s=answer["duration_s"],
        cpu_s=answer["cpu_s"],
        peak_mb=answer["peak_mb"],
        text=program_output.clean(
            program_output.join_log(answer["head"], answer["tail"], answer["dropped"])
        ),
    )


def _converse(
    process: subprocess.Popen[bytes], job: bytes, patience_s: float, stop: StopSignal
) -> bytes:
    """Everything that the supervisor says until it closes its output, or until patience ends."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(job)
        process.stdin.flush()
    chunks: list[bytes] = []
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    poll.register(stop, select.POLLIN)
    end = time.monotonic() + patience_s
    while (left := end - time.monotonic()) > 0:
        ready = {handle for handle, _ in poll.poll(left * 1000)}
        if stop.fileno() in ready:
            poll.unregister(stop)
            process.stdin.close()
            end = min(end, time.monotonic() + _GRACE_S)
        if process.stdout.fileno() in ready:
            data = process.stdout.read1()  # type: ignore[attr-defined]
            if not data:
                break
            chunks.append(data)
    return b"".join(chunks)


def _end(process: subprocess.Popen[bytes]) -> bool:
    """Waits for the supervisor, by force if need be; True when a signal ended it."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    CHILDREN.forget(process)
    return process.returncode < 0


def _sweep() -> None:
    """Ends orphans until none comes up: killing one hands its own children to the agent."""
    for _ in range(_SWEEPS):
        if not CHILDREN.kill_strays():
            return
