"""What a unit's private folder holds, and how the client and the supervisor write to it.

The folder is <runs>/.swarm/local/<unit>-<attempt>/, mode 0700. Whoever comes later, also after a
crash, learns everything from these files.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swarm_host.words.places import STATE_FOLDER

# Written by the client before anything starts.
JOB = "job.json"
# Held by the one supervisor that may start the agent.
LOCK = "lock"
# The supervisor's own identity, written before the agent is started.
BEGUN = "begun.json"
# The agent's identity.
AGENT = "agent.json"
# How it ended. The last file that is written.
ENDED = "ended.json"
# The client's wish that it ends.
STOP = "stop.json"
# What the supervisor itself has to complain about.
COMPLAINTS = "supervisor.log"
# The agent's current folder.
WORK = "work"
# Raw output, by stream.
RAW = {"stdout": "stdout.raw", "stderr": "stderr.raw"}

# A record that must also be written on a full disk takes its place before.
_RESERVED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class LocalJob:
    """What the supervisor reads: everything but the variables, which may hold secrets."""

    # <unit>-<attempt>.
    name: str
    # Unit, group and number of the attempt, by which a client finds what it started.
    unit: str
    # See unit.
    group: str
    # See unit.
    attempt: int
    # Program and arguments.
    argv: tuple[str, ...]
    # Seconds after which the supervisor ends the agent by itself, should no client do it.
    limit_s: float
    # Seconds from TERM to KILL.
    grace_s: float
    # Of each stream; more is left out, but for the end.
    log_bytes: int
    # Value of the variable MARK in the agent's environment.
    mark: str
    # Bytes of address space of each process; None without a limit.
    memory: int | None
    # Paths by right (core.execution.rules); None without Landlock.
    landlock: dict[str, list[str]] | None


# Variable by which stray processes of a unit are found.
MARK = "SWARM_HOST_MARK"


def state_folder(runs: Path) -> Path:
    """Where the private folders of all units lie."""
    return runs / STATE_FOLDER / "local"


def read_job(folder: Path) -> LocalJob:
    """Raises OSError, ValueError, TypeError when there is no whole job."""
    fields = json.loads((folder / JOB).read_bytes())
    return LocalJob(**{**fields, "argv": tuple(fields["argv"])})


def write_job(folder: Path, job: LocalJob) -> None:
    write_json(folder / JOB, asdict(job))


def read_json(path: Path) -> dict[str, Any] | None:
    """None when the file is not there or not whole."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all, for the owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _private(draft) as file:
        file.write(json.dumps(value).encode())
    draft.replace(path)


def reserve(path: Path) -> Path:
    """Takes the place for `write_reserved`; returns the draft that it fills."""
    draft = path.with_name(f".{path.name}.reserved")
    with _private(draft) as file:
        file.write(b" " * _RESERVED_BYTES)
    return draft


def write_reserved(draft: Path, path: Path, value: Any) -> None:
    """Needs no room on the disk: the draft has it already."""
    data = json.dumps(value).encode()
    with draft.open("r+b") as file:
        file.write(data)
        file.truncate(len(data))
    draft.replace(path)


def _private(path: Path) -> Any:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")
