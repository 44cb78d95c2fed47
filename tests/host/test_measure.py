"""The measures of the host side run, on few units, and count what they say."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.life.outcomes import Policy
from swarm_host.measure import __main__ as command
from swarm_host.measure import programs, units
from swarm_host.measure.figures import Found, NotRun, Promise, figures_of, merged
from swarm_host.records import Grade
from swarm_host.states import FINAL
from swarm_host.store.sqlite import SqliteStore

HOST = Path(units.__file__).resolve().parents[2]
PROMISE = Promise("start", "s", "<=", 0.5)


def test_the_command_starts_where_the_page_says() -> None:
    """With nothing but the folder that it is started in."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, "-m", "swarm_host.measure", "--help"]
    made = subprocess.run(words, cwd=HOST, env=environ, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "overhead" in made.stdout


# ---------------------------------------------------------------- what is measured


class WrongGrader(units.NoGrader):
    """Gives the first unit's grade to all."""

    def grade(self, competition: str, submission: Path) -> Grade:
        return Grade(True, 0.0, True)


def test_no_unit_is_lost_doubled_or_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "QUEUED", 24)
    found = units.queue(tmp_path)
    assert found.values is not None
    *counts, cpu = found.values
    assert counts == [0, 0, 0]
    assert found.note.endswith("24 ok")
    # CPU time, which a busy machine does not change much: the promise is 0.1 s.
    assert 0 < cpu <= 0.1


def test_grades_of_other_units_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "QUEUED", 4)
    found = units.queue(tmp_path, WrongGrader())
    assert found.values is not None
    assert found.values[:3] == (0, 0, 3)


@pytest.mark.parametrize("file", ["logs/stdout.log", "submission/submission.csv"])
def test_output_of_another_unit_is_noticed(tmp_path: Path, file: str) -> None:
    with units.manager_in(tmp_path, 1) as manager:
        units.add(manager, tmp_path, units.NOTHING, 1)
        manager.run()
        (row,) = manager.store.units()
    assert units.is_its_own(row)
    (Path(row.spec.folder) / file).write_text("1\n")
    assert not units.is_its_own(row)
    (Path(row.spec.folder) / file).unlink()
    assert not units.is_its_own(row)


