"""A backend of real processes and real files, small enough to read, and a grader of real files.

Like the real backends it survives the process that uses it: a start leaves a shell behind that runs
the agent and writes its exit status down. Everything of a start lies in `<root>/<unit>-<attempt>/`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from swarm_host.errors import GradingFailed, Lost, UnknownName
from swarm_host.protocols import Sink, Source, Stop
from swarm_host.records import (
    BuildConfig,
    Collected,
    CollectLimits,
    Competition,
    Ending,
    Grade,
    Handle,
    Isolation,
    Problem,
    RunConfig,
    Stream,
    UnitSpec,
)

# Only the first shell in the folder runs the agent. TERM ends the agent, not its shell.
_SHELL = """
cd "$1" || exit
shift
mkdir started 2>/dev/null || { echo there; exit; }
basename "$PWD" >> ../starts
echo $$ > pid
date +%s.%N > began
mkdir -p work
# Who asked may be dead by now.
(trap '' PIPE; echo started) 2> /dev/null
exec 1>&-
trap : TERM
(cd work && exec "$@") > out 2> err < /dev/null
echo $? > exit.new && mv exit.new exit
"""
_FILES: dict[Stream, str] = {"stdout": "out", "stderr": "err"}
LEAVES = ("sh", "-c", "mkdir -p submission && echo 0.5 > submission/submission.csv")


class FakeBackend:
    """See protocols.Backend. `gate` is called with a word before and after acts: a test stops there.

    `faults[method]` holds errors that the next calls of a method raise, None for a call that is well.
    """

    name = "fake"

    def __init__(self, root: Path, gate: Callable[[str], None] = lambda word: None) -> None:
        self.root = root
        self.gate = gate
        self.faults: dict[str, deque[Exception | None]] = {}
        self.calls: list[str] = []
        root.mkdir(parents=True, exist_ok=True)

    def preflight(self, run: RunConfig) -> Sequence[Problem]:
        return [] if run.command else [Problem("no command", "write one")]

    def plan(self, unit: UnitSpec, attempt: int) -> Sequence[Sequence[str]]:
        return [("sh", "-c", "...", *unit.run.command)]

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        self._called("build")
        sink.write("build", f"building {tag}\n".encode())
        with (self.root / "built").open("a") as file:
            file.write(f"{tag}\n")
        self.gate("building")

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        self._called("start")
        self.gate("before start")
        folder = self.root / f"{unit.unit_id}-{attempt}"
        folder.mkdir(exist_ok=True)
        command = ["sh", "-c", _SHELL, "sh", folder, *unit.run.command]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            # Inherited, it would keep a pipe of the process open that starts us.
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as shell:
            assert shell.stdout is not None
            shell.stdout.readline()
            # Its end is not waited for: it lives on without us.
            shell.returncode = 0
        self.gate("after start")
        return Handle(self.name, folder.name, (folder / "pid").read_text().strip())

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        self._called("follow")
        folder = self._folder(handle)
        places = {stream: int(sink.mark(stream) or 0) for stream in _FILES}
        while not stop.is_set():
            ended = self._ended(folder)
            for stream, name in _FILES.items():
                data = _from(folder / name, places[stream])
                if data:
                    places[stream] += len(data)
                    sink.write(stream, data, str(places[stream]))
            if ended:
                return
            stop.wait(0.01)

    def poll(self, handle: Handle) -> Ending | None:
        self._called("poll")
        folder = self._folder(handle)
        if not self._ended(folder):
            return None
        began = float((folder / "began").read_text())
        if not (folder / "exit").exists():
            return Ending(137, "killed", began, None)
        code = int((folder / "exit").read_text())
        cause = "stopped" if (folder / "stopping").exists() else "exit"
        if (folder / "work" / "oom").exists():
            cause = "oom"
        finished = (folder / "exit").stat().st_mtime
        return Ending(code, cause, began, finished)  # type: ignore[arg-type]

    def stop(self, handle: Handle, grace_s: float) -> None:
        self._called("stop")
        folder = self._folder(handle)
        if self._ended(folder):
            return
        (folder / "stopping").touch()
        _signal(handle, signal.SIGTERM)
        if not _within(grace_s, lambda: self._ended(folder)):
            (folder / "exit").write_text("137")
            _signal(handle, signal.SIGKILL)

    def collect(
        self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits
    ) -> Collected:
        self._called("collect")
        self.gate("collecting")
        work = self._folder(handle) / "work"
        files = 0
        for name in ("submission", "code", "logs"):
            if (work / name).is_dir():
                shutil.copytree(work / name, into / name)
                files += len(list((into / name).rglob("*")))
        return Collected(files, 0, ("code/huge: too large",) if (work / "huge").exists() else ())

    def remove(self, handle: Handle) -> None:
        self._called("remove")
        if handle.id:
            _signal(handle, signal.SIGKILL)
        shutil.rmtree(self.root / handle.name, ignore_errors=True)

    def find(self, group: str | None = None) -> Sequence[Handle]:
        self._called("find")
        found = []
        for path in sorted(self.root.glob(f"{group or ''}*/pid")):
            found.append(Handle(self.name, path.parent.name, path.read_text().strip()))
        return found

    def isolation(self, run: RunConfig) -> Isolation:
        return "none"

    # ------------------------------------------------------------ for tests

    def starts(self) -> list[str]:
        """Names of all agents that were really started, in order."""
        path = self.root / "starts"
        return path.read_text().split() if path.exists() else []

    def fail(self, method: str, *errors: Exception | None) -> None:
        self.faults.setdefault(method, deque()).extend(errors)

    def alive(self) -> list[str]:
        """Names of agents that still run."""
        return [handle.name for handle in self.find() if not self._ended(self._folder(handle))]

    def _called(self, method: str) -> None:
        self.calls.append(method)
        errors = self.faults.get(method)
        error = errors.popleft() if errors else None
        if error is not None:
            raise error

    def _folder(self, handle: Handle) -> Path:
        folder = self.root / handle.name
        if not folder.is_dir():
            raise Lost(f"{handle.name} is not there any more")
        return folder

    def _ended(self, folder: Path) -> bool:
        return (folder / "exit").exists() or not _is_alive((folder / "pid").read_text().strip())


def _from(path: Path, place: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(place)
        return file.read()


def _is_alive(pid: str) -> bool:
    """Not a process that has ended and that nobody waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _signal(handle: Handle, number: signal.Signals) -> None:
    try:
        os.killpg(int(handle.id), number)
    except ProcessLookupError:
        pass


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Looks at a condition until it holds; False when it did not in time."""
    end = subprocess.Popen(["sleep", str(seconds)])
    try:
        while end.poll() is None:
            if condition():
                return True
            try:
                end.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
        return condition()
    finally:
        end.kill()
        end.wait()


class FakeSource:
    """See protocols.Source. A submission is one number, its score; lower is better."""

    name = "fake"

    def __init__(self, gate: Callable[[str], None] = lambda word: None) -> None:
        self.gate = gate
        self.graded: list[Path] = []

    def names(self) -> Sequence[str]:
        return ["toy"]

    def prepare(self, competition: str) -> Competition:
        if competition != "toy":
            raise UnknownName(f"no competition is called {competition!r}; there is toy")
        return Competition("toy", self.name, "/nowhere")

    def grade(self, competition: str, submission: Path) -> Grade:
        self.gate("grading")
        self.graded.append(submission)
        text = submission.read_text().strip()
        if text == "break":
            raise GradingFailed("the grader divided by zero")
        try:
            return Grade(True, float(text), True, report={"beats_references": float(text) < 0.3})
        except ValueError:
            return Grade(False, None, True, f"{text!r} is no number")


def one_backend(backend: FakeBackend) -> Callable[[str], FakeBackend]:
    """The table of backends that has only this one."""

    def find(name: str) -> FakeBackend:
        if name != backend.name:
            raise UnknownName(f"no backend is called {name!r}; there is {backend.name}")
        return backend

    return find


def one_source(source: FakeSource) -> Callable[[str | None, str | None], Source]:
    return lambda name, root: source
