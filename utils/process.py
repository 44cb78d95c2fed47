"""Child processes of our own: a registry that tells them from strays, and workers that answer JSON
lines.

A worker is a module run with `python -m`; it reads one request per line on stdin and answers one
line. It ends when its stdin closes, so it never outlives the agent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from utils import errors

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> bool:
    """The Linux call; False where the kernel refuses or the platform has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "prctl") and libc.prctl(option, value, 0, 0, 0) == 0


def end_with_parent(number: signal.Signals) -> bool:
    """This process gets the signal when the thread that started it ends, however that comes."""
    return prctl(_PR_SET_PDEATHSIG, number)


def become_subreaper() -> bool:
    """Orphaned descendants become children of this process, so that they can be found and ended."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_environment() -> bool:
    """Other processes of the same user can no longer read this one's environment or memory."""
    return prctl(_PR_SET_DUMPABLE, 0)


class Children:
    """The processes that the agent started. Any other child of the agent is an orphan of a
    candidate.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[int] = set()

    def spawn(self, args: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Popen under a lock, so that a sweep never takes a child that is just being started for a
        stray.
        """
        with self._lock:
            process = subprocess.Popen(args, **options)
            self._known.add(process.pid)
            return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """To be called after the process was waited for."""
        with self._lock:
            self._known.discard(process.pid)

    def kill_strays(self) -> int:
        """Ends and reaps every child of this process that it did not start; returns how many there
        were.
        """
        with self._lock:
            strays = [pid for pid in child_pids(os.getpid()) if pid not in self._known]
            for pid in strays:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
            return len(strays)


CHILDREN = Children()


def child_pids(parent: int) -> list[int]:
    """Direct children of a process, zombies included, from /proc; empty where there is none."""
    pids: list[int] = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids += [int(pid) for pid in task.read_text().split()]
    return pids


class WorkerProcess:
    """A helper process that answers calls one at a time; started by `start` or the first call,
    again after a death.

    module: run with `python -m`. args: its command line. log: file that takes its stderr. stop: a
    descriptor that becomes readable when calls shall be given up.
    """

    def __init__(
        self,
        module: str,
        *args: str,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        stop: int | None = None,
    ) -> None:
        self._command = [sys.executable, "-m", module, *args]
        self._stop_fd = stop
        self._log = log
        self._env = env
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, method: str, *, timeout: float = 600.0, **params: Any) -> Any:
        """The worker's answer. Errors of utils.errors come through as themselves.

        Raises WorkerError when the worker dies, hangs beyond `timeout` seconds or fails in another
        way, Interrupted when it was given up.
        """
        with self._lock:
            process = self._running()
            line = (
                json.dumps({"method": method, "params": params}, allow_nan=False).encode() + b"\n"
            )
            try:
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
                answer = json.loads(self._read_line(process, timeout))
            except (OSError, ValueError) as error:
                status = self._stop(grace=1.0)
                message = f"worker {self._command[2]} lost in {method} (exit {status}): {error}"
                raise errors.WorkerError(message) from error
        if "error" in answer:
            kind = getattr(errors, answer["error"], errors.WorkerError)
            raise kind(answer["message"])
        return answer["result"]

    def start(self) -> None:
        """Starts the process now, so that its imports are done when the first call comes. Raises
        OSError.
        """
        with self._lock:
            self._running()

    def close(self) -> None:
        """Ends the worker; a later call would start it again."""
        with self._lock:
            self._stop(grace=5.0)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop(grace=0.0)
            with contextlib.ExitStack() as stack:
                stderr = None
                if self._log is not None:
                    stderr = stack.enter_context(self._log.open("ab"))
                self._process = CHILDREN.spawn(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=self._env,
                    cwd=Path(__file__).resolve().parent.parent,
                    start_new_session=True,
                )
        return self._process

    def _read_line(self, process: subprocess.Popen[bytes], timeout: float) -> bytes:
        assert process.stdout is not None
        watched: list[Any] = [process.stdout]
        if self._stop_fd is not None:
            watched.append(self._stop_fd)
        ready, _, _ = select.select(watched, [], [], timeout)
        if not ready:
            raise OSError(f"no answer within {timeout:.0f} s")
        if process.stdout not in ready:
            self._stop(grace=0.0)
            raise errors.Interrupted(f"stopped while {self._command[2]} was at work")
        line = process.stdout.readline()
        if not line:
            raise OSError("it closed its output")
        return line

    def _stop(self, grace: float) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        CHILDREN.forget(process)
        return process.returncode


def serve(methods: Mapping[str, Callable[..., Any]]) -> None:
    """The worker's side: answers requests on stdin until it closes. What libraries print goes to
    stderr.
    """
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(_answer(methods, request), allow_nan=False) + "\n")
        answers.flush()


def _exit_with(parent: int) -> None:
    """Ends this process once its parent is gone, also in the middle of a call."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _answer(methods: Mapping[str, Callable[..., Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": methods[request["method"]](**request["params"])}
    except errors.SwarmError as error:
        return {"error": type(error).__name__, "message": str(error)}
    # The request may make any library fail; the caller is told, and this process stays for the next
    # request.
    except Exception as error:
        traceback.print_exc()
        return {"error": "WorkerError", "message": f"{type(error).__name__}: {error}"}
