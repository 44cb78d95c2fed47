"""Which parts of the box work on this machine, found out with real children."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

from core.execution.box import USER, Box, BoxCommand, BoxLimits, candidate_user
from core.execution.environment import allowed
from core.execution.stop import StopSignal
from core.records import BoxFacts

_TRIAL_S = 30.0
_LIMITS = BoxLimits(memory_mb=1024, processes=16, disk_mb=64, file_mb=64, nice=0)
_NETWORK = Path("/sys/class/net")
# Starts like a candidate: own folder writable, interpreter and packages there, each folder to be
# read readable.
_TRIAL = """
import os, sys
open("written", "w").close()
for folder in sys.argv[1:]:
    os.listdir(folder)
"""


def detect(
    workspace: Path,
    protected: Sequence[Path],
    readable: Sequence[Path],
    environ: Mapping[str, str],
    interpreter: str = sys.executable,
) -> BoxFacts:
    """Tries each part with a child in `workspace`, which must be writable.

    readable: folders that candidates will read inside the protected ones (the views). Raises
    OSError, WorkerError.
    """
    notes: list[str] = []
    landlock = user_switch = False
    with closing(StopSignal()) as stop:
        box = Box(workspace, tuple(protected), environ, BoxFacts(True, False), stop, interpreter)
        if why := _failure(box, tuple(readable)):
            notes.append(f"Landlock: {why}")
        else:
            landlock = True
        box = replace(box, facts=BoxFacts(landlock, True))
        if why := _no_switch() or _failed_switch(box, tuple(readable)):
            notes.append(f"user switch: {why}")
        else:
            user_switch = True
    return BoxFacts(landlock, user_switch, network(), tuple(notes))


def network(interfaces: Path = _NETWORK) -> Literal["shared", "none"]:
    """none: there is no interface but the loopback."""
    try:
        names = {path.name for path in interfaces.iterdir()}
    except OSError:
        return "shared"
    return "shared" if names - {"lo"} else "none"


def _no_switch() -> str:
    """Why nobody can switch to the user of candidates; "" where that may work."""
    if os.geteuid() != 0:
        return "the agent is not root"
    try:
        candidate_user()
    except KeyError:
        return f"there is no user {USER}"
    return ""


def _failed_switch(box: Box, readable: tuple[Path, ...]) -> str:
    """As `_failure`. Root may lack the capability to give files away: in a container that drops it,
    or in a box.
    """
    try:
        return _failure(box, readable)
    except PermissionError as error:
        return str(error)


def _failure(box: Box, readable: tuple[Path, ...]) -> str:
    """Why a small program did not come through in a box; "" when it did."""
    needed = [str(path) for path in readable]
    if box.interpreter == sys.executable:
        needed += filter(os.path.isdir, site.getsitepackages())
    with box.folder("trial") as folder:
        arguments = ("-c", _TRIAL, *needed)
        environ = allowed(box.environ)
        result = box.run(BoxCommand(folder, arguments, environ, _TRIAL_S, _LIMITS, readable))
    if result.killed_for == "supervisor_lost":
        return "the trial's supervisor was killed"
    if result.problem:
        return result.problem
    if result.exit_code == 0:
        return ""
    lines = result.text.strip().splitlines() or [f"ended by signal {result.signal}"]
    return lines[-1]
