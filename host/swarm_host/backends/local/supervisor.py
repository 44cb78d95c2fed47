"""The supervisor of one agent: its parent, subreaper, clock and scribe. It outlives its client.

Run as `python -S -P -m swarm_host.backends.local.supervisor FOLDER`, with the agent's variables as
JSON on stdin; the standard library only. It answers one line of JSON on stdout, as soon as the
agent runs, and goes on in a session of its own:

    {"supervisor": ID}     the agent runs, or ran, under this supervisor
    {"problem": TEXT}      it could not be started

SIGTERM ends the agent as stop.json says. Whatever the agent started has ended before ended.json is
written; should this process be killed, the kernel ends the agent, and the client what is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from core.execution import supervisor as box
from swarm_host.backends.local import files
from swarm_host.backends.local.files import LocalJob
from swarm_host.backends.local.processes import identify, out_of_memory_kills, session_of

CHUNK_BYTES = 1 << 16
TAIL_BYTES = 1 << 20
DRAIN_S = 1.0
KILL_S = 30.0
FREEZE_ROUNDS = 50
BEGIN_S = 10.0
LONGEST_WAIT_S = 3600.0
PR_SET_PDEATHSIG = 1
# By themselves programs do not end so; somebody else did it.
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


# ---------------------------------------------------------------- the agent's side of the fork


@dataclass(frozen=True, slots=True)
class StartedAgent:
    """A process that has just begun. streams: descriptors of its output by their names."""

    pid: int
    streams: Mapping[int, str]


def start(folder: Path, job: LocalJob, environ: Mapping[str, str]) -> StartedAgent:
    """Raises OSError when the program cannot be started."""
    pipes = {name: os.pipe() for name in files.RAW}
    problem, problem_end = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        ends = {name: pair[1] for name, pair in pipes.items()}
        become_agent(folder, job, environ, ends, problem_end, supervisor)
    os.close(problem_end)
    for _, end in pipes.values():
        os.close(end)
    with os.fdopen(problem, "rb") as file:
        message = file.read()
    if message:
        os.waitpid(pid, 0)
        raise OSError(message.decode(errors="replace"))
    for descriptor, _ in pipes.values():
        os.set_blocking(descriptor, False)
    return StartedAgent(pid, {pair[0]: name for name, pair in pipes.items()})


def become_agent(
    folder: Path,
    job: LocalJob,
    environ: Mapping[str, str],
    ends: Mapping[str, int],
    problem: int,
    supervisor: int,
) -> NoReturn:
    try:
        os.setsid()
        box.libc_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(127)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(ends["stdout"], 1)
        os.dup2(ends["stderr"], 2)
        box.default_signals()
        limit(job)
        if job.landlock is not None:
            box.drop_capabilities()
            box.apply_landlock(job.landlock, box.landlock_abi())
        os.chdir(folder / files.WORK)
        os.execvpe(job.argv[0], list(job.argv), {**environ, files.MARK: job.mark})
    # Whatever it is, the parent must be told, and no second copy of the supervisor may go on.
    except BaseException as error:
        os.write(problem, f"{type(error).__name__}: {error}".encode()[:4000])
    os._exit(127)


def limit(job: LocalJob) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job.memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (job.memory, job.memory))
    # When the machine runs out of memory, the kernel takes the agent and not its supervisor.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(box.OOM_SCORE))


# ---------------------------------------------------------------- what it prints


class RawLog:
    """A stream as it came, up to a number of bytes; of what is more, the end."""

    def __init__(self, path: Path, limit: int) -> None:
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._room = limit
        self._left_out = 0
        self._tail = bytearray()

    def take(self, data: bytes) -> None:
        if self._room > 0:
            data = self._keep(data)
        if data:
            self._left_out += len(data)
            self._tail += data
            if len(self._tail) > 2 * TAIL_BYTES:
                del self._tail[:-TAIL_BYTES]

    def close(self) -> None:
        tail = bytes(self._tail[-TAIL_BYTES:])
        if self._left_out:
            self._room = len(tail) + 100
            if self._left_out > len(tail):
                self._keep(f"\n[{self._left_out - len(tail)} bytes left out]\n".encode())
            self._keep(tail)
        self._file.close()

    def _keep(self, data: bytes) -> bytes:
        """Writes what there is room for; returns the rest. A full disk is no room."""
        while data and self._room > 0:
            try:
                count = self._file.write(data[: self._room]) or 0
            except OSError:
                self._room = 0
                break
            self._room -= count
            data = data[count:]
        return data


# ---------------------------------------------------------------- watching


def ending_of(status: int, asked: bool, ours: bool, memory_kills: bool) -> tuple[int, str]:
    """(exit code, cause) of a wait status. asked: the client wanted the end. ours: this supervisor
    signalled the agent, for whatever reason. memory_kills: the kernel ended processes meanwhile.
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        code = 128 + number
    else:
        number, code = None, os.WEXITSTATUS(status)
    if ours:
        return code, "stopped" if asked else "killed"
    if number == signal.SIGKILL and memory_kills:
        return code, "oom"
    if number in FROM_OUTSIDE:
        return code, "killed"
    return code, "exit"


