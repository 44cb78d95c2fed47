"""Fixtures of the tests of core/judging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.records import CompetitionSpec
from tests.judging.arena import Arena, make_arena


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Any]:
    """Builds arenas in tmp_path and closes their judges."""
    made: list[Arena] = []

    def build(spec: CompetitionSpec, truths: Sequence[np.ndarray], **options: Any) -> Arena:
        made.append(make_arena(tmp_path / f"arena{len(made)}", spec, truths, **options))
        return made[-1]

    yield build
    for one in made:
        one.judge.close()
