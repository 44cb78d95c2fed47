"""Fixtures of the box: what this machine can do, and a bench on which nothing may be left running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.execution.detection import detect
from core.records import BoxFacts
from tests.execution.harness import Bench
from utils.process import become_subreaper, prctl

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> BoxFacts:
    """What this machine's box can do for the interpreter of the tests; the user switch has tests of
    its own.
    """
    workspace = tmp_path_factory.mktemp("detect")
    return replace(detect(workspace, [], [], os.environ), user_switch=False)


@pytest.fixture
def bench(tmp_path: Path, facts: BoxFacts) -> Iterator[Bench]:
    """After the test nothing may be left, whatever the program did."""
    become_subreaper()
    bench = Bench(tmp_path, facts)
    try:
        yield bench
        assert bench.left_over() == []
    finally:
        bench.stop.close()
        prctl(PR_SET_CHILD_SUBREAPER, 0)


@pytest.fixture
def landlock(facts: BoxFacts) -> BoxFacts:
    if not facts.landlock:
        pytest.skip(f"this machine has no Landlock: {facts.notes}")
    return facts
