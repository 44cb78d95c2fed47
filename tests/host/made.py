"""Records for tests, with only what a test asks for said by it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from swarm_host.records import Ending, Grade, Group, RunConfig, UnitResult, UnitSpec, Usage


def a_run(workspace: str = "/nowhere", **fields: Any) -> RunConfig:
    fields.setdefault("backend", "fake")
    fields.setdefault("command", ("true",))
    return RunConfig(agent_image=None, workspace=workspace, **fields)


def a_unit(runs: Path, number: int = 1, group: str = "g1", **fields: Any) -> UnitSpec:
    name = f"{group}-u{number}"
    folder = runs / f"{group}_run-group_dummy" / f"toy_{number:04d}"
    run = fields.pop("run", None) or a_run(str(folder))
    plain = UnitSpec(
        unit_id=name,
        group=group,
        agent="dummy",
        competition="toy",
        seed=number,
        folder=str(folder),
        run=run,
        source="fake",
    )
    return dataclasses.replace(plain, **fields)


def a_group(runs: Path, name: str = "g1", **fields: Any) -> Group:
    folder = runs / f"{name}_run-group_dummy"
    return Group(name, "dummy", str(folder), fields.pop("created", 1000.0), **fields)


def a_result(unit_id: str, **fields: Any) -> UnitResult:
    plain = UnitResult(
        unit_id=unit_id,
        outcome="ok",
        message="",
        ending=Ending(0, "exit", 1.0, 2.0),
        grade=Grade(True, 0.5, False),
        usage=Usage(seconds=1.0),
        isolation="none",
        artefacts=("submission/submission.csv",),
        attempts=(),
        finished=2.0,
    )
    return dataclasses.replace(plain, **fields)


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
