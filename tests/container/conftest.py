from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.container.engine import BASE, COMPETITION, IMAGE, ROOT


@pytest.fixture(scope="session", autouse=True)
def _images() -> None:
    """These tests say what is wrong with the image, not that there is none."""
    for image in (BASE, IMAGE):
        found = subprocess.run(["docker", "image", "inspect", image], capture_output=True)
        assert found.returncode == 0, (
            f"there is no image {image} here: run scripts/test_container.sh"
        )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The competition as the benchmark prepares it: a folder with public/ and private/. No test
    changes it.
    """
    dest = tmp_path_factory.mktemp("competitions")
    command = [sys.executable, "-m", "benchmark", "prepare", COMPETITION, "--dest", str(dest)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dest / COMPETITION / "prepared"
