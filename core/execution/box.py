"""Which parts of the box work on this machine, found out with real children."""

from __future__ import annotations

import os
import pwd
import shutil
import site
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from core.execution.environment import allowed
from core.execution.rules import landlock_rules
from core.execution.stop import StopSignal
from core.execution.supervised import SupervisorJob, supervise
from core.records import BoxFacts

_USER = "nobody"
_TRIAL_S = 30.0
_NETWORK = Path("/sys/class/net")
# Starts like a candidate: own folder writable, interpreter and packages there, each folder to be
# read readable.
_TRIAL = """
import os, sys
open("written", "w").close()
for folder in sys.argv[1:]:
    os.listdir(folder)
"""


def candidate_user() -> tuple[int, int]:
    """(uid, gid) that candidates drop to. Raises KeyError where the system has no such user."""
    entry = pwd.getpwnam(_USER)
    return entry.pw_uid, entry.pw_gid


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
    trial = _Trial(workspace, environ, interpreter, readable)
    closed = [*protected, workspace]
    landlock = trial.note(notes, "Landlock", closed, None)
    user = _user(notes)
    switch = user is not None and trial.note(
        notes, "user switch", closed if landlock else None, user
    )
    return BoxFacts(landlock, switch, network(), tuple(notes))


def network(interfaces: Path = _NETWORK) -> Literal["shared", "none"]:
    """none: there is no interface but the loopback."""
    try:
        names = {path.name for path in interfaces.iterdir()}
    except OSError:
        return "shared"
    return "shared" if names - {"lo"} else "none"


def _user(notes: list[str]) -> tuple[int, int] | None:
    if os.geteuid() != 0:
        notes.append("user switch: the agent is not root")
        return None
    try:
        return candidate_user()
    except KeyError:
        notes.append(f"user switch: there is no user {_USER}")
        return None


class _Trial:
    """Starts a small program in the box and looks whether it comes through."""

    def __init__(
        self,
        workspace: Path,
        environ: Mapping[str, str],
        interpreter: str,
        readable: Sequence[Path],
    ) -> None:
        self._workspace = workspace
        self._environ = allowed(environ)
        self._interpreter = interpreter
        self._readable = readable

    def note(
        self,
        notes: list[str],
        name: str,
        closed: Sequence[Path] | None,
        user: tuple[int, int] | None,
    ) -> bool:
        """True when it works; else a note says why not. closed: protected folders, None without
        Landlock.
        """
        folder = Path(tempfile.mkdtemp(prefix=".trial-", dir=self._workspace))
        try:
            why = self._run(folder, closed, user)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if why is not None:
            notes.append(f"{name}: {why}")
        return why is None

    def _run(
        self, folder: Path, closed: Sequence[Path] | None, user: tuple[int, int] | None
    ) -> str | None:
        """Why the program did not come through, None when it did."""
        if user is not None:
            os.chown(folder, *user)
        prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
        rules = (
            None if closed is None else landlock_rules(closed, [*self._readable, *prefixes], folder)
        )
        job = SupervisorJob(
            argv=(self._interpreter, "-c", _TRIAL, *self._needed()),
            cwd=str(folder),
            limit_s=_TRIAL_S,
            poll_s=0.2,
            memory_mb=1024,
            processes=16,
            disk_mb=64,
            file_mb=64,
            uid=user[0] if user else None,
            gid=user[1] if user else None,
            landlock=rules,
        )
        stop = StopSignal()
        try:
            result = supervise(job, self._environ, stop, Path(os.devnull))
        finally:
            stop.close()
        if result is None:
            return "the trial's supervisor was killed"
        if "error" in result:
            return str(result["error"])
        words = (result["head"] + result["tail"]).strip().splitlines()
        return (
            None
            if result["exit_code"] == 0
            else (words or [f"ended by signal {result['signal']}"])[-1]
        )

    def _needed(self) -> list[str]:
        packages = [path for path in site.getsitepackages() if Path(path).is_dir()]
        return [
            *(packages if self._interpreter == sys.executable else []),
            *(str(path) for path in self._readable),
        ]
