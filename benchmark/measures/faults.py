"""Programs that do not want to end, and by how much they get over their limit."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.measure import Figures, Measure, number
from core.execution.box import Box, BoxLimits
from core.execution.detection import detect
from core.execution.environment import inherited
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.stop import StopSignal
from core.execution.weights import NOTHING
from core.records import Job, TableFile, View
from utils.hardware import usable_cpus
from utils.process import become_subreaper

LIMIT_S = 1.0
_STUBBORN = "import signal\nfor number in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(number, signal.SIG_IGN)\n"
_FORK = (
    "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        {inside}time.sleep(600)\n"
)
PROGRAMS = {
    "infinite loop": "while True:\n    pass\n",
    "ignores SIGINT and SIGTERM, silent": _STUBBORN + "while True:\n    pass\n",
    "ignores SIGINT and SIGTERM, printing": _STUBBORN + "while True:\n    print('x' * 1000)\n",
    "forked children that hold stdout": _FORK.format(inside="") + "time.sleep(600)\n",
    "forked children in sessions of their own": _FORK.format(inside="os.setsid(); ")
    + "time.sleep(600)\n",
    "sleeps": "import time\ntime.sleep(600)\n",
}


@dataclass(frozen=True, slots=True)
class Overrun:
    """over_s: seconds between the limit and the return of the runner, start of the interpreter
    included.
    """

    program: str
    over_s: list[float]


def measure_faults(repeats: int) -> list[Overrun]:
    become_subreaper()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "view").mkdir()
        view = View(
            "search0", "search", 0, str(place / "view"), "", None, TableFile("none.csv"), 1, 0, 0
        )
        environ, stop = inherited(), StopSignal()
        facts = detect(place, (place,), (place / "view",), environ)
        leases, limits = LeasePool(usable_cpus(), 1), BoxLimits()
        runner = BoxRunner(
            Box(place, (place,), environ, facts, stop),
            place,
            leases,
            limits,
            lambda: NOTHING,
            time.time,
            lambda: time.time() + 60,
        )
        found = []
        for name, text in PROGRAMS.items():
            over_s = [_over(runner, view, text) for _ in range(repeats)]
            found.append(Overrun(name, over_s))
        stop.close()
        return found


def _over(runner: BoxRunner, view: View, program: str) -> float:
    job = Job("fault", "fault", program, view, 1, LIMIT_S)
    begin = time.monotonic()
    outcome = runner.run(job)
    seconds = time.monotonic() - begin
    runner.release(job)
    if not outcome.timed_out:
        raise RuntimeError(f"the program ended by itself: {outcome}")
    return seconds - LIMIT_S


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    yield {"programs": [asdict(overrun) for overrun in measure_faults(options.repeats)]}


MEASURE = Measure(
    name="faults",
    help="by how many seconds stubborn programs get over their limit",
    options=(number("--repeats", 5, "runs of each program"),),
    figures=_figures,
    line=lambda figures: json.dumps(figures["programs"], indent=1),
)