class AgentWatch:
    """One agent from its start to the end of its last descendant."""

    def __init__(self, folder: Path, job: LocalJob, agent: StartedAgent, wake: int) -> None:
        self._folder = folder
        self._job = job
        self._pid = agent.pid
        self._pipes = dict(agent.streams)
        self._logs = {
            name: RawLog(folder / path, job.log_bytes) for name, path in files.RAW.items()
        }
        self._wake = wake
        self._begin = time.monotonic()
        self._memory_kills = out_of_memory_kills()
        self._status: int | None = None
        # When the agent is killed; None before anybody wants its end.
        self._kill_at: float | None = None
        self._asked = False
        self.term = False

    def run(self) -> dict[str, Any]:
        """Returns the content of ended.json, but for the times."""
        while self._status is None:
            self._take_output(self._wait_s())
            self.reap()
            if self._status is None:
                self._keep_limits()
        self.kill_tree()
        self._drain()
        for log in self._logs.values():
            log.close()
        now = out_of_memory_kills()
        code, cause = ending_of(
            self._status, self._asked, self._kill_at is not None, now != self._memory_kills
        )
        return {"exit_code": code, "cause": cause}

    def _wait_s(self) -> float:
        until = self._begin + self._job.limit_s
        if self._kill_at is not None:
            until = self._kill_at
        return min(max(until - time.monotonic(), 0.0), LONGEST_WAIT_S)

    def _keep_limits(self) -> None:
        now = time.monotonic()
        if self.term:
            self.term = False
            wish = files.read_json(self._folder / files.STOP)
            self._asked = self._asked or wish is not None
            self._end_within(float((wish or {}).get("grace_s", self._job.grace_s)))
        if self._kill_at is None and now >= self._begin + self._job.limit_s:
            # The client should have done it.
            self._asked = True
            self._end_within(self._job.grace_s)
        if self._kill_at is not None and now >= self._kill_at:
            self.kill_tree()

    def _end_within(self, grace_s: float) -> None:
        """TERM to the agent's session, once, and the moment of the KILL."""
        kill_at = time.monotonic() + grace_s
        if self._kill_at is not None:
            self._kill_at = min(self._kill_at, kill_at)
            return
        self._kill_at = kill_at
        for number in (signal.SIGTERM, signal.SIGCONT):
            box.signal_all(set(session_of(self._pid)), number)

    def _take_output(self, seconds: float) -> None:
        """Sleeps until something happens; takes at most one chunk of each stream."""
        ready, _, _ = select.select([self._wake, *self._pipes], [], [], seconds)
        if self._wake in ready:
            os.read(self._wake, CHUNK_BYTES)
        for descriptor in set(ready) & self._pipes.keys():
            self._read(descriptor)

    def _read(self, descriptor: int) -> bool:
        """Takes a chunk; False when there is none now."""
        try:
            data = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            os.close(descriptor)
            del self._pipes[descriptor]
            return False
        self._logs[self._pipes[descriptor]].take(data)
        return True

    def _drain(self) -> None:
        """Takes what the pipes still hold. Bounded: someone else may hold the other end."""
        end = time.monotonic() + DRAIN_S
        for descriptor in list(self._pipes):
            while self._read(descriptor) and time.monotonic() < end:
                pass

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
                self._status = status

    def kill_tree(self) -> None:
        """Ends every descendant. They are frozen first, so that a fork bomb cannot outrun this."""
        frozen: set[int] = set()
        end, rounds = time.monotonic() + KILL_S, 0
        while self.reap() and time.monotonic() < end:
            living = set(box.descendants(os.getpid()))
            new = living - frozen
            frozen |= new
            if new and rounds < FREEZE_ROUNDS:
                box.signal_all(new, signal.SIGSTOP)
            else:
                box.signal_all(living, signal.SIGKILL)
                time.sleep(0.002)
            rounds += 1


