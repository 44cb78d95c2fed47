"""Units of the local backend for tests, and a sink that keeps everything in memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.records import Outputs, RunConfig, Stream, UnitSpec


class MemorySink:
    """A sink without redaction: bytes and marks by stream."""

    def __init__(self) -> None:
        self.data = {"stdout": b"", "stderr": b"", "build": b""}
        self.marks: dict[str, str] = {}

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        self.data[stream] += data
        if mark is not None:
            self.marks[stream] = mark

    def mark(self, stream: Stream) -> str | None:
        return self.marks.get(stream)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def backend(runs: Path) -> Iterator[LocalBackend]:
    backend = LocalBackend(runs, os.environ)
    yield backend
    for handle in backend.find():
        backend.remove(handle)


@pytest.fixture
def unit(runs: Path) -> Callable[..., UnitSpec]:
    """Makes a unit whose agent is a Python program, given as text."""

    def make(program: str = "", name: str = "unit-a", **changes: Any) -> UnitSpec:
        run = RunConfig(
            agent_image=None,
            command=(sys.executable, "-c", program),
            workspace=str(runs / name),
            backend="local",
            network="host",
            timeout=60.0,
            outputs=Outputs("submission", "code", "logs"),
        )
        return UnitSpec(
            unit_id=name,
            group="group-1",
            agent="test",
            competition=None,
            seed=0,
            folder=str(runs / name),
            run=replace(run, **changes),
        )

    return make
