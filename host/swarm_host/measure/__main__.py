"""What the host side itself costs: `python -m swarm_host.measure [NAME ...] [--json FILE]`, in host/.

overhead   seconds of a unit beyond its agent's own run, local backend, without a grader's own time
docker     the same in mle-bench's image; needs a daemon and the image mlebench-env
queue      200 queued units that do nothing, two at a time: whether one was lost, started twice or has
           another's output or grade, and CPU seconds of each in the manager
memory     megabytes of a manager that follows eight units, each printing
reattach   seconds from the start of a manager's code to the adoption of a unit whose manager was
           killed with -9
import     seconds that the import of the command line takes
demo       minutes of scripts/run_host_demo.sh after its installation; only when it is named

Each runs in a process of its own. --json keeps the figures of measures that are not named, and
`python -m benchmark report` makes the table of host/README.md from docs/results/host.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarm_host.measure import programs, units
from swarm_host.measure.figures import Found, NotRun, Promise, figures_of, merged

Figures = list[Mapping[str, Any]]
# Of its work, how much others do beside it.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. act: gets an empty folder; raises NotRun."""

    act: Callable[[Path], Found]
    promises: tuple[Promise, ...]
    # Minutes, so it must be named.
    is_long: bool = False


MEASURES: Mapping[str, Measure] = {
    "overhead": Measure(
        units.overhead, (Promise("a unit beyond its agent's run, local", "s", "<=", 0.3),)
    ),
    "docker": Measure(
        units.docker, (Promise("a unit beyond its agent's run, docker", "s", "<=", 1.5),)
    ),
    "queue": Measure(
        units.queue,
        (
            Promise("units lost", "", "=", 0),
            Promise("units started twice", "", "=", 0),
            Promise("units with another's output or grade", "", "=", 0),
            Promise("CPU of the manager for each unit", "s", "<=", 0.1),
        ),
    ),
    "memory": Measure(units.memory, (Promise("memory of the manager", "MB", "<", 120),)),
    "reattach": Measure(
        units.reattach, (Promise("adoption of a killed manager's unit", "s", "<=", 2),)
    ),
    "import": Measure(programs.imports, (Promise("import of the command line", "s", "<", 0.15),)),
    "demo": Measure(
        programs.demo, (Promise("the demonstration, after installation", "min", "<", 6),), True
    ),
}
SHORT = tuple(name for name, measure in MEASURES.items() if not measure.is_long)


def alone(name: str) -> Found:
    """One measure in a process of its own. Raises subprocess.CalledProcessError."""
    command = [sys.executable, "-m", "swarm_host.measure", "--one", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Found.parse(done.stdout)


def one(name: str) -> Found:
    """One measure in this process."""
    with tempfile.TemporaryDirectory(prefix="swarm-measure-") as folder:
        try:
            return MEASURES[name].act(Path(folder))
        except NotRun as error:
            return Found(None, str(error))


def busy_cores(pause: Callable[[float], object]) -> float:
    """How many cores of this machine work on something else now. pause: lets so many seconds pass.

    Raises OSError where there is no /proc.
    """
    before = _busy_and_all()
    pause(_LOOK_S)
    busy, everything = (now - then for now, then in zip(_busy_and_all(), before, strict=True))
    cores = sum(line.startswith("cpu") for line in Path("/proc/stat").read_text().split("\n")) - 1
    return round(cores * busy / max(everything, 1), 2)


def _busy_and_all() -> tuple[int, int]:
    """Ticks of all cores since the machine was started; waiting for a disk is no work."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def measured(name: str) -> Figures:
    """The figures of one measure, with where they come from."""
    from benchmark.provenance import head

    beside = busy_cores(threading.Event().wait)
    source = {
        "busy_cores_before": beside,
        "commit": head(),
        "date": datetime.date.today().isoformat(),
    }
    return list(figures_of(name, MEASURES[name].promises, alone(name), source))


def keep(path: Path, figures: Figures) -> None:
    """Adds figures to a file of docs/results, in the place of earlier ones of the same measures."""
    from benchmark.provenance import keep_figures

    before: Figures = []
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))["figures"]
    every = merged(before, figures, list(MEASURES))
    commits = ", ".join(dict.fromkeys(str(figure["commit"]) for figure in every))
    command = "python -m swarm_host.measure"
    keep_figures(path, command, {"commit": commits, "figures": every})


def line(figure: Mapping[str, Any]) -> str:
    """For people."""
    words = {None: "NOT RUN", True: "met", False: "missed"}[figure["met"]]
    value = "" if figure["value"] is None else f" {figure['value']:g} {figure['unit']}".rstrip()
    return f"{figure['name']}:{value} (target {figure['target']}: {words}); {figure['note']}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m swarm_host.measure", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures are kept")
    parser.add_argument("--one", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--manage", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - MEASURES.keys()):
        parser.error(f"no measure is called {unknown[0]}; there are {', '.join(MEASURES)}")
    if asked.manage:
        units.manage(asked.manage)
        return 0
    if asked.one:
        print(one(asked.one).text())
        return 0
    for name in asked.names or SHORT:
        figures = measured(name)
        print("\n".join(map(line, figures)), flush=True)
        if asked.json:
            keep(asked.json, figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
