from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.runs import write_competition


@pytest.fixture(scope="session")
def widgets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small competition folder that no test changes."""
    return write_competition(tmp_path_factory.mktemp("data") / "widgets")
