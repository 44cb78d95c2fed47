"""A warm process for one grading program: it loads the program once and forks for each submission.

Run by any Python from 3.9 as `python worker.py WORDS`, where WORDS is JSON {"module", "paths"}; the
standard library only. It says one line {"ready": true} or {"problem": TEXT}, then answers each line
of stdin {"argv", "folder", "memory", "cpu_s", "wall_s", "file_bytes"} by one line {"status",
"ended_by"}. The fork works in `folder` and leaves its output there, as `answer` and `complaints`.
When stdin closes, everything ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

ANSWER, COMPLAINTS = "answer", "complaints"
CRASHED = 70
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def load(module: str, paths: list[str]) -> Any:
    """The module, by its dotted name or its file."""
    # Python put this file's own folder first; its names are none of the program's.
    sys.path[:1] = paths
    if not module.endswith(".py"):
        return importlib.import_module(module)
    spec = importlib.util.spec_from_file_location("grading_program", module)
    if spec is None or spec.loader is None:
        raise ImportError(f"{module} is no module")
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def grade(program: Any, job: dict[str, Any], server: int) -> NoReturn:
    """The fork: runs the program and ends."""
    status = CRASHED
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(CRASHED)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(job["folder"])
        redirect()
        limit(job)
        sys.argv = ["grader", *job["argv"]]
        status = int(program.main(job["argv"]) or 0)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    # A foreign program: whatever it raises is its answer.
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    flush()
    os._exit(status)


def flush() -> None:
    """As far as the grader left its streams open."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def redirect() -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for target, name in ((1, ANSWER), (2, COMPLAINTS)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), target)


def limit(job: dict[str, Any]) -> None:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    bounds = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, job["file_bytes"]),
        # What the libraries have mapped is not the submission's doing.
        (resource.RLIMIT_AS, held + job["memory"]),
    )
    for which, most in bounds:
        resource.setrlimit(which, (most, most))
    # SIGXCPU at the first, which may be ignored, SIGKILL at the second.
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_s"], job["cpu_s"] + 1))


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def watch(pid: int, job: dict[str, Any]) -> dict[str, Any]:
    """Waits for the fork, and ends it with all that it started."""
    handle = os.pidfd_open(pid)
    try:
        # Without it in time: the time is over, or stdin closed and nobody wants the answer.
        in_time = handle in select.select([handle, 0], [], [], job["wall_s"])[0]
    finally:
        os.close(handle)
    status, cpu_s = end(pid)
    if os.WIFEXITED(status):
        return {"status": os.WEXITSTATUS(status), "ended_by": "exit"}
    in_time = in_time and os.WTERMSIG(status) != signal.SIGXCPU and cpu_s < job["cpu_s"]
    return {"status": None, "ended_by": "signal" if in_time else "time"}


def end(pid: int) -> tuple[int, float]:
    """Wait status and CPU seconds of the fork, after nothing of it runs any more."""
    found, cpu_s = 0, 0.0
    while True:
        # Each that dies hands its own children to this process.
        for child in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            ended, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return found, cpu_s
        if ended == pid:
            found, cpu_s = status, usage.ru_utime + usage.ru_stime


def children() -> list[int]:
    pids: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        pids += [int(word) for word in task.read_text().split()]
    return pids


def lines() -> Any:
    """Requests, read without a buffer of our own: `watch` looks whether stdin has closed."""
    data = b""
    while True:
        line, found, rest = data.partition(b"\n")
        if found:
            data = rest
            yield json.loads(line)
            continue
        more = os.read(0, 1 << 16)
        if not more:
            return
        data += more


def main(words: dict[str, Any]) -> int:
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        program = load(words["module"], words["paths"])
    # A foreign program: it may fail in any way.
    except BaseException:
        problem = traceback.format_exc()[-4000:]
        print(json.dumps({"problem": problem}), file=answers, flush=True)
        return 1
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for job in lines():
        server = os.getpid()
        # Else the fork would give what was printed before as a part of its own answer.
        flush()
        pid = os.fork()
        if pid == 0:
            grade(program, job, server)
        print(json.dumps(watch(pid, job)), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    # What a grader's libraries do at an end may last, and nobody waits for it.
    os._exit(main(json.loads(sys.argv[1])))
