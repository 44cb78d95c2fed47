"""Runs programs in forks of a process that has imported their libraries already. Runs in a worker
process.

On a few thousand rows the imports take longer than the work. A fork starts from the same state
whatever ran before it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from utils.process import end_with_parent, serve

OUTPUT = "output.log"
_NICE = 19
_FILES = 1024


def preload(modules: Sequence[str]) -> float:
    """Imports what is there of these modules; returns the seconds that it took."""
    begin = time.monotonic()
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return time.monotonic() - begin


def run(
    folder: str, environ: Mapping[str, str], cpus: Sequence[int], limit_s: float
) -> dict[str, Any]:
    """Runs <folder>/solution.py to its end or its limit; how it ended, with CPU seconds and MiB at
    the peak.
    """
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _become(Path(folder), environ, cpus)
    in_time = _ends_within(pid, limit_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    killed_for = exit_code = killer = None
    if not in_time:
        killed_for = "deadline"
    if os.WIFSIGNALED(status):
        killer = os.WTERMSIG(status)
    else:
        exit_code = os.waitstatus_to_exitcode(status)
    return {
        "exit_code": exit_code,
        "signal": killer,
        "killed_for": killed_for,
        "duration_s": time.monotonic() - begin,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def _ends_within(pid: int, seconds: float) -> bool:
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)


def _become(folder: Path, environ: Mapping[str, str], cpus: Sequence[int]) -> NoReturn:
    """The child: what the box would have started, as far as a program can tell."""
    code = 1
    try:
        os.setsid()
        end_with_parent(signal.SIGKILL)
        os.nice(_NICE)
        os.sched_setaffinity(0, cpus)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        _redirect(OUTPUT)
        sys.argv, sys.path[0] = ["solution.py"], str(folder)
        runpy.run_path("solution.py", run_name="__main__")
        code = 0
    except SystemExit as ended:
        code = _exit_code(ended)
    # Whatever the program raised is for its log, as at the end of any Python program.
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code & 0xFF)


def _exit_code(ended: SystemExit) -> int:
    """As the interpreter takes it: 0 for nothing, 1 for a text."""
    if isinstance(ended.code, int):
        return ended.code
    return int(ended.code is not None)


def _redirect(output: str) -> None:
    """Standard streams to the log; the channel to the agent is not the program's."""
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, number)
    os.closerange(3, _FILES)


METHODS: dict[str, Callable[..., Any]] = {"preload": preload, "run": run}

if __name__ == "__main__":
    serve(METHODS)
