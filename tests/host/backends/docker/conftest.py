from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.backends.docker.fake import FakeDocker


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    folder = tmp_path / "docker"
    folder.mkdir()
    return FakeDocker(folder)
