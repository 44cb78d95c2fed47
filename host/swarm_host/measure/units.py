"""Measures of units: real managers, agents that are small shell scripts, real files."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.errors import UnknownName
from swarm_host.groups.manager import Manager, Manners, managing
from swarm_host.life.world import World
from swarm_host.measure.figures import Found, NotRun
from swarm_host.protocols import Backend, Source
from swarm_host.records import Competition, Grade, Group, Outputs, RunConfig, UnitRow, UnitSpec
from swarm_host.states import FINAL
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.mle_bench import BASE_IMAGE

UNITS, QUEUED, FOLLOWED, KILLED = 10, 200, 8, 5
# Each unit says and submits its own number, $0, by which its output and its grade are told from others.
NOTHING = "mkdir -p submission && echo $0 > submission/submission.csv && echo $0"
SHORT = f"{NOTHING}; sleep 0.5"
PRINTS = "while :; do echo a line of output; sleep 0.1; done"
_GROUP = "measured"


class NoGrader:
    """A source whose grader costs nothing: the score is the number that the submission holds."""

    name = "none"

    def names(self) -> Sequence[str]:
        return ["nothing"]

    def prepare(self, competition: str) -> Competition:
        return Competition(competition, self.name, os.devnull)

    def grade(self, competition: str, submission: Path) -> Grade:
        return Grade(True, float(submission.read_text()), True)


@contextlib.contextmanager
def manager_in(
    runs: Path, width: int, backend: Backend | None = None, source: Source | None = None
) -> Iterator[Manager]:
    """A manager, with the local backend and a free grader unless others are given."""
    store = SqliteStore(runs)
    owner = Owner(store.state)
    used = backend or LocalBackend(runs, os.environ)
    grader = source or NoGrader()

    def find_source(name: str | None, root: str | None) -> Source:
        return grader

    world = World(store, lambda name: used, find_source, time.time, threading.Event(), os.environ)
    manners = Manners(width=width, least_free=0, second_signal_s=0.0)
    try:
        with managing(world, owner, store, manners) as manager:
            yield manager
    finally:
        owner.close()
        store.close()


def local_run(script: str, number: int, place: str) -> RunConfig:
    """A shell script as a process of this machine."""
    outputs = Outputs("submission", "code", "logs")
    return RunConfig(
        None, ("sh", "-c", script, str(number)), place, backend="local", outputs=outputs
    )


def docker_run(script: str, number: int, place: str) -> RunConfig:
    """The same in mle-bench's image, started as mle-bench starts agents."""
    return RunConfig(
        BASE_IMAGE, ("sh", "-c", script, str(number)), place, network="none", mle_bench=True
    )


