"""The scripts' help and one-line errors; nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT


def bash(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(["/bin/bash", *words], cwd=ROOT, env=env, capture_output=True, text=True)


SCRIPTS = [
    "run_demo.sh",
    "run_host_demo.sh",
    "test.sh",
    "test_base.sh",
    "test_host.sh",
    "test_host_long.sh",
    "test_host_uv.sh",
    "test_mlebench.sh",
    "test_long.sh",
    "test_whole.sh",
    "test_embeddings.sh",
    "test_container.sh",
    "dockerd.sh",
    "base_image.sh",
    "with_slurm.sh",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_a_line_and_installs_nothing(script: str, tmp_path: Path) -> None:
    done = bash(f"scripts/{script}", "--help", HOME=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: scripts/{script}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", ["run_demo.sh", "run_host_demo.sh"])
@pytest.mark.parametrize("words", [["0"], ["-1"], ["3m"], ["1", "2"]])
def test_the_demos_refuse_other_words(script: str, words: list[str], tmp_path: Path) -> None:
    done = bash(f"scripts/{script}", *words, HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("seconds", "warned"), [("10", True), ("30", False)])
def test_the_host_demo_warns_of_too_few_seconds(seconds: str, warned: bool, tmp_path: Path) -> None:
    # A cache that is a file: nothing is installed, and nothing starts.
    (tmp_path / "file").touch()
    done = bash("scripts/run_host_demo.sh", seconds, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert (done.returncode, "cannot write to" in done.stderr) == (2, True)
    assert ("warning: swarm-evo needs 30 seconds" in done.stderr) is warned


def test_an_unknown_part_of_the_long_tests_is_told(tmp_path: Path) -> None:
    done = bash("scripts/test_host_long.sh", "clout", HOME=str(tmp_path))
    assert (done.returncode, "no part 'clout'" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_without_a_checkout_of_mle_bench_nothing_passes(tmp_path: Path) -> None:
    done = bash("scripts/test_mlebench.sh", HOME=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith("NOT RUN: no checkout of mle-bench: git clone ")
    done = bash("scripts/test_mlebench.sh", str(tmp_path), HOME=str(tmp_path))
    assert (done.returncode, "is no checkout of mle-bench" in done.stderr) == (2, True)
    done = bash("scripts/test_host_long.sh", "mlebench", HOME=str(tmp_path))
    assert (done.returncode, "NOT RUN: mlebench" in done.stderr) == (3, True)
    assert list(tmp_path.iterdir()) == []


HANGS = """
import threading

def test_before(): pass
def test_that_hangs(): threading.Event().wait()
def test_after(): pass
"""


@pytest.mark.parametrize(("workers", "goes_on"), [(["-n", "1"], True), (["-n", "0"], False)])
def test_a_test_that_hangs_is_named(workers: list[str], goes_on: bool, tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(HANGS)
    (tmp_path / "pytest.ini").touch()
    words = ["-p", "no:langsmith_plugin", "-p", "no:cacheprovider", *workers, str(tmp_path)]
    call = f'. scripts/test_limit.sh; "{sys.executable}" -m pytest $SWARM_LIMIT "$@"'
    done = bash("-c", call, "bash", *words, SWARM_TEST_LIMIT_S="1")
    assert done.returncode == 1
    assert "test_that_hangs" in done.stdout + done.stderr
    assert ("2 passed" in done.stdout) == goes_on


def commands(folder: Path, *names: str) -> str:
    """PATH with these programs of the machine alone."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name) or "/nowhere")
    return str(folder)


def test_a_slurm_that_answers_is_taken(tmp_path: Path) -> None:
    path = commands(tmp_path / "bin", "dirname", "timeout")
    (tmp_path / "bin" / "sinfo").write_text("#!/bin/sh\necho node1\n")
    (tmp_path / "bin" / "sinfo").chmod(0o755)
    words = ["/bin/sh", "-c", 'echo "$0 $1"; exit 7', "a b", "c"]
    done = bash("scripts/with_slurm.sh", *words, PATH=path, HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (7, "a b c\n", "")


def test_a_machine_that_can_have_no_slurm_says_not_run(tmp_path: Path) -> None:
    path = commands(tmp_path / "bin", "dirname", "timeout")
    done = bash("scripts/with_slurm.sh", "/bin/true", PATH=path, HOME=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.startswith("NOT RUN: no Slurm answers")
    assert done.stderr.count("\n") == 1
    assert bash("scripts/with_slurm.sh").returncode == 2


def venv(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "requirements").mkdir(exist_ok=True)
    (tmp_path / "requirements" / "some.txt").touch()
    call = 'swarm_venv some requirements/some.txt; echo "PYTHON=$PYTHON"'
    script = f'cd "{tmp_path}"; . "{ROOT}/scripts/venv.sh"; {call}'
    return bash("-euo", "pipefail", "-c", script, **environment)


def test_a_machine_without_python_is_told_so(tmp_path: Path) -> None:
    done = venv(tmp_path, PATH=str(tmp_path), HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        "error: Python 3.11 or newer is needed, and none was found\n",
    )


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = venv(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.returncode == 2
    assert "set XDG_CACHE_HOME to another folder" in done.stderr


@pytest.mark.long
def test_a_failed_installation_is_told_and_tried_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "some.txt").write_text("./no-such-folder\n")
    for _ in range(2):
        done = venv(tmp_path, XDG_CACHE_HOME=str(cache))
        assert done.returncode == 2
        assert "error: installation failed: " in done.stderr
        assert "no-such-folder" in done.stderr


@pytest.mark.long
def test_the_environment_is_made_once_and_again_when_the_requirements_change(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    first, second = (venv(tmp_path, XDG_CACHE_HOME=str(cache)) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("installing requirements/some.txt")
    assert second.stdout == first.stdout.splitlines(keepends=True)[-1]
    python = Path(second.stdout.strip().removeprefix("PYTHON="))
    assert python.is_relative_to(cache / "swarm-evo")
    assert python.exists()
    (tmp_path / "requirements" / "some.txt").write_text("# another\n")
    assert venv(tmp_path, XDG_CACHE_HOME=str(cache)).stdout != second.stdout


@pytest.mark.long
def test_an_environment_of_another_folder_is_made_anew_with_its_requirements(
    tmp_path: Path,
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "some.txt").touch()
    call = f'. "{ROOT}/scripts/venv.sh"; swarm_venv x host/requirements_x.txt; echo "$PYTHON"'
    said = []
    for text in ("", "# another\n"):
        (tmp_path / "host" / "requirements_x.txt").write_text(text)
        done = bash("-euc", f'cd "{tmp_path}"; {call}', XDG_CACHE_HOME=str(tmp_path / "cache"))
        said.append(done.stdout.splitlines()[-1])
    assert said[0] != said[1]


def test_without_a_home_one_line_says_what_to_set() -> None:
    done = bash("scripts/run_host_demo.sh")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "set HOME or XDG_CACHE_HOME" in done.stderr
