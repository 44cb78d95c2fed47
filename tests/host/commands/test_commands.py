"""Every command line of specification 000 is run by something; those that need neither docker nor uv are run here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.commands.lines import PLACEHOLDER, ROOT, RUN_BY, every, filled, of, program

TOY = """\
backend: local
workspace: ./runs/${run_id}
command: [sh, -c, "echo id,y > submission/submission.csv; echo done"]
timeout: 60
"""


def test_every_line_is_run_by_something() -> None:
    assert len(every()) == 10
    assert {program(line) for line in every()} == RUN_BY.keys()
    for name, runner in RUN_BY.items():
        text = (ROOT / runner).read_text()
        if runner.endswith(".py"):
            assert f'of("{name}")' in text, f"{runner} does not ask for the lines of {name}"


def test_the_script_with_uv_takes_its_lines_from_the_document() -> None:
    script = ROOT / RUN_BY["uv"]
    done = subprocess.run(
        ["bash", script, "--list"], capture_output=True, text=True, timeout=60, check=True
    )
    wanted = [line for line in every() if RUN_BY[program(line)] == RUN_BY["uv"]]
    assert sorted(done.stdout.splitlines()) == sorted(wanted)
    assert len(wanted) == 6


def orchestrator(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of the document, given in host/ as it asks, with what it writes in a folder of the test."""
    name, *words = shlex.split(line)
    assert name == "python"
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT / "host",
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "SWARM_HOST_RUNS": str(folder / "runs"),
            "OPENAI_API_KEY": "sk-of-a-test",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("line", of("python"))
def test_a_file_is_run(tmp_path: Path, line: str) -> None:
    file = tmp_path / "toy.yaml"
    file.write_text(TOY.replace("./runs", str(tmp_path / "runs")))
    done = orchestrator(tmp_path, filled(line, str(file)))
    assert done.returncode == 0, done.stdout + done.stderr
    (submission,) = (tmp_path / "runs").glob("*/submission/submission.csv")
    assert submission.read_text() == "id,y\n"
    assert (submission.parents[1] / "stdout.log").read_text() == "done\n"


@pytest.mark.parametrize("line", [line for line in of("docker") if PLACEHOLDER.search(line)])
def test_the_build_that_is_planned_is_the_documents(tmp_path: Path, line: str) -> None:
    """Word by word, in its order; each placeholder stands for one or more words."""
    (run,) = [one for one in of("uv") if "run.py" in one]
    done = orchestrator(tmp_path, f"{run.removeprefix('uv run ')} --dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    (build,) = [one for one in done.stdout.splitlines() if one.startswith("docker build ")]
    words = [re.escape(part) for part in PLACEHOLDER.split(line)]
    assert re.fullmatch(".+".join(words), build), build
    assert " my-agent:latest " in build
