"""Fixtures of the tests of core/judging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.records import CompetitionSpec
from tests.judging.arena import Arena, make_arena
from utils.process import WorkerProcess


@pytest.fixture(scope="session")
def judging_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """One real worker for all tests: it takes a second to import its libraries."""
    worker = WorkerProcess(
        "core.judging.worker", log=tmp_path_factory.mktemp("judging") / "worker.log"
    )
    yield worker
    worker.close()


@pytest.fixture
def arena(tmp_path: Path, judging_worker: WorkerProcess) -> Callable[..., Arena]:
    """Builds arenas in tmp_path."""
    made: list[Arena] = []

    def build(spec: CompetitionSpec, truths: Sequence[np.ndarray], **options: Any) -> Arena:
        made.append(
            make_arena(tmp_path / f"arena{len(made)}", spec, truths, judging_worker, **options)
        )
        return made[-1]

    return build
