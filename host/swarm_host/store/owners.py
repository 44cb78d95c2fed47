"""Who follows units, and whether it still lives: a locked file per process below `.swarm/owners`.

The kernel gives the lock back in the moment a process dies, also by kill -9: its units are adopted
at once, not when their lease is over. Where a file system knows no locks, the lease decides.
"""

from __future__ import annotations

import fcntl
import os
import socket
import uuid
from pathlib import Path


class Owner:
    """This process, as an owner of units. `name` is unique."""

    def __init__(self, state_folder: Path) -> None:
        """Raises OSError."""
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._path = _folder(state_folder) / self.name
        # Under its name only once it is locked: in between, others would take it for dead.
        new = self._path.with_name(f".{self.name}")
        self._handle = os.open(new, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._path)
        except OSError:
            # No locks here. Without its file, nobody takes this process for dead before its lease is over.
            new.unlink()

        self._left_behind = False

    def leave_behind(self) -> None:
        """Its units could not be released: its file stays and tells others that it is gone."""
        self._left_behind = True

    def close(self) -> None:
        if not self._left_behind:
            self._path.unlink(missing_ok=True)
        os.close(self._handle)


def machine_of(name: str) -> str:
    """Where the process of this name runs, or ran."""
    return name.rsplit("-", 2)[0]


def is_dead(state_folder: Path, name: str) -> bool:
    """The process that had this name is known to be gone. False also where nothing is known: of
    another machine's processes, since locks of a network folder may be each machine's own.
    """
    if machine_of(name) != socket.gethostname():
        return False
    try:
        handle = os.open(_folder(state_folder) / name, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def forget(state_folder: Path, name: str) -> None:
    """Its units were released: its file has no more to say."""
    (_folder(state_folder) / name).unlink(missing_ok=True)


def dead(state_folder: Path) -> list[str]:
    """Names of all processes that left their file behind and are gone."""
    names = sorted(path.name for path in _folder(state_folder).glob("[!.]*"))
    return [name for name in names if is_dead(state_folder, name)]


def _folder(state_folder: Path) -> Path:
    folder = state_folder / "owners"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
