"""The measures of the host side run, on few units, and count what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from swarm_host import measure

HOST = Path(measure.__file__).resolve().parents[1]


def test_the_command_starts_where_the_page_says() -> None:
    """With nothing but the folder that it is started in."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "swarm_host.measure", "--help"]
    made = subprocess.run(command, cwd=HOST, env=environ, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "overhead" in made.stdout


def test_no_unit_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "QUEUED", 6)
    found = measure.queue(tmp_path)
    assert (found["lost"], found["doubled"], found["outcomes"]) == (0, 0, {"ok": 6})
    # CPU time, which a busy machine does not change much: the promise is 0.1 s.
    assert 0 < found["cpu_s_each"] <= 0.1


def test_overhead_leaves_the_agents_own_time_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "UNITS", 2)
    slow = measure.NOTHING + "; sleep 2"
    monkeypatch.setattr(measure, "SHORT", slow)
    assert 0 < measure.overhead(tmp_path)["median_s"] < 2


def test_a_manager_that_follows_eight_units_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    found = measure.alone("memory")
    assert found["units"] == 8
    assert 5 < found["resident_mb"] < 120


def test_figures_come_from_processes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    target = tmp_path / "host.json"
    assert measure.main(["reattach", "--json", str(target)]) == 0
    assert json.loads(target.read_text()) == json.loads(capsys.readouterr().out)
    assert json.loads(target.read_text())["reattach"]["seconds"] < 60


def test_an_unknown_measure_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        measure.main(["speed"])
    assert error.value.code == 2
    assert "overhead, queue, memory, reattach" in capsys.readouterr().err
