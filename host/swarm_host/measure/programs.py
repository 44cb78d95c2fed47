"""Measures of whole programs: the start of the command line, and the demonstration."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from swarm_host.life.outcomes import outcome_of_row
from swarm_host.measure.figures import Found
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.places import HOST, ROOT

STARTS = 9
DEMO = ("bash", str(ROOT / "scripts" / "run_host_demo.sh"))
_IMPORT = """\
import sys, time
sys.path[:0] = {paths}
began = time.perf_counter()
import swarm_host.cli.main
print(time.perf_counter() - began)
import swarm_host.cli.starting, swarm_host.launch.leading, swarm_host.launch.planning
print(time.perf_counter() - began)
"""
_SECONDS = re.compile(r"^seconds after installation: (\d+)$", re.MULTILINE)
_RUNS = re.compile(r"^runs: (.+)$", re.MULTILINE)


def imports(scratch: Path) -> Found:
    """Seconds that the import of the command line takes in an interpreter that has nothing but its own.
    Commands load what they need later: the note says what the largest of them takes with that.
    """
    code = _IMPORT.format(paths=[str(ROOT), str(HOST)])
    command = [sys.executable, "-c", code]
    # The first one may have to compile.
    found = [_numbers(command) for _ in range(STARTS + 1)][1:]
    line, sweep = (statistics.median(seconds) for seconds in zip(*found, strict=True))
    note = f"median of {STARTS} processes; with all that `sweep` loads {sweep:.2f} s"
    return Found((round(line, 4),), note)


def _numbers(command: Sequence[str]) -> list[float]:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return [float(word) for word in done.stdout.split()]


def demo(scratch: Path, command: Sequence[str] = DEMO) -> Found:
    """Minutes of the demonstration after its installation, by its own clock.

    Its output is copied to standard error, and what it makes lies in `scratch`. Raises RuntimeError
    when it did not come to its end.
    """
    environ = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            print(line, end="", file=sys.stderr, flush=True)
    text = "".join(lines)
    seconds, runs = _SECONDS.search(text), _RUNS.search(text)
    if seconds is None or runs is None:
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return Found((round(int(seconds[1]) / 60, 2),), _outcomes(Path(runs[1])))


def _outcomes(runs: Path) -> str:
    store = SqliteStore(runs)
    try:
        counts = Counter(outcome_of_row(row) or row.state for row in store.units())
    finally:
        store.close()
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    return f"{sum(counts.values())} runs: {told}"
