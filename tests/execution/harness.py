"""A runner with a view, a protected folder and a marker that finds what was left running."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from core.execution.box import Box, BoxLimits
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.stop import StopSignal
from core.execution.weights import NOTHING
from core.records import BoxFacts, Job, Outcome, TableFile, View

PROGRAMS = Path(__file__).parent / "programs"
SECRET = "sk-very-secret"
LIMITS = BoxLimits(memory_mb=300, processes=60, disk_mb=40, file_mb=30, poll_s=0.05)


class Bench:
    """Runs programs by name. `runner` may be replaced by one with other facts through `with_facts`."""

    def __init__(self, base: Path, facts: BoxFacts, interpreter: str = sys.executable) -> None:
        self.base = base
        self.marker = uuid.uuid4().hex
        self.stop = StopSignal()
        self.secret = base / "data" / "answers.csv"
        self.view = self._make_view()
        self.leases = LeasePool(sorted(os.sched_getaffinity(0)), 1)
        self.interpreter = interpreter
        self.deadline = time.time() + 300
        self.limits = LIMITS
        self.with_facts(facts)

    def with_facts(self, facts: BoxFacts) -> Bench:
        self.facts = facts
        environ = {
            **os.environ,
            "LC_MARK": self.marker,
            "OPENAI_API_KEY": SECRET,
            "CUDA_API_KEY": SECRET,
        }
        box = Box(
            self.base / "ws",
            (self.base / "data",),
            environ,
            facts,
            self.stop,
            self.interpreter,
        )
        self.runner = BoxRunner(
            box,
            self.base / "logs",
            self.leases,
            self.limits,
            lambda: NOTHING,
            time.time,
            lambda: self.deadline,
        )
        return self

    def with_limits(self, limits: BoxLimits) -> Bench:
        self.limits = limits
        return self.with_facts(self.facts)

    def job(self, program: str, limit_s: float = 20.0) -> Job:
        """program: name of a file below programs/, or the text itself."""
        path = PROGRAMS / f"{program}.py"
        text = path.read_text() if "\n" not in program and path.exists() else program
        return Job("key", "p1", text, self.view, 7, limit_s)

    def run(self, program: str, limit_s: float = 20.0) -> Outcome:
        return self.runner.run(self.job(program, limit_s))

    def left_over(self) -> list[int]:
        """Processes that carry the marker in their environment, this one apart."""
        return [pid for pid in processes_with(self.marker.encode()) if pid != os.getpid()]

    def _make_view(self) -> View:
        path = self.base / "ws" / "views" / "search0"
        path.mkdir(parents=True)
        self.secret.parent.mkdir()
        self.secret.write_text("the answers")
        (path / "train.csv").write_text("id,x,target\n1,2,0\n")
        (path / "sample.csv").write_text("id,target\n1,0\n")
        return View("search0", "search", 0, str(path), "", None, TableFile("sample.csv"), 1, 1, 1)

    def add_paths(self, *paths: Path) -> None:
        (Path(self.view.path) / "paths.txt").write_text("\n".join(str(path) for path in paths))


def processes_with(marker: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
