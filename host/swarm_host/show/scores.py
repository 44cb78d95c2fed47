"""The best score that swarm-evo's own report tells while a unit runs, wherever the report lies."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from swarm_host.backends.local import files as local
from swarm_host.disk.files import read_regular
from swarm_host.protocols import Clock
from swarm_host.records import Handle, UnitRow

# Copies a small file out of where an agent runs; None when it is not to be had.
Peek = Callable[[Handle, str], bytes | None]

REPORT = "run.json"
# A report of swarm-evo is a few kilobytes.
LARGEST_REPORT = 1 << 20
# Between two looks into one container. Each is a command to a daemon.
PEEK_S = 30.0
_CONTAINER_HOME = "/home/"


class Scores:
    """Looks at reports; changes nothing.

    A report that lies on this disk is read at each look. Into a container `peek` looks, seldom and
    one at a time, so that a slow daemon holds up the display once and not once per unit.
    """

    def __init__(self, runs: Path, peek: Peek | None, clock: Clock) -> None:
        """runs: the folder of runs, where the local backend keeps what an agent writes. peek: None
        looks into no container.
        """
        self._runs = runs
        self._peek = peek
        self._clock = clock
        # Of containers, by their name: when the next look is due, and what the last one found.
        self._due: dict[str, float] = {}
        self._found: dict[str, float | None] = {}
        # Containers that were asked for since the present look began.
        self._asked: set[str] = set()
        # The only one that may be looked into in the present look.
        self._turn: str | None = None

    def next_look(self) -> None:
        """Begins a look at all units, in which one container may be looked into: of those of the last
        look the one that is due for longest. The first unit's would leave no turn to the last ones.
        """
        waits = {name: due for name, due in self._due.items() if name in self._asked}
        self._turn = min(waits, key=waits.__getitem__, default=None)
        self._asked = set()

    def of(self, row: UnitRow) -> float | None:
        """None: not known."""
        if row.spec.run.outputs.logs is None:
            return None
        inside = PurePosixPath(row.spec.run.outputs.logs)
        found = best_score(self._reports(row, inside))
        if found is None and row.state == "running" and row.handle:
            found = self._inside(row.handle, str(inside / REPORT))
        return found

    def _inside(self, handle: Handle, path: str) -> float | None:
        """What the last look into a container found. The first one is not at once: an agent has no
        score before that, and a container that starts is left alone.
        """
        now = self._clock()
        self._asked.add(handle.name)
        due = self._due.setdefault(handle.name, now + PEEK_S)
        if self._peek is not None and handle.name == self._turn and now >= due:
            self._turn = None
            data = self._peek(handle, path)
            self._found[handle.name] = None if data is None else score_in(data)
            self._due[handle.name] = self._clock() + PEEK_S
        return self._found.get(handle.name)

    def _reports(self, row: UnitRow, inside: PurePosixPath) -> list[Path]:
        """Where the report may lie on this disk while the unit runs."""
        places = [Path(row.spec.folder) / "logs"]
        for mount in row.spec.run.mounts:
            if inside.is_relative_to(mount.target):
                places.append(Path(mount.source) / inside.relative_to(mount.target))
        if row.handle and row.handle.backend == "local":
            work = local.state_folder(self._runs) / row.handle.name / local.WORK
            # Paths of a process are relative to its work folder, which /home stands for as well.
            places.append(work / str(inside).removeprefix(_CONTAINER_HOME))
        return [place / REPORT for place in places]


def best_score(reports: Sequence[Path]) -> float | None:
    """Of the first report that is there and holds one."""
    for report in reports:
        try:
            found = score_in(read_regular(report, LARGEST_REPORT))
        except OSError:
            continue
        if found is not None:
            return found
    return None


def score_in(data: bytes) -> float | None:
    """`best.score` of a report. It is the agent's: anything may be in it."""
    try:
        found: Any = json.loads(data)
        score = found["best"]["score"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    # True is an int.
    if type(score) in (int, float) and math.isfinite(score):
        return float(score)
    return None
