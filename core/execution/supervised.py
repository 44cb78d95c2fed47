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

from core.execution.stop import StopSignal
from utils.errors import WorkerError
from utils.process import CHILDREN

_SCRIPT = Path(__file__).with_name("supervisor.py")
_GRACE_S = 15.0
_SWEEPS = 200


@dataclass(frozen=True, slots=True)
class SupervisorJob:
    """What the supervisor reads. Sizes are MiB.

    cpus: ids for the affinity, () for all. landlock: rules (see rules.py) or None. uid, gid: None
    keeps the user.
    """

    argv: tuple[str, ...]
    cwd: str
    limit_s: float
    poll_s: float
    memory_mb: int
    processes: int
    disk_mb: int
    file_mb: int
    cpus: tuple[int, ...] = ()
    nice: int = 0
    uid: int | None = None
    gid: int | None = None
    landlock: dict[str, list[str]] | None = None


def supervise(
    job: SupervisorJob, environ: Mapping[str, str], stop: StopSignal, log: Path
) -> dict[str, Any] | None:
    """The supervisor's result; None when it was killed (then what the candidate left is ended,
    too).

    log: takes what the supervisor itself has to complain about. Returns within a second after
    `stop`. A result with the key `error` says that the candidate could not be started. Raises
    WorkerError when the supervisor failed by itself.
    """
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
    try:
        raw = _converse(
            process, json.dumps(asdict(job)).encode() + b"\n", job.limit_s + _GRACE_S, stop
        )
    finally:
        lost = _end(process)
    try:
        result: dict[str, Any] = json.loads(raw)
    except ValueError:
        if not lost:
            raise WorkerError(
                f"the supervisor failed (exit {process.returncode}), see {log}"
            ) from None
        _sweep()
        return None
    return result


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
    """Ends orphans until none comes up any more: killing one hands its own children to the agent."""
    for _ in range(_SWEEPS):
        if not CHILDREN.kill_strays():
            return
