"""A few warm grading workers: started when they are needed, kept for the next submission."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from swarm_host.disk.files import open_regular
from swarm_host.errors import GradingFailed
from swarm_host.grading.copying import copy_submission
from swarm_host.records import GradingAnswer, GradingProgram

SUBMISSION = "submission.csv"
_WORKER = Path(__file__).with_name("worker.py")
_LOAD_S = 300.0
# Beyond the program's own limit, until the worker must have answered.
_PATIENCE_S = 30.0
_END_S = 5.0
_MOST_TEXT = 1 << 20
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "HOME")
# One thread: workers stand beside agents, and a fork must not find threads of libraries.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class GradingLimits:
    """What grading one submission may use."""

    submission_bytes: int = 512 * 1024**2
    # Beyond what the program holds once it is loaded.
    memory: int = 8 * 1024**3
    cpu_s: int = 1800
    wall_s: float = 3600.0
    # Of each file that the program writes.
    file_bytes: int = 64 * 1024**2


class GradingWorkers:
    """Graders. scratch: folder for copies of submissions. environ: this side's variables, of which
    graders get few. width: how many grade at a time.

    Close it, or use it as a context; what is left ends with the interpreter.
    """

    def __init__(
        self,
        scratch: Path,
        environ: Mapping[str, str],
        limits: GradingLimits | None = None,
        width: int = 2,
    ) -> None:
        self._scratch = scratch.absolute()
        self._limits = limits or GradingLimits()
        self._environ = environ
        self._places = threading.BoundedSemaphore(width)
        self._lock = threading.Lock()
        self._idle: dict[GradingProgram, list[_WorkerClient]] = {}
        self._every: list[_WorkerClient] = []
        self._finalizer = weakref.finalize(self, _end_all, self._every)

    def __enter__(self) -> GradingWorkers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers. A later call would start new ones."""
        with self._lock:
            self._idle.clear()
            _end_all(self._every)

    def warm(self, program: GradingProgram) -> None:
        """Loads the program now, so that the first submission finds it ready. Raises GradingFailed."""
        with self._places:
            self._give_back(program, self._take(program))

    def run(
        self, program: GradingProgram, arguments: Sequence[str], submission: Path
    ) -> GradingAnswer:
        """Graders.run."""
        with self._places, self._folder() as folder:
            try:
                copy_submission(submission, folder / SUBMISSION, self._limits.submission_bytes)
            except OSError as error:
                message = f"the submission cannot be copied: {error.strerror}"
                raise GradingFailed(message) from error
            said = self._ask(program, list(arguments), folder)
            return GradingAnswer(
                status=said["status"],
                output=_text(folder / "answer"),
                complaints=_text(folder / "complaints"),
                ended_by=said["ended_by"],
            )

    def _ask(self, program: GradingProgram, arguments: list[str], folder: Path) -> dict[str, Any]:
        limits = self._limits
        job = {
            "argv": arguments,
            "folder": str(folder),
            "memory": limits.memory,
            "cpu_s": limits.cpu_s,
            "wall_s": limits.wall_s,
            "file_bytes": limits.file_bytes,
        }
        # A worker that has died while it was idle says nothing about this submission.
        for attempt in range(2):
            worker = self._take(program)
            try:
                said = worker.ask(job, limits.wall_s + _PATIENCE_S)
            except OSError as error:
                self._forget(worker)
                if attempt:
                    raise GradingFailed(f"the grading worker was lost: {error}") from error
                continue
            self._give_back(program, worker)
            return said
        raise AssertionError

    def _take(self, program: GradingProgram) -> _WorkerClient:
        with self._lock:
            if idle := self._idle.get(program):
                return idle.pop()
            worker = _WorkerClient(program, self._scratch, self._environ)
            self._every.append(worker)
        try:
            worker.load()
        except GradingFailed:
            self._forget(worker)
            raise
        return worker

    def _give_back(self, program: GradingProgram, worker: _WorkerClient) -> None:
        with self._lock:
            self._idle.setdefault(program, []).append(worker)

    def _forget(self, worker: _WorkerClient) -> None:
        worker.end()
        with self._lock, contextlib.suppress(ValueError):
            self._every.remove(worker)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = _scratch_folder(self._scratch)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _WorkerClient:
    """This side of one worker process."""

    def __init__(self, program: GradingProgram, scratch: Path, environ: Mapping[str, str]) -> None:
        self._program = program
        self._folder = _scratch_folder(scratch)
        words = json.dumps({"module": program.module, "paths": list(program.paths)})
        try:
            with (self._folder / "worker.log").open("wb") as log:
                self._process = subprocess.Popen(
                    [program.python, str(_WORKER), words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=_environment(environ, self._folder),
                    # Some graders leave a cache where they stand.
                    cwd=self._folder,
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            message = f"the interpreter {program.python} cannot be started: {error.strerror}"
            raise GradingFailed(message) from error

    def load(self) -> None:
        """Waits until the program is loaded. Raises GradingFailed."""
        try:
            said = self._line(_LOAD_S)
        except OSError as error:
            log = _text(self._folder / "worker.log").strip()
            message = f"the grading worker did not begin: {error} {log[-1000:]}"
            raise GradingFailed(message) from error
        if "problem" in said:
            lines = said["problem"].strip().splitlines()
            raise GradingFailed(f"the grader {self._program.module} cannot be loaded: {lines[-1]}")

    def ask(self, job: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Raises OSError when the worker dies or hangs."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        return self._line(seconds)

    def close(self) -> None:
        """Tells the worker to end; `end` waits for it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def end(self) -> None:
        self.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _line(self, seconds: float) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream is not None
        data, end = b"", time.monotonic() + seconds
        # select() knows no descriptor above 1023, and a process that follows many units has such.
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        while not data.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise OSError(f"no answer within {seconds:.0f} s")
            more = os.read(stream.fileno(), 1 << 16)
            if not more:
                raise OSError("it closed its output")
            data += more
        try:
            found: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise OSError("it did not answer in JSON") from error
        return found


def _end_all(workers: list[_WorkerClient]) -> None:
    # All are told before one is waited for: they end side by side.
    for worker in workers:
        worker.close()
    while workers:
        workers.pop().end()


def _scratch_folder(scratch: Path) -> Path:
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="grading-", dir=scratch))
    except OSError as error:
        raise GradingFailed(f"{scratch} cannot be written: {error.strerror}") from error


def _environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """No keys: graders are programs of others."""
    own = {name: environ[name] for name in _INHERITED if name in environ}
    return own | dict.fromkeys(_THREADS, "1") | {"TMPDIR": str(folder)}


def _text(path: Path) -> str:
    """The end of a file that a foreign program may have written; "" when there is none."""
    try:
        handle = open_regular(path)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        size = os.fstat(handle).st_size
        file.seek(max(size - _MOST_TEXT, 0))
        return file.read(_MOST_TEXT).decode(errors="replace")