@contextlib.contextmanager
def at_work(manager: Manager) -> Iterator[None]:
    """Runs the manager in a thread. However the block ends, no agent of the group is left."""
    thread = threading.Thread(target=manager.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        try:
            manager.cancel_group(_GROUP)
        finally:
            thread.join()


MakeRun = Callable[[str, int, str], RunConfig]


def add(
    manager: Manager, runs: Path, script: str, count: int, make_run: MakeRun = local_run
) -> None:
    """A group of so many units, numbered by their seeds."""
    folder = runs / "measured_run-group_script"
    units = []
    for number in range(count):
        place = str(folder / f"nothing_{number:04d}")
        run = make_run(script, number, place)
        name = f"measured-{number:04d}"
        units.append(UnitSpec(name, _GROUP, "script", "nothing", number, place, run))
    manager.add(Group(_GROUP, "script", str(folder), time.time()), units)


# ---------------------------------------------------------------- one unit beyond its agent


@dataclass(frozen=True, slots=True)
class _Beyond:
    """Seconds of a unit before its agent began and after it ended."""

    before: float
    after: float

    @property
    def both(self) -> float:
        return self.before + self.after


def overhead(runs: Path) -> Found:
    """Of the local backend."""
    with manager_in(runs, 1) as manager:
        return _overhead(manager, runs, local_run)


def docker(runs: Path) -> Found:
    """Of the docker backend. Raises NotRun without a daemon or the image."""
    backend = DockerBackend(os.environ, time.time, str(runs))
    for problem in backend.preflight(docker_run(SHORT, 0, str(runs))):
        if problem.refuses:
            raise NotRun(problem.what)
    with manager_in(runs, 1, backend) as manager:
        return _overhead(manager, runs, docker_run)


def _overhead(manager: Manager, runs: Path, make_run: MakeRun) -> Found:
    """Between claim and result, without the seconds of the agent; one unit at a time."""
    add(manager, runs, SHORT, UNITS, make_run)
    manager.run()
    found = [_beyond(manager, row) for row in manager.store.units()]
    most = max(beyond.both for beyond in found)
    before = statistics.median(beyond.before for beyond in found)
    after = statistics.median(beyond.after for beyond in found)
    note = (
        f"median of {UNITS} units, {most:.2f} s at most; {before:.2f} s of it before the agent began, "
        f"{after:.2f} s after it ended; no grader"
    )
    return Found((round(statistics.median(beyond.both for beyond in found), 4),), note)


def _beyond(manager: Manager, row: UnitRow) -> _Beyond:
    """Raises RuntimeError when the unit did not end well."""
    result = row.result
    ending = result.ending if result and result.outcome == "ok" else None
    if ending is None or ending.started is None or ending.finished is None:
        raise RuntimeError(f"{row.spec.unit_id}: {result}")
    events = manager.store.events(unit=row.spec.unit_id)
    claimed = next(event.at for event in events if event.data.get("to") == "claimed")
    return _Beyond(ending.started - claimed, events[-1].at - ending.finished)


# ---------------------------------------------------------------- many units


def queue(runs: Path, source: Source | None = None) -> Found:
    """Units that do nothing, two at a time: lost, doubled, mixed, and CPU seconds of each in this
    process with all its threads, none of the agents' own.
    """
    with manager_in(runs, 2, source=source) as manager:
        add(manager, runs, NOTHING, QUEUED)
        cpu, began = time.process_time(), time.monotonic()
        manager.run()
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        rows = manager.store.units()
        claims = Counter(
            event.unit for event in manager.store.events() if event.data.get("to") == "claimed"
        )
    lost = QUEUED - sum(row.state in FINAL for row in rows)
    doubled = sum(count > 1 for count in claims.values())
    mixed = sum(not is_its_own(row) for row in rows)
    outcomes = Counter(row.result.outcome for row in rows if row.result)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    note = f"{QUEUED} queued units, two at a time, {wall:.0f} s in all; {told}"
    return Found((lost, doubled, mixed, round(cpu / QUEUED, 4)), note)


def is_its_own(row: UnitRow) -> bool:
    """Output, submission and grade are those of the unit's own agent, which says its number."""
    folder, number = Path(row.spec.folder), row.spec.seed
    try:
        log = (folder / "logs" / "stdout.log").read_text()
        submission = (folder / "submission" / "submission.csv").read_text()
    except OSError:
        return False
    grade = row.result.grade if row.result else None
    return log == submission == f"{number}\n" and grade is not None and grade.score == number


def memory(runs: Path) -> Found:
    """Resident bytes of this process once every log has grown to some lines."""
    with manager_in(runs, FOLLOWED) as manager:
        add(manager, runs, PRINTS, FOLLOWED)
        logs = [Path(row.spec.folder) / "logs" / "stdout.log" for row in manager.store.units()]
        with at_work(manager):
            wait_until(lambda: all(log.exists() and log.stat().st_size > 100 for log in logs))
            resident = resident_bytes()
    return Found((round(resident / 1e6, 1),), f"{FOLLOWED} followed units, local backend")


# ---------------------------------------------------------------- a killed manager


def reattach(runs: Path) -> Found:
    """Seconds from the first line of a manager's code to the adoption of a unit that another one,
    killed with -9, had.
    """
    found = [_reattach(runs / str(number)) for number in range(KILLED)]
    return Found((round(max(found), 3),), f"the longest of {KILLED}")


def _reattach(runs: Path) -> float:
    command = [sys.executable, "-m", "swarm_host.measure", "--manage", str(runs)]
    try:
        with subprocess.Popen(command) as killed, contextlib.closing(SqliteStore(runs)) as store:
            try:
                wait_until(lambda: any(row.state == "running" for row in store.units()))
            finally:
                killed.kill()
    except BaseException:
        _end_what_was_left(runs)
        raise
    began = time.time()
    with manager_in(runs, 1) as manager, at_work(manager):
        wait_until(lambda: _adopted(manager) is not None)
        return (_adopted(manager) or 0.0) - began


def _end_what_was_left(runs: Path) -> None:
    """Ends the agents of a manager that is gone, as far as it came to have a group."""
    with manager_in(runs, 1) as manager, contextlib.suppress(UnknownName), at_work(manager):
        pass


def _adopted(manager: Manager) -> float | None:
    found = [event.at for event in manager.store.events() if event.kind == "adopt"]
    return found[0] if found else None


def manage(runs: Path) -> None:
    """The manager that is killed."""
    with manager_in(runs, 1) as manager:
        add(manager, runs, PRINTS, 1)
        manager.run()


# ---------------------------------------------------------------- tools


def resident_bytes() -> int:
    """Of this process, as the kernel counts it. Raises OSError where there is no /proc."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Raises TimeoutError."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come within {seconds:g} s")
        pause.wait(0.02)
