"""The command line itself: unknown words, statuses, a broken pipe."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from swarm_host.cli.main import main
from swarm_host.cli.parser import COMMANDS, parser
from swarm_host.cli.statuses import FAILED, guarded
from swarm_host.cli.tables import cell_text, print_table

from tests.host.cli.conftest import ROOT, Commands


def test_every_command_has_help_and_a_function() -> None:
    from swarm_host.cli import main as module

    assert module._HANDLERS.keys() == COMMANDS.keys()
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            parser().parse_args([command, "--help"])
        assert ended.value.code == 0


def test_an_unknown_command_is_told_the_nearest(commands: Commands) -> None:
    said = commands("cancle", runs=False)
    assert said.status == 2
    assert "unknown command 'cancle'; nearest: cancel" in said.err
    assert commands("cancle", "--json", runs=False).json["error"]


@pytest.mark.parametrize("words", [["list", "--nonsense"], ["show"], ["sweep"], []])
def test_wrong_words_are_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words, {})
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "command", [["list"], ["show", "x"], ["logs", "x"], ["cancel", "x"], ["compare"], ["worker"]]
)
def test_a_folder_without_runs_is_told_and_not_made(commands: Commands, command: list[str]) -> None:
    said = commands(*command)
    assert said.status == 2
    assert "there are no runs in" in said.err
    assert not commands.runs.exists()
    assert "there are no runs in" in commands(*command, "--json").json["error"][0]


def test_the_folder_of_runs_comes_from_the_environment(history: Commands) -> None:
    process = history.process("list", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [one["group"] for one in json.loads(out)] == ["old", "g1", "g2"]


def test_a_reader_that_went_away_is_no_traceback(history: Commands) -> None:
    process = history.process("list")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.wait(timeout=60) in (0, 1)
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize("command", ["list", "logs g1-u1 -f"])
def test_output_that_nobody_takes_is_told_in_a_line(history: Commands, command: str) -> None:
    logs = history.runs / "g1_run-group_dummy" / "toy_0001" / "logs"
    logs.mkdir()
    (logs / "stdout.log").write_text("words\n")
    words = f"{sys.executable} -m swarm_host {command}"
    places = {"PYTHONPATH": str(ROOT / "host"), "SWARM_HOST_RUNS": str(history.runs)}
    for target, status in (("/dev/full", 1), ("&-", 2 if "logs" in command else 0)):
        shell, environ = ["bash", "-c", f"{words} >{target}"], history.environ | places
        done = subprocess.run(shell, env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (status, min(status, 1)), done.stderr
        assert "Traceback" not in done.stderr


def test_an_interrupt_is_status_130(history: Commands) -> None:
    process = history.process("worker", "--stay")
    assert process.stderr is not None
    # All units have ended, and it waits for more.
    assert "units that come later are led" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_what_agents_write_does_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "n"), [("x\x1b[2J\ny", 1.0), ("longer", None)], right="n")
    out = capsys.readouterr().out
    assert out.splitlines() == ["a        n", "x [2J y  1", "longer   -"]
    assert cell_text("\u202eabc") == " abc"


def test_the_module_runs_from_host(tmp_path: Path) -> None:
    done = subprocess.run(
        ["python3", "-m", "swarm_host", "--help"], cwd=ROOT / "host", capture_output=True, text=True
    )
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout


def test_a_store_that_cannot_be_used_is_status_2(history: Commands) -> None:
    (history.runs / ".swarm" / "store.sqlite").write_bytes(b"no database at all" * 100)
    said = history("list")
    assert (said.status, "reindex" in said.err) == (2, True)


def raises(error: Exception) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "[Errno 24] Too many open files"),
        (OSError("the link is down"), "the link is down"),
        (OSError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied"),
    ],
)
def test_an_error_of_the_system_is_told_on_a_whole_output(
    capfd: pytest.CaptureFixture[str], error: OSError, said: str
) -> None:
    assert guarded(raises(error), as_json=True) == FAILED
    out, err = capfd.readouterr()
    assert (json.loads(out), err) == ({"error": [said]}, f"error: {said}\n")


@pytest.mark.parametrize("error", [OSError("the link is down"), BrokenPipeError(32, "Broken pipe")])
def test_an_error_of_the_system_needs_no_output(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert guarded(raises(error), as_json=True) == FAILED


def test_an_error_whose_output_nobody_takes_keeps_its_status_and_its_line(
    history: Commands,
) -> None:
    words = f"{sys.executable} -m swarm_host show nothing --json >/dev/full"
    places = {"PYTHONPATH": str(ROOT / "host"), "SWARM_HOST_RUNS": str(history.runs)}
    done = subprocess.run(
        ["bash", "-c", words], env=history.environ | places, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "nothing" in done.stderr