# ---------------------------------------------------------------- the supervisor itself


def prepare() -> int:
    """Makes this process a subreaper that only SIGTERM reaches; returns a descriptor that gets a
    byte whenever a signal comes.
    """
    box.libc_call("prctl", box.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    wake, wake_end = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return wake


def supervise(folder: Path, environ: Mapping[str, str], answer: int) -> None:
    lock = (folder / files.LOCK).open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(answer, there(folder))
        return
    if (folder / files.BEGUN).exists():
        say(answer, there(folder))
        return
    job = files.read_job(folder)
    draft = files.reserve(folder / files.ENDED)
    wake = prepare()
    # One that comes before the watch can be told.
    terms: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: terms.append(number))
    own, started = str(identify(os.getpid())), time.time()
    files.write_json(folder / files.BEGUN, {"supervisor": own, "at": started})
    try:
        agent = start(folder, job, environ)
    except OSError as error:
        say(answer, {"problem": str(error)})
        return
    # From here on a program of the same user can neither trace this process nor read its memory.
    box.libc_call("prctl", box.PR_SET_DUMPABLE, 0, 0, 0, 0)
    watch = AgentWatch(folder, job, agent, wake)
    signal.signal(signal.SIGTERM, lambda number, frame: setattr(watch, "term", True))
    watch.term = bool(terms)
    try:
        files.write_json(folder / files.AGENT, {"agent": str(identify(agent.pid))})
        say(answer, {"supervisor": own})
        ended = watch.run()
    finally:
        watch.kill_tree()
    times = {"started": started, "finished": time.time()}
    files.write_reserved(draft, folder / files.ENDED, ended | times)


def there(folder: Path) -> dict[str, str]:
    """Who supervises already. It writes that as its first act, so a short patience is enough."""
    end = time.monotonic() + BEGIN_S
    while time.monotonic() < end:
        if begun := files.read_json(folder / files.BEGUN):
            return {"supervisor": begun["supervisor"]}
        time.sleep(0.01)
    return {"problem": "another supervisor holds the folder and does not begin"}


def say(answer: int, words: dict[str, str]) -> None:
    """The client may have died; then nobody wants the answer."""
    with contextlib.suppress(BrokenPipeError):
        os.write(answer, json.dumps(words).encode())
    os.close(answer)


def detached(folder: Path, environ: Mapping[str, str], answer: int) -> NoReturn:
    """The process that stays: in a session of its own, without the client's descriptors."""
    status = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        complaints = os.open(folder / files.COMPLAINTS, flags, 0o600)
        for target, source in enumerate((nothing, nothing, complaints)):
            os.dup2(source, target)
        supervise(folder, environ, answer)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


def main(folder: Path) -> int:
    environ = json.loads(sys.stdin.buffer.read())
    answer, answer_end = os.pipe()
    if os.fork() == 0:
        os.close(answer)
        detached(folder, environ, answer_end)
    os.close(answer_end)
    with os.fdopen(answer, "rb") as file:
        sys.stdout.buffer.write(file.read())
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