def test_overhead_leaves_the_agents_own_time_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less than the agent slept, although each unit lasted longer than that."""
    monkeypatch.setattr(units, "UNITS", 2)
    monkeypatch.setattr(units, "SHORT", f"{units.NOTHING}; sleep 2")
    found = units.overhead(tmp_path)
    assert found.values is not None
    assert 0 < found.values[0] < 2
    assert "median of 2 units" in found.note


def test_an_agent_that_failed_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "UNITS", 1)
    monkeypatch.setattr(units, "SHORT", "exit 0")
    with pytest.raises(RuntimeError, match="measured-0000: .*no_submission"):
        units.overhead(tmp_path)


def test_docker_is_not_run_without_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARM_HOST_DOCKER", str(tmp_path / "no-docker"))
    with pytest.raises(NotRun, match="no-docker"):
        units.docker(tmp_path)
    found = command.one("docker")
    assert found.values is None
    assert "no-docker" in found.note


def test_a_manager_that_follows_eight_units_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    found = command.alone("memory")
    assert found.values is not None
    assert 5 < found.values[0] < 120


def test_imports_are_timed_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "STARTS", 1)
    monkeypatch.setattr(programs, "_IMPORT", "sys = {paths}; print(0.25, 0.5)")
    note = "median of 1 processes; with all that `sweep` loads 0.50 s"
    assert programs.imports(tmp_path) == Found((0.25,), note)


def test_the_demonstration_tells_its_minutes_and_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with units.manager_in(tmp_path, 1) as manager:
        units.add(manager, tmp_path, units.NOTHING, 2)
        manager.run()
    script = 'printf "text\\nruns: %s\\nseconds after installation: 90\\n" "$TMPDIR"'
    found = programs.demo(tmp_path, ["sh", "-c", script])
    assert found == Found((1.5,), "2 runs: 2 ok")
    said = f"text\nruns: {tmp_path}\nseconds after installation: 90\n"
    assert capsys.readouterr().err == said
    with pytest.raises(RuntimeError, match="exit status 3"):
        programs.demo(tmp_path, ["sh", "-c", "exit 3"])


def test_the_demonstration_says_what_its_measure_reads() -> None:
    script = Path(programs.DEMO[1]).read_text(encoding="utf-8")
    assert "seconds after installation: %s" in script
    assert "runs: %s" in script


# ---------------------------------------------------------------- what is kept


def test_a_figure_says_whether_its_promise_is_kept() -> None:
    for sign, kept in (("<=", [True, True, False]), ("<", [True, False, False])):
        promise = Promise("start", "s", sign, 0.5)
        assert [promise.is_kept(value) for value in (0.4, 0.5, 0.6)] == kept
    assert [Promise("lost", "", "=", 0).is_kept(value) for value in (0, 1)] == [True, False]
    (figure,) = figures_of("one", [PROMISE], Found((0.75,), "slow disk"), {"commit": "abc"})
    assert figure == {
        "measure": "one",
        "name": "start",
        "value": 0.75,
        "unit": "s",
        "target": "<= 0.5",
        "met": False,
        "note": "slow disk",
        "commit": "abc",
    }
    assert command.line(figure) == "start: 0.75 s (target <= 0.5: missed); slow disk"


def test_what_was_not_run_is_no_figure() -> None:
    found = Found.parse(Found(None, "no daemon").text())
    (figure,) = figures_of("one", [PROMISE], found, {})
    assert (figure["value"], figure["met"], figure["note"]) == (None, None, "no daemon")
    assert command.line(figure) == "start: (target <= 0.5: NOT RUN); no daemon"


def test_what_is_measured_again_takes_the_place_of_what_was() -> None:
    before = [{"measure": name, "value": 1} for name in ("queue", "demo", "gone")]
    now = [{"measure": name, "value": 2} for name in ("demo", "docker")]
    found = merged(before, now, ["docker", "queue", "demo"])
    assert [(figure["measure"], figure["value"]) for figure in found] == [
        ("docker", 2),
        ("queue", 1),
        ("demo", 2),
    ]


def test_figures_come_from_processes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next command adds to what the first one kept."""
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    target = tmp_path / "host.json"
    assert command.main(["import", "--json", str(target)]) == 0
    monkeypatch.setattr(command, "alone", lambda name: Found((0.5,), "made up"))
    assert command.main(["reattach", "--json", str(target)]) == 0
    kept = json.loads(target.read_text())
    assert kept["command"] == "python -m swarm_host.measure"
    assert kept["commit"]
    reattached, imported = kept["figures"]
    assert (reattached["value"], reattached["met"]) == (0.5, True)
    # Of the import only that it was measured: seconds tell of the machine.
    assert imported["value"] > 0
    assert imported["busy_cores_before"] >= 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_wait_for_adoption_is_shorter_than_a_lease(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    monkeypatch.setattr(units, "KILLED", 1)
    found = units.reattach(tmp_path)
    assert found.values is not None
    # Who waited the lease out would take all of it.
    assert 0 < found.values[0] < Policy().lease_s / 2


@pytest.mark.parametrize("waits", [0, 1])
def test_a_wait_that_is_too_long_leaves_no_agent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, waits: int
) -> None:
    """Neither the first wait, before the manager is killed, nor the second one, for the adoption."""
    monkeypatch.setenv("PYTHONPATH", ":".join(["host", "."]))
    monkeypatch.setattr(units, "KILLED", 1)
    wait, left = units.wait_until, iter([True] * waits)

    def wait_until(condition: Callable[[], bool]) -> None:
        wait(condition)
        if not next(left, False):
            raise TimeoutError("too long")

    monkeypatch.setattr(units, "wait_until", wait_until)
    with pytest.raises(TimeoutError):
        units.reattach(tmp_path)
    with contextlib.closing(SqliteStore(tmp_path / "0")) as store:
        (row,) = store.units()
    assert row.state in FINAL
    assert LocalBackend(tmp_path / "0", os.environ).find() == []


def test_memory_leaves_no_agent_when_its_wait_is_too_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(units, "FOLLOWED", 1)
    monkeypatch.setattr(units, "resident_bytes", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        units.memory(tmp_path)
    assert LocalBackend(tmp_path, os.environ).find() == []


def test_an_unknown_measure_is_told_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        command.main(["speed"])
    assert error.value.code == 2
    assert "overhead, docker, queue, memory, reattach, import, demo" in capsys.readouterr().err
