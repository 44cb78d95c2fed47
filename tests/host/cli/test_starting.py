"""run and sweep: what options stand for, and a whole sweep with its comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from swarm_host.cli.parser import parser
from swarm_host.cli.starting import matrix_of

from tests.host.cli.conftest import Commands
from tests.host.cli.test_changing import own_competition


def test_options_become_a_matrix() -> None:
    words = "sweep --agents dummy swarm-evo/dev --set pack --seeds 3 --width 2"
    engine = " --engine dask --address tcp://a:1"
    assert matrix_of(parser().parse_args((words + engine).split()))["engine"] == {
        "name": "dask",
        "address": "tcp://a:1",
    }
    assert matrix_of(parser().parse_args(words.split())) == {
        "matrix": {"agents": ["dummy", "swarm-evo/dev"], "competitions": "pack", "seeds": 3},
        "width": 2,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "dokcer"], "nearest: docker"),
        (["--source", "packs"], "pack"),
        (["--seeds", "0"], "seeds"),
        (["--timeout", "soon"], "timeout"),
        (["--width", "0"], "width"),
        (["--engine", "dusk"], "nearest: dask"),
        (["--address", "tcp://a:1"], "which engine"),
        (["--backend", "local", "widht=2"], "nearest: width"),
    ],
)
def test_wrong_options_are_told_and_start_nothing(
    commands: Commands, words: list[str], message: str
) -> None:
    options = words[:-1] if "=" in words[-1] else words
    overrides = [word for word in words if "=" in word]
    said = commands("sweep", *overrides, "--agents", "dummy", "--competitions", "own", *options)
    assert said.status == 2, said.out
    assert message in said.err
    assert not commands.runs.exists()


def test_an_unknown_agent_is_told_the_nearest(commands: Commands) -> None:
    root = own_competition(commands.folder, "1,1\n2,1\n")
    words = ["--competitions", "own", "--source", "folder", "--source-root", str(root)]
    said = commands("sweep", "--agents", "dumy", "--backend", "local", *words)
    assert (said.status, "nearest: dummy" in said.err) == (2, True)
    assert not commands.runs.exists()


def test_a_sweep_runs_is_graded_and_compared(commands: Commands) -> None:
    root = own_competition(commands.folder, "1,1\n2,1\n")
    words = ["--source", "folder", "--source-root", str(root), "--backend", "local"]
    words += ["--competitions", "own", "--seeds", "2", "--width", "2", "--timeout", "60s"]
    planned = commands("sweep", "--agents", "dummy", *words, "--dry-run", "--json").json
    assert len(planned["units"]) == 2
    assert not commands.runs.exists()
    printed = commands("sweep", "--agents", "dummy", *words, "--print-config", "--json").json
    assert printed["matrix"]["seeds"] == [0, 1]
    said = commands("sweep", "--agents", "dummy", *words, "--json")
    assert said.status == 0, said.err
    assert [unit["score"] for unit in said.json["units"]] == [1.0, 1.0]
    compared = commands("compare", "--json").json
    assert [(cell["mean"], cell["spread"], cell["valid"]) for cell in compared["cells"]] == [(1.0, 0.0, 2)]  # fmt: skip


def test_a_file_is_run(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    command = json.dumps(["bash", "-c", "echo $$X; exit 3"])
    file.write_text(f"backend: local\nworkspace: {tmp_path}/ws\ncommand: {command}\n")
    said = commands("run", str(file), "env={X: hello}")
    assert said.status == 1
    assert "agent_error" in said.out
    assert (tmp_path / "ws" / "stdout.log").read_text() == "hello\n"
    assert commands("run", str(tmp_path / "absent.yaml")).status == 2


def test_a_first_dry_run_does_not_warn_of_what_the_run_makes(commands: Commands) -> None:
    words = ["--agents", "dummy", "--competitions", "churn", "--backend", "local", "--dry-run"]
    said = commands("sweep", *words)
    # Of the machine it may warn.
    assert (said.status, "is not there" in said.err) == (0, False), said.err
    assert "prepared/public" in said.out
    assert sorted(path.name for path in commands.folder.iterdir()) == []
