"""What the host side itself costs: `python -m swarm_host.measure [NAME ...] [--json FILE]`.

overhead   seconds of a unit beyond its agent's own run, local backend, without a grader's own time
queue      200 queued units that do nothing, two at a time: CPU seconds each in the manager, and
           whether one was lost or started twice
memory     resident bytes of a manager that follows eight units, each printing
reattach   seconds from the start of a manager's code to the adoption of a unit whose manager was
           killed with -9

Each runs in a process of its own, on real agents (small shell scripts) and real files.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from swarm_host.backends.local.backend import LocalBackend
from swarm_host.disk import files
from swarm_host.groups.manager import Manager, Manners, managing
from swarm_host.life.world import World
from swarm_host.protocols import Source
from swarm_host.records import Competition, Grade, Group, RunConfig, UnitSpec
from swarm_host.states import FINAL
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

UNITS, QUEUED, FOLLOWED = 10, 200, 8
NOTHING = "mkdir -p submission && echo 0.5 > submission/submission.csv"
SHORT = f"{NOTHING}; sleep 0.5"
PRINTS = "while :; do echo a line of output; sleep 0.1; done"


class NoGrader:
    """A source whose grader costs nothing."""

    name = "none"

    def names(self) -> Sequence[str]:
        return ["nothing"]

    def prepare(self, competition: str) -> Competition:
        return Competition(competition, self.name, os.devnull)

    def grade(self, competition: str, submission: Path) -> Grade:
        return Grade(True, 0.5, True)


@contextlib.contextmanager
def manager_in(runs: Path, width: int) -> Iterator[Manager]:
    """A manager with the local backend."""
    store = SqliteStore(runs)
    owner = Owner(store.state)
    backend, source = LocalBackend(runs), NoGrader()

    def find_source(name: str | None, root: str | None) -> Source:
        return source

    world = World(store, lambda name: backend, find_source, time.time, threading.Event())
    manners = Manners(width=width, least_free=0, second_signal_s=0.0)
    try:
        with managing(world, owner, store, manners) as manager:
            yield manager
    finally:
        owner.close()
        store.close()


def add(manager: Manager, runs: Path, script: str, count: int) -> None:
    """A group of so many units, each a shell script."""
    folder = runs / "measured_run-group_script"
    units = []
    for number in range(count):
        place = str(folder / f"nothing_{number:04d}")
        run = RunConfig(None, ("sh", "-c", script), place, backend="local")
        name = f"measured-{number:04d}"
        units.append(UnitSpec(name, "measured", "script", "nothing", None, number, place, run))
    manager.add(Group("measured", "script", str(folder), time.time()), units)


# ---------------------------------------------------------------- measures


def overhead(runs: Path) -> Mapping[str, Any]:
    """Seconds between claim and result, without those that the agent ran; one unit at a time."""
    with manager_in(runs, 1) as manager:
        add(manager, runs, SHORT, UNITS)
        manager.run()
        found = []
        for row in manager.store.units():
            events = manager.store.events(unit=row.spec.unit_id)
            claimed = next(event.at for event in events if event.data.get("to") == "claimed")
            assert row.result is not None
            found.append(events[-1].at - claimed - (row.result.usage.seconds or 0.0))
    return {
        "units": UNITS,
        "median_s": round(statistics.median(found), 4),
        "most_s": round(max(found), 4),
    }


def queue(runs: Path) -> Mapping[str, Any]:
    """CPU time of this process with all its threads, and none of the agents' own."""
    with manager_in(runs, 2) as manager:
        add(manager, runs, NOTHING, QUEUED)
        cpu, began = time.process_time(), time.monotonic()
        manager.run()
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        rows = manager.store.units()
        claims = Counter(
            event.unit for event in manager.store.events() if event.data.get("to") == "claimed"
        )
    ended = sum(row.state in FINAL for row in rows)
    twice = sum(count > 1 for count in claims.values())
    outcomes = Counter(row.result.outcome for row in rows if row.result)
    return {
        "units": QUEUED,
        "cpu_s_each": round(cpu / QUEUED, 4),
        "wall_s": round(wall, 1),
        "lost": QUEUED - ended,
        "doubled": twice,
        "outcomes": dict(outcomes),
    }


def memory(runs: Path) -> Mapping[str, Any]:
    """Resident bytes of this process once every log has grown to some lines."""
    with manager_in(runs, FOLLOWED) as manager:
        add(manager, runs, PRINTS, FOLLOWED)
        thread = threading.Thread(target=manager.run, daemon=True)
        thread.start()
        logs = [Path(row.spec.folder) / "logs" / "stdout.log" for row in manager.store.units()]
        wait_until(lambda: all(log.exists() and log.stat().st_size > 100 for log in logs))
        resident = resident_bytes()
        manager.cancel_group("measured")
        thread.join()
    return {"units": FOLLOWED, "resident_mb": round(resident / 1e6, 1)}


def reattach(runs: Path) -> Mapping[str, Any]:
    """A manager in a process of its own is killed; this one takes its unit over."""
    command = [sys.executable, "-m", "swarm_host.measure", "--manage", str(runs)]
    with subprocess.Popen(command) as killed:
        store = SqliteStore(runs)
        wait_until(lambda: any(row.state == "running" for row in store.units()))
        killed.send_signal(signal.SIGKILL)
    store.close()
    began = time.time()
    with manager_in(runs, 1) as manager:
        thread = threading.Thread(target=manager.run, daemon=True)
        thread.start()
        wait_until(lambda: _adopted(manager) is not None)
        seconds = (_adopted(manager) or 0.0) - began
        manager.cancel_group("measured")
        thread.join()
    return {"seconds": round(seconds, 3)}


def _adopted(manager: Manager) -> float | None:
    found = [event.at for event in manager.store.events() if event.kind == "adopt"]
    return found[0] if found else None


def manage(runs: Path) -> None:
    """The manager that is killed."""
    with manager_in(runs, 1) as manager:
        add(manager, runs, PRINTS, 1)
        manager.run()


MEASURES: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    "overhead": overhead,
    "queue": queue,
    "memory": memory,
    "reattach": reattach,
}


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


def alone(name: str) -> Mapping[str, Any]:
    """One measure in a process of its own. Raises subprocess.CalledProcessError."""
    command = [sys.executable, "-m", "swarm_host.measure", "--one", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m swarm_host.measure", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures are written")
    parser.add_argument("--one", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--manage", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - MEASURES.keys()):
        parser.error(f"no measure is called {unknown[0]}; there are {', '.join(MEASURES)}")
    if asked.manage:
        manage(asked.manage)
        return 0
    if asked.one:
        with tempfile.TemporaryDirectory(prefix="swarm-measure-") as folder:
            print(json.dumps(MEASURES[asked.one](Path(folder))))
        return 0
    figures = {name: alone(name) for name in asked.names or MEASURES}
    text = json.dumps(figures, indent=1)
    print(text)
    if asked.json:
        files.write_atomic(asked.json, text + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
