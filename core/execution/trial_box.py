"""Runs a short program of the harness in the same box as candidates."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.execution import output
from core.execution.box import candidate_user
from core.execution.environment import allowed
from core.execution.leases import thread_variables
from core.execution.rules import landlock_rules
from core.execution.runner import interpreter_folders
from core.execution.stop import StopSignal
from core.execution.supervised import SupervisorJob, supervise
from core.records import BoxFacts

REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class TrialBox:
    """Where such programs run (see core.execution.runner.BoxRunner for the fields).

    limit_s: wall seconds of one program. memory_mb: MiB of one program.
    """

    workspace: Path
    protected: tuple[Path, ...]
    environ: Mapping[str, str]
    box: BoxFacts
    stop: StopSignal
    interpreter: str
    memory_mb: int = 8192
    limit_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one kind of program may use besides time and memory. Sizes are MiB; poll_s: seconds
    between two looks.
    """

    poll_s: float
    processes: int
    disk_mb: int
    file_mb: int
    nice: int = 0


@contextlib.contextmanager
def folder_in(box: TrialBox, name: str) -> Iterator[Path]:
    """A folder for one program, which is gone afterwards. Raises OSError when the workspace cannot
    be written.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=box.workspace))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_in_box(
    box: TrialBox,
    folder: Path,
    program: str,
    allowance: Allowance,
    readable: tuple[Path, ...] = (),
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """The supervisor's result (see core.execution.supervised.supervise) of the file `program` of
    `folder`.

    readable: what it may open besides its folder and the interpreter. variables: added to its
    environment. Raises WorkerError when the box itself does not work.
    """
    job = _job(box, folder, program, allowance, readable)
    return supervise(
        job, {**_environ(box, folder), **(variables or {})}, box.stop, Path(os.devnull)
    )


def printed(result: Mapping[str, Any]) -> str:
    """What the program wrote, without what a terminal would act on."""
    return output.clean(output.join_log(result["head"], result["tail"], result["dropped"]))


def failure_of(result: dict[str, Any] | None) -> str:
    """How a run ended that did not end well, in at most REASON_CHARS characters; "" for a good end."""
    if result is None or "error" in result:
        return "its supervisor was lost" if result is None else str(result["error"])[:REASON_CHARS]
    error = output.classify(
        printed(result), result["exit_code"], result["signal"], result["killed_for"]
    )
    return "" if error is None else f"{error.type}: {error.message}"[:REASON_CHARS]


def _job(
    box: TrialBox, folder: Path, program: str, allowance: Allowance, readable: tuple[Path, ...]
) -> SupervisorJob:
    user = candidate_user() if box.box.user_switch else None
    if user is not None:
        os.chown(folder, *user)
    opened = (*readable, *interpreter_folders(), Path(box.interpreter).parent.parent)
    return SupervisorJob(
        argv=(box.interpreter, program),
        cwd=str(folder),
        limit_s=box.limit_s,
        poll_s=allowance.poll_s,
        memory_mb=box.memory_mb,
        processes=allowance.processes,
        disk_mb=allowance.disk_mb,
        file_mb=allowance.file_mb,
        nice=allowance.nice,
        uid=user[0] if user else None,
        gid=user[1] if user else None,
        landlock=landlock_rules((*box.protected, box.workspace), opened, folder)
        if box.box.landlock
        else None,
    )


def _environ(box: TrialBox, folder: Path) -> dict[str, str]:
    homes = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"), str(folder))
    return {
        **allowed(box.environ),
        **thread_variables(1),
        **homes,
        "CUDA_VISIBLE_DEVICES": "",
        "USER": "candidate",
    }
