"""Parent, subreaper, watcher and executioner of one candidate program.

Standard library only; run as `python -I -S supervisor.py`. The job is one line of JSON on stdin,
the result one line on stdout. When stdin closes or brings another byte, everything ends. The
candidate inherits this environment.

Not covered: a program that kills this process where neither Landlock nor another user stands
between them.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import math
import os
import resource
import select
import signal
import stat
import struct
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

HEAD_BYTES = 32_000
TAIL_BYTES = 32_000
CHUNK_BYTES = 1 << 16
MAX_FILES = 200_000
KILL_S = 30.0
FREEZE_ROUNDS = 50
OOM_SCORE = 500
OWN_PRIORITY = -10

PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
# Data may belong to another user than root; reading it is what a candidate is for.
CAP_DAC_READ_SEARCH = 2
CAPABILITIES = 64
LANDLOCK_CREATE, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_SCOPE_SIGNAL = 1 << 1
# Without LANDLOCK_ACCESS_FS_REFER (ABI 2) every rename between two folders fails, and programs do
# that.
LANDLOCK_MIN_ABI = 2
FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR, FS_TRUNCATE = (
    1 << 0,
    1 << 1,
    1 << 2,
    1 << 3,
    1 << 14,
)
FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR
FS_ON_FILES = FS_EXECUTE | FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE


# ---------------------------------------------------------------- the kernel


def libc_call(name: str, *args: Any) -> int:
    """A C library call. Raises OSError with its errno when it returns a negative value."""
    value: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*args)
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return value


def landlock_abi() -> int:
    """Version of the kernel's Landlock; 0 where it is missing or switched off."""
    try:
        return libc_call("syscall", LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    except OSError:
        return 0


def apply_landlock(rules: dict[str, list[str]], abi: int) -> None:
    """Restricts this process and its descendants for ever. `rules` maps read, list, device and write
    to paths.
    """
    # Rights and fields that an older kernel does not know must be zero.
    handled, scope = (1 << 13) - 1 | 1 << 13, 0
    if abi >= 3:
        handled |= FS_TRUNCATE
    if abi >= 6:
        scope = LANDLOCK_SCOPE_SIGNAL
    grants = {
        "read": FS_READ,
        "list": FS_READ_DIR,
        "device": FS_READ | FS_WRITE_FILE | FS_TRUNCATE,
        "write": handled,
    }
    attributes = struct.pack("QQQ", handled, 0, scope)
    ruleset = libc_call("syscall", LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    for kind, paths in rules.items():
        for path in paths:
            allow(ruleset, path, grants[kind] & handled)
    libc_call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc_call("syscall", LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def drop_capabilities() -> None:
    """What root may do more than others ends with the next exec. With CAP_PERFMON a program could
    read the environment of every process, Landlock or not. Without effect for an ordinary user, who
    has none to lose.
    """
    for number in range(CAPABILITIES):
        if number != CAP_DAC_READ_SEARCH:
            with contextlib.suppress(OSError):
                libc_call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)


def allow(ruleset: int, path: str, access: int) -> None:
    """One rule; a path that has gone or that may not be opened is left out."""
    try:
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISDIR(mode):
            access &= FS_ON_FILES
        if not stat.S_ISLNK(mode):
            rule = struct.pack("=Qi", access, handle)
            libc_call("syscall", LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
    finally:
        os.close(handle)


# ---------------------------------------------------------------- the candidate's side of the fork


def start(job: dict[str, Any], abi: int) -> tuple[int, int]:
    """Process id of the candidate and the descriptor with its output. Raises OSError when it could
    not be started.
    """
    output, output_end = os.pipe()
    problem, problem_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        become_candidate(job, abi, output_end, problem_end)
    os.close(output_end)
    os.close(problem_end)
    with os.fdopen(problem, "rb") as file:
        message = file.read()
    if message:
        os.waitpid(pid, 0)
        raise OSError(message.decode(errors="replace"))
    os.set_blocking(output, False)
    return pid, output


def become_candidate(job: dict[str, Any], abi: int, output: int, problem: int) -> NoReturn:
    try:
        os.setsid()
        redirect(output)
        default_signals()
        limit(job)
        drop_capabilities()
        if job["landlock"] is not None:
            apply_landlock(job["landlock"], abi)
        if job["uid"] is not None:
            os.setgroups([])
            os.setresgid(job["gid"], job["gid"], job["gid"])
            os.setresuid(job["uid"], job["uid"], job["uid"])
        # Last, so that a folder that this user cannot reach is noticed here and not by a puzzled
        # program.
        os.chdir(job["cwd"])
        os.execv(job["argv"][0], job["argv"])
    # Whatever it is, the parent must be told, and no second copy of the supervisor may go on.
    except BaseException as error:
        os.write(problem, f"{type(error).__name__}: {error}".encode()[:4000])
    os._exit(127)


def redirect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def default_signals() -> None:
    """Undoes what the shell, the agent, Python and this script ignore or handle."""
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def limit(job: dict[str, Any]) -> None:
    for which, wanted in ((resource.RLIMIT_FSIZE, job["file_mb"] << 20), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(which, (wanted, wanted))
    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    os.setpriority(os.PRIO_PROCESS, 0, job["nice"])
    # When the machine runs out of memory, the kernel takes the candidate and not the agent.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write(str(OOM_SCORE))


# ---------------------------------------------------------------- looking at the tree


def descendants(root: int) -> dict[int, str]:
    """State letter of every process below `root`, by process id."""
    children: dict[int, list[tuple[int, str]]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            state, parent = read_stat(name)
            children.setdefault(parent, []).append((int(name), state))
    found: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for pid, state in children.get(waiting.pop(), []):
            if pid not in found:
                found[pid] = state
                waiting.append(pid)
    return found


def read_stat(pid: str) -> tuple[str, int]:
    """State and parent of a process; ("X", -1) when it has gone."""
    try:
        # The name of a program may hold spaces and brackets; the fields follow its last bracket.
        fields = read_proc(pid, "stat").rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[1])
    except (OSError, IndexError):
        return "X", -1


def read_proc(pid: int | str, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123
        return file.read()


def rss_mb(pid: int) -> float:
    try:
        return int(read_proc(pid, "statm").split()[1]) * resource.getpagesize() / 2**20
    except (OSError, IndexError):
        return 0.0


def pss_mb(pid: int) -> float:
    """Anonymous and shared memory, shared pages by their share; the page cache of mapped files is
    not counted.
    """
    try:
        rows = (line.split() for line in read_proc(pid, "smaps_rollup").splitlines()[1:])
        sizes = {row[0]: int(row[1]) for row in rows}
    except (OSError, IndexError, ValueError):
        return rss_mb(pid)
    if b"Pss_Anon:" in sizes:
        return (sizes[b"Pss_Anon:"] + sizes.get(b"Pss_Shmem:", 0)) / 1024
    return sizes.get(b"Pss:", 0) / 1024


def folder_mb(folder: str) -> float:
    """Space that the files below take; infinite when there are more than MAX_FILES."""
    blocks, files, waiting = 0, 0, [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files += 1
                if files > MAX_FILES:
                    return math.inf
                with contextlib.suppress(OSError):
                    blocks += entry.stat(follow_symlinks=False).st_blocks
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return blocks / 2048


def signal_all(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class SparingTimer:
    """Spends at most about a tenth of the time on a measurement that may be slow."""

    def __init__(self) -> None:
        self._next = 0.0

    def measure(self, function: Any, *args: Any) -> float:
        """The measurement, or 0 when the last one was too recent for its cost."""
        begin = time.monotonic()
        if begin < self._next:
            return 0.0
        value: float = function(*args)
        end = time.monotonic()
        self._next = end + 9 * (end - begin)
        return value


class Gauge(threading.Thread):
    """Measures memory and folder beside the watch, in a thread: the kernel answers these questions
    under locks that a candidate can hold for seconds (a fork bomb does), and neither the deadline
    nor the count of processes may wait.
    """

    def __init__(self, job: dict[str, Any], pid: int) -> None:
        super().__init__(daemon=True)
        self._job = job
        self._pss, self._disk = SparingTimer(), SparingTimer()
        self.pids = [pid]
        self.peak_mb = 0.0
        self.exceeded: str | None = None

    def run(self) -> None:
        while self.exceeded is None:
            if self._memory_mb() > self._job["memory_mb"]:
                self.exceeded = "memory"
            elif self._disk.measure(folder_mb, self._job["cwd"]) > self._job["disk_mb"]:
                self.exceeded = "disk"
            time.sleep(self._job["poll_s"])

    def _memory_mb(self) -> float:
        """What the tree holds; the costly figure is read only when the cheap one, which is larger,
        may be a peak.
        """
        pids = self.pids
        used = sum(rss_mb(pid) for pid in pids)
        if used > self.peak_mb:
            used = self._pss.measure(lambda: sum(pss_mb(pid) for pid in pids))
        self.peak_mb = max(self.peak_mb, used)
        return used


# ---------------------------------------------------------------- watching


class OutputCapture:
    """Head and tail of a stream of any length."""

    def __init__(self) -> None:
        self.head, self.tail, self.total = bytearray(), bytearray(), 0

    def take(self, data: bytes) -> None:
        room = HEAD_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        self.total += len(data)
        if len(self.tail) > 4 * TAIL_BYTES:
            del self.tail[:-TAIL_BYTES]

    def fields(self) -> dict[str, Any]:
        tail = self.tail[-TAIL_BYTES:]
        dropped = self.total - len(self.head) - len(tail)
        return {
            "head": self.head.decode(errors="replace"),
            "tail": tail.decode(errors="replace"),
            "dropped": dropped,
        }


class Watch:
    """One candidate from its start to the end of its last descendant."""

    def __init__(self, job: dict[str, Any], pid: int, output: int, wake: int) -> None:
        self._job = job
        self._pid = pid
        self._pipe: int | None = output
        self._wake = wake
        self._begin = time.monotonic()
        self._status: int | None = None
        self._ended = 0.0
        self._output = OutputCapture()
        self._gauge = Gauge(job, pid)

    def run(self) -> dict[str, Any]:
        self._gauge.start()
        killed_for = self._until_end()
        self.kill_tree()
        self._ended = self._ended or time.monotonic()
        self._drain()
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        exit_code, number = self._ending()
        if exit_code is not None:
            # It ended by itself in the moment of the decision.
            killed_for = None
        return {
            "exit_code": exit_code,
            "signal": number,
            "killed_for": killed_for,
            "duration_s": self._ended - self._begin,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_mb": max(self._gauge.peak_mb, usage.ru_maxrss / 1024),
            **self._output.fields(),
        }

    def _ending(self) -> tuple[int | None, int | None]:
        """(exit status, signal) of the main process; both None when it could not be ended."""
        if self._status is None:
            return None, None
        if os.WIFSIGNALED(self._status):
            return None, os.WTERMSIG(self._status)
        return os.WEXITSTATUS(self._status), None

    def _until_end(self) -> str | None:
        """Returns when the main process has ended (None) or must end (why)."""
        deadline = self._begin + self._job["limit_s"]
        next_poll = self._begin
        while True:
            now = time.monotonic()
            if now >= next_poll:
                if why := self._exceeded():
                    return why
                next_poll = time.monotonic() + self._job["poll_s"]
            ready = self._wait(min(next_poll, deadline) - now)
            self.reap()
            if self._status is not None:
                return None
            if 0 in ready:
                return "stop"
            if time.monotonic() >= deadline:
                return "deadline"

    def _wait(self, seconds: float) -> list[int]:
        """Sleeps until something happens; takes at most one chunk of output."""
        watched = [0, self._wake]
        if self._pipe is not None:
            watched.append(self._pipe)
        ready, _, _ = select.select(watched, [], [], max(seconds, 0.0))
        if self._wake in ready:
            os.read(self._wake, CHUNK_BYTES)
        if self._pipe in ready:
            self._read()
        return ready

    def _read(self) -> bool:
        """Takes a chunk of output; False when there is none."""
        if self._pipe is None:
            return False
        try:
            data = os.read(self._pipe, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            # A program may close its output and go on.
            os.close(self._pipe)
            self._pipe = None
        self._output.take(data)
        return bool(data)

    def _drain(self) -> None:
        """Takes what the pipe still holds. Bounded: someone else may hold its other end and go on
        writing.
        """
        end = time.monotonic() + 1.0
        while self._read() and time.monotonic() < end:
            pass

    def _exceeded(self) -> str | None:
        alive = [pid for pid, state in descendants(os.getpid()).items() if state != "Z"]
        if len(alive) > self._job["processes"]:
            return "processes"
        self._gauge.pids = alive
        return self._gauge.exceeded

    def reap(self) -> bool:
        """Collects the dead; False when no child is left: for a subreaper, no descendant."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                self._status, self._ended = status, time.monotonic()

    def kill_tree(self) -> None:
        """Ends every descendant. They are frozen first, so that a fork bomb cannot outrun this."""
        frozen: set[int] = set()
        end = time.monotonic() + KILL_S
        for attempt in itertools.count():
            if not self.reap() or time.monotonic() > end:
                return
            alive = set(descendants(os.getpid()))
            new = alive - frozen
            frozen |= new
            if new and attempt < FREEZE_ROUNDS:
                signal_all(new, signal.SIGSTOP)
            else:
                signal_all(alive, signal.SIGKILL)
                time.sleep(0.002)


# ---------------------------------------------------------------- the script


def prepare() -> int:
    """Makes this process a deaf subreaper; returns a descriptor that gets a byte whenever a child
    ends.
    """
    libc_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Root only. Against a fork bomb every share of the CPU counts.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, OWN_PRIORITY)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
    ):
        signal.signal(number, signal.SIG_IGN)
    wake, wake_end = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return wake


def supervise(job: dict[str, Any]) -> dict[str, Any]:
    wake = prepare()
    abi = landlock_abi()
    if job["landlock"] is not None and abi < LANDLOCK_MIN_ABI:
        return {"error": f"Landlock is missing or too old (ABI {abi})", "landlock_abi": abi}
    try:
        pid, output = start(job, abi)
    except OSError as error:
        return {"error": str(error), "landlock_abi": abi}
    # From here on a program of the same user can neither trace this process nor open its
    # descriptors.
    libc_call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    watch = Watch(job, pid, output, wake)
    try:
        return watch.run() | {"landlock_abi": abi}
    finally:
        watch.kill_tree()


def read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, CHUNK_BYTES)
        if not data:
            sys.exit(2)
        line += data
    return line


def main() -> None:
    try:
        result = supervise(json.loads(read_line()))
    except Exception:
        result = {"error": traceback.format_exc()}
    data = json.dumps(result).encode() + b"\n"
    # The agent may have died; then nobody wants the result.
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
