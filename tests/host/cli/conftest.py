"""A folder of runs with some history, and the command line on it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from swarm_host.cli.main import main
from swarm_host.records import Grade, UnitSpec
from swarm_host.store.sqlite import SqliteStore

from tests.host.made import Clock, a_group, a_result, a_run, a_unit

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Commands:
    """The command line in this process; `process` starts one of its own."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home")}

    def __call__(self, *words: str, runs: bool = True) -> Answer:
        self.capture.readouterr()
        more = ["--runs", str(self.runs)] if runs else []
        status = main([*words, *more], self.environ)
        said = self.capture.readouterr()
        return Answer(status, said.out, said.err)

    def process(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "swarm_host", *words],
            cwd=self.folder,
            env=self.environ
            | {"PYTHONPATH": str(ROOT / "host"), "SWARM_HOST_RUNS": str(self.runs)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Leaves no process behind, also after a test that failed."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate(timeout=60)

    def store(self) -> SqliteStore:
        return SqliteStore(self.runs)


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    made = Commands(tmp_path.resolve(), capsys)
    yield made
    made.end()


def finished(store: SqliteStore, unit: UnitSpec, **fields: Any) -> None:
    """The unit ends with this result."""
    assert store.claim("me", 60, unit.unit_id) is not None
    store.finish(unit.unit_id, "me", a_result(unit.unit_id, **fields))


@pytest.fixture
def history(commands: Commands) -> Commands:
    """Two agents of one sweep, two seeds each: three graded, one lost; and an older group."""
    clock = Clock(2_000_000_000.0)
    store = SqliteStore(commands.runs, clock)
    old = dataclasses.replace(a_unit(commands.runs, 1, "old"), agent="dummy")
    store.add_group(a_group(commands.runs, "old", created=1.0), [old])
    finished(store, old, outcome="no_submission", grade=None, message="it left nothing")
    for group, scores in (("g1", (0.5, 0.7)), ("g2", (0.4, None))):
        record = a_group(commands.runs, group, created=clock.now, sweep="sweep-1")
        agent = f"agent-{group}"
        folder = str(commands.runs / f"{group}_run-group_dummy")
        record = dataclasses.replace(record, agent=agent, folder=folder)
        units = [
            dataclasses.replace(a_unit(commands.runs, seed, group), agent=agent) for seed in (1, 2)
        ]
        store.add_group(record, units)
        for unit, score in zip(units, scores, strict=True):
            if score is None:
                finished(store, unit, outcome="lost", grade=None, message="it is gone")
            else:
                finished(store, unit, grade=Grade(True, score, False, passed=score > 0.6))
    store.close()
    return commands


@pytest.fixture
def local_unit(commands: Commands) -> Callable[..., UnitSpec]:
    """Queues one unit of the local backend, of a shell script."""

    def make(script: str, number: int = 1, group: str = "g1", **fields: Any) -> UnitSpec:
        folder = commands.runs / f"{group}_run-group_dummy" / f"toy_{number:04d}"
        run = a_run(str(folder), backend="local", command=("bash", "-c", script), timeout=60.0)
        run = dataclasses.replace(
            run,
            outputs=dataclasses.replace(
                run.outputs, submission="submission", code="code", logs="logs"
            ),
        )
        unit = a_unit(commands.runs, number, group, run=run, **fields)
        store = commands.store()
        store.add_group(a_group(commands.runs, group), [unit])
        store.close()
        return unit

    return make
