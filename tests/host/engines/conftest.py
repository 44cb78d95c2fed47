"""A store with agents for each engine, and workers that find the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.engines.room import Room

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _tests_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By workers, for the world that these tests make: in front of packages named `tests` of others.
    swarm_host itself is not there: engines say where it lies.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.close()
