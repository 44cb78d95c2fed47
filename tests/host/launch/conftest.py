"""A bench with a backend and sources of tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from swarm_host.launch.bench import Bench
from swarm_host.records import Competition
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeBackend, FakeSource, one_backend


class Made:
    """Sources that have one competition, and say what was prepared."""

    def __init__(self) -> None:
        self.source = FakeSource()
        self.prepared: list[str] = []

    def __call__(self, name: str | None, root: str | None = None) -> Made:
        self.name = name or ""
        return self

    def root(self, name: str) -> Path:
        return Path("/data") / name

    def names(self) -> Sequence[str]:
        return ["toy"]

    def prepare(self, name: str) -> Competition:
        self.prepared.append(name)
        return Competition(name, self.name, f"/prepared/{name}")

    def grade(self, competition: str, submission: Path) -> Any:
        return self.source.grade(competition, submission)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[FakeBackend]:
    backend = FakeBackend(tmp_path / "fake")
    yield backend
    for handle in backend.find():
        backend.remove(handle)


@pytest.fixture
def work(tmp_path: Path, backend: FakeBackend) -> Bench:
    count = itertools.count(1)
    return Bench(
        runs=tmp_path / "runs",
        environ={},
        backends=one_backend(backend),  # type: ignore[arg-type]
        sources=Made(),  # type: ignore[arg-type]
        new_hex=lambda: f"{next(count):032x}",
    )


@pytest.fixture
def store(work: Bench) -> Iterator[SqliteStore]:
    store = SqliteStore(work.runs)
    yield store
    store.close()
