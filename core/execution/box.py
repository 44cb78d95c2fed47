"""The box: where programs of others run, as which user, and what they may open and use."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.execution.rules import landlock_rules
from core.execution.stop import StopSignal
from core.execution.supervised import BoxResult, SupervisorJob, supervise
from core.records import BoxFacts

USER = "nobody"


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """What one program may use besides time. Sizes are MiB."""

    # Over its process tree.
    memory_mb: int = 8192
    # At once.
    processes: int = 256
    # In its folder.
    disk_mb: int = 20_000
    # Of one file.
    file_mb: int = 10_000
    # Seconds between two looks at memory, processes and folder.
    poll_s: float = 0.2
    # 0 to 19. The supervisor shares the CPUs with hundreds of processes of a fork bomb, and must
    # come first.
    nice: int = 19


@dataclass(frozen=True, slots=True)
class BoxCommand:
    """One program to run."""

    # Its current folder, the only one that it may write to.
    folder: Path
    # What follows the interpreter on the command line.
    arguments: tuple[str, ...]
    # All of its variables.
    environ: Mapping[str, str]
    # Wall seconds.
    limit_s: float
    limits: BoxLimits
    # What it may open inside protected folders, besides its own folder and the interpreter.
    readable: tuple[Path, ...] = ()
    # Ids for the affinity; () for all.
    cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """Runs programs on this machine, with those parts of the box that work here."""

    # Holds the folders of programs, each closed to all others.
    workspace: Path
    # Further folders that programs may not open.
    protected: tuple[Path, ...]
    # The agent's environment, of which programs get an allow-list.
    environ: Mapping[str, str]
    facts: BoxFacts
    stop: StopSignal
    interpreter: str = sys.executable
    # Takes what supervisors themselves have to complain about.
    log: Path = Path(os.devnull)

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder for one program, which is gone afterwards. Raises OSError when the workspace
        cannot be written.
        """
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.workspace))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, command: BoxCommand) -> BoxResult:
        """Blocks until the program and all of its descendants have ended.

        Where the user is switched, the folder and what lies directly in it become that user's.
        Raises WorkerError when the box itself does not work.
        """
        uid = gid = landlock = None
        if self.facts.user_switch:
            uid, gid = candidate_user()
            for path in (command.folder, *command.folder.iterdir()):
                os.chown(path, uid, gid, follow_symlinks=False)
        if self.facts.landlock:
            readable = (*command.readable, *self._interpreter_folders())
            landlock = landlock_rules((*self.protected, self.workspace), readable, command.folder)
        job = SupervisorJob(
            argv=(self.interpreter, *command.arguments),
            cwd=str(command.folder),
            limit_s=command.limit_s,
            cpus=command.cpus,
            uid=uid,
            gid=gid,
            landlock=landlock,
            **asdict(command.limits),
        )
        return supervise(job, command.environ, self.stop, self.log)

    def _interpreter_folders(self) -> tuple[Path, ...]:
        """A virtual environment may stand inside a protected folder."""
        own = Path(self.interpreter).parent.parent
        return Path(sys.prefix), Path(sys.base_prefix), own


def candidate_user() -> tuple[int, int]:
    """(uid, gid) that programs drop to. Raises KeyError where the system has no such user."""
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid
