"""Grading workers that the tests of sources share, so that libraries are loaded once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from swarm_host.grading.workers import GradingLimits, GradingWorkers


@pytest.fixture(scope="session")
def graders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradingWorkers]:
    limits = GradingLimits(cpu_s=30, wall_s=120.0, memory=1 << 31)
    with GradingWorkers(tmp_path_factory.mktemp("scratch"), os.environ, limits, width=1) as graders:
        yield graders
