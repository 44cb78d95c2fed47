"""The command line where nothing is installed: Python without any library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.cli.conftest import ROOT

HOST = ROOT / "host"
RUN_FILE = ["orchestrator/run.py", "--config", "orchestrator/examples/matrix.yaml", "--dry-run"]


def bare(words: list[str], folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """-S leaves out the folder of installed libraries."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(HOST)}
    environ["SWARM_HOST_RUNS"] = str(home / "runs")
    return subprocess.run(
        [sys.executable, "-S", *words], cwd=folder, env=environ, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("words", "folder", "path"),
    [
        (["-m", "swarm_host", "competitions"], HOST, "requirements.txt"),
        (["-m", "swarm_host", "agents"], ROOT, "host/requirements.txt"),
        (["-m", "swarm_host", "agents"], Path("/"), str(HOST / "requirements.txt")),
        (RUN_FILE, HOST, "requirements.txt"),
    ],
)
def test_what_is_not_installed_is_told_with_a_path_from_here(
    tmp_path: Path, words: list[str], folder: Path, path: str
) -> None:
    said = bare(words, folder, tmp_path)
    line = f"NOT RUN: PyYAML is not installed: pip install -r {path}\n"
    assert (said.returncode, said.stderr) == (3, line)


def test_the_doctor_needs_no_library_and_names_those_that_are_missing(tmp_path: Path) -> None:
    said = bare(["-m", "swarm_host", "doctor", "--json"], HOST, tmp_path)
    assert said.returncode == 1, said.stderr
    found = {one["what"]: one for one in json.loads(said.stdout)["findings"]}
    assert found["libraries"]["says"] == "not installed: PyYAML, rich"
    # As commands say it that stop for want of it.
    assert found["libraries"]["cure"] == "pip install -r requirements.txt"
