"""The table of bad input in the contract, line by line: exit status, run.json, what is published,
one clear line.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.runs import (
    Ended,
    adapter_words,
    check_submission,
    finish,
    solve,
    start,
    write_competition,
)

SHORT = ("--steps", 1, "--time", "60s")

pytestmark = pytest.mark.whole


def assert_no_traceback(ended: Ended) -> None:
    assert "Traceback" not in ended.stdout + ended.stderr


def assert_baseline(ended: Ended, data: Path, code: int) -> None:
    assert ended.code == code, ended.stderr
    assert ended.report["status"] == "baseline"
    assert ended.report["reason"]
    assert ended.submission.read_bytes() == (data / "sample_submission.csv").read_bytes()
    assert_no_traceback(ended)


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_no_or_empty_data_folder(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    if kind == "empty":
        data.mkdir()
    ended = solve(data, tmp_path / "out")
    assert ended.code == 2
    assert ended.report["status"] == "failed"
    assert not ended.submission.exists()
    assert ended.stderr.strip().splitlines()[-1].startswith("error: ")
    assert_no_traceback(ended)


def test_no_description(tmp_path: Path) -> None:
    data = write_competition(tmp_path / "data", description=None)
    ended = solve(data, tmp_path / "out", *SHORT)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "degraded"
    assert "no description" in ended.report["reason"]
    assert ended.report["metric"]["source"] == "fallback"
    check_submission(ended.submission, data)


def test_lesson_35_a_failure_is_not_exit_0_no_sample_and_no_test_table(tmp_path: Path) -> None:
    data = write_competition(tmp_path / "data")
    (data / "sample_submission.csv").unlink()
    (data / "test.csv").unlink()
    ended = solve(data, tmp_path / "out", *SHORT)
    assert ended.code == 1
    assert ended.report["status"] == "failed"
    assert not ended.submission.exists()
    assert_no_traceback(ended)


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe\x00PNG\r\n\x1a", b"", b'id,size\n1,"2\n3,4,5,6\n']
)
def test_unreadable_train_table(tmp_path: Path, content: bytes) -> None:
    data = write_competition(tmp_path / "data")
    (data / "train.csv").write_bytes(content)
    assert_baseline(solve(data, tmp_path / "out", *SHORT), data, 1)


def test_contradictory_tables(tmp_path: Path) -> None:
    data = write_competition(tmp_path / "data")
    (data / "train.csv").write_bytes((data / "test.csv").read_bytes())
    assert_baseline(solve(data, tmp_path / "out", *SHORT), data, 1)


def test_unknown_metric(tmp_path: Path) -> None:
    text = "# Widgets\n\n## Evaluation\n\nSubmissions are scored by the widget council's own secret index.\n"
    data = write_competition(tmp_path / "data", description=text)
    ended = solve(data, tmp_path / "out", *SHORT)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "degraded"
    assert "metric" in ended.report["reason"]
    assert ended.report["metric"]["source"] == "fallback"
    check_submission(ended.submission, data)


def test_unknown_configuration_key(widgets: Path, tmp_path: Path) -> None:
    ended = solve(widgets, tmp_path / "out", "search.num_draft=3")
    assert_baseline(ended, widgets, 2)
    assert "search.num_drafts" in ended.stderr


@pytest.mark.parametrize("words", [("--time", "soon"), ("--steps", "1.5")])
def test_bad_limits_on_the_command_line(
    widgets: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    ended = solve(widgets, tmp_path / "out", *words)
    assert_baseline(ended, widgets, 2)
    assert ended.stderr.strip().splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIME_LIMIT_SECS", "soon"), ("TIME_LIMIT_SECS", "-5"), ("STEP_LIMIT", "1.5")],
)
def test_bad_limits_in_the_container(widgets: Path, tmp_path: Path, name: str, value: str) -> None:
    out = tmp_path / "out"
    ended = finish(start(adapter_words(widgets, out), {name: value}), out)
    assert_baseline(ended, widgets, 2)
    assert ended.stderr.strip().splitlines()[-1].startswith("error: ")


@pytest.mark.skipif(
    os.geteuid() != 0, reason="any read-only folder would do, but this one exists for root only"
)
def test_an_output_folder_that_cannot_be_written(widgets: Path, tmp_path: Path) -> None:
    words = ("output.submission_dir=/sys/kernel/swarm-evo",)
    ended = solve(widgets, tmp_path / "out", *SHORT, *words)
    assert ended.code == 1
    assert ended.report["status"] == "failed"
    assert "/sys/kernel/swarm-evo" in ended.stderr
    assert_no_traceback(ended)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own without a free byte."""
    folder = tmp_path / "full"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("NOT RUN: this user may not mount a file system")
    with contextlib.suppress(OSError), (folder / "ballast").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(widgets: Path, tmp_path: Path, full_disk: Path) -> None:
    ended = solve(widgets, tmp_path / "out", *SHORT, f"output.submission_dir={full_disk}")
    assert ended.code == 1
    assert ended.report["status"] == "failed"
    assert "No space left" in ended.report["reason"]
    assert_no_traceback(ended)


def test_help_and_bad_usage(tmp_path: Path) -> None:
    for command in ("main.py", "run_mle_adapter.py"):
        shown = finish(start([command, "--help"]), tmp_path)
        assert shown.code == 0
        assert "usage" in shown.stdout.lower()
    for words in (["--time", "soon"], ["--time", "-5"], ["--steps", "many"], ["nonsense"]):
        refused = finish(start(["main.py", "--data", tmp_path, *words]), tmp_path)
        assert refused.code == 2
        assert_no_traceback(refused)
