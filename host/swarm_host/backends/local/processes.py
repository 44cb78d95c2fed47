"""Which process is meant, how it is told from a later one of the same number, and which processes
belong to a unit. Linux: everything comes from /proc.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_VMSTAT = Path("/proc/vmstat")
_SWEEPS = 200
_SWEEP_PAUSE_S = 0.005
# Fields of /proc/PID/stat behind the name: state is 0.
_SESSION, _START = 3, 19


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, for ever: numbers are given again, a number with its start and boot is not."""

    pid: int
    # Clock ticks from boot to its start.
    started: int
    boot: str

    def __str__(self) -> str:
        return f"{self.pid}:{self.started}:{self.boot}"

    @classmethod
    def parse(cls, text: str) -> ProcessId:
        """Raises ValueError."""
        pid, started, boot = text.split(":")
        return cls(int(pid), int(started), boot)


def identify(pid: int) -> ProcessId | None:
    """None when there is no such process, or only its remains."""
    fields = _stat(pid)
    if not fields or fields[0] in (b"Z", b"X"):
        return None
    return ProcessId(pid, int(fields[_START]), _BOOT.read_text().strip())


def alive(process: ProcessId) -> bool:
    return identify(process.pid) == process


def open_process(process: ProcessId) -> int | None:
    """A descriptor that is readable once the process has ended; None when it has."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    # Looked at again: between the two it may have become another process.
    if alive(process):
        return handle
    os.close(handle)
    return None


def wait_end(process: ProcessId, seconds: float) -> bool:
    """True once the process has ended, False when the time is over first."""
    handle = open_process(process)
    if handle is None:
        return True
    try:
        return has_ended(handle, seconds)
    finally:
        os.close(handle)


def has_ended(handle: int, seconds: float) -> bool:
    """Of a descriptor of `open_process`: waits so long for the end."""
    # select() knows no descriptor above 1023, and a process that follows many units has such.
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(seconds, 0.0) * 1000))


def send(process: ProcessId, number: signal.Signals) -> bool:
    """Signals this process and never another one; False when it has ended."""
    handle = open_process(process)
    if handle is None:
        return False
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def session_of(leader: int) -> list[int]:
    """Processes of the session that `leader` made."""
    return [pid for pid in _pids() if (fields := _stat(pid)) and int(fields[_SESSION]) == leader]


def out_of_memory_kills() -> int | None:
    """How many processes of this machine the kernel ended for want of memory; None: not told."""
    with contextlib.suppress(OSError, ValueError):
        for line in _VMSTAT.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def sweep(mark: bytes, folder: Path) -> int:
    """Ends every process that has `mark` (NAME=value) in its environment or works below `folder`,
    and all that comes of them while it looks; returns how many there were.
    """
    ended: set[int] = set()
    for _ in range(_SWEEPS):
        found = set(_marked(mark, folder))
        if not found:
            break
        ended |= found
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        # The kernel needs a moment to take them away.
        time.sleep(_SWEEP_PAUSE_S)
    return len(ended)


def _marked(mark: bytes, folder: Path) -> Iterator[int]:
    own = os.getpid()
    for pid in _pids():
        fields = _stat(pid)
        if pid != own and fields and fields[0] not in (b"Z", b"X"):
            if _belongs(pid, mark, str(folder)):
                yield pid


def _belongs(pid: int, mark: bytes, folder: str) -> bool:
    with contextlib.suppress(OSError):
        if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return True
    with contextlib.suppress(OSError):
        place = str(Path(f"/proc/{pid}/cwd").readlink()).removesuffix(" (deleted)")
        return place == folder or place.startswith(f"{folder}/")
    return False


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat behind the name, which may hold anything; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []
