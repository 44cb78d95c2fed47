"""The adapter's side of the container: which description counts, real files and folders at the end,
a bad start.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from run_mle_adapter import check_python, copy_results
from tests.e2e.runs import ROOT, adapter_words, check_submission, write_competition
from utils.config import (
    CONTAINER_DESCRIPTIONS,
    OBFUSCATED,
    Config,
    description_candidates,
    find_description,
    load_config,
)

CSV = "id,fails\nw1,0.5\n"


def test_another_python_than_the_images_is_told(caplog: pytest.LogCaptureFixture) -> None:
    check_python("agent", "/opt/conda/envs/agent")
    assert not caplog.records
    check_python("agent", "/usr")
    assert "not the conda environment agent" in caplog.text


def config(data: Path) -> Config:
    return load_config(
        ROOT / "config" / "mle_bench.yaml", use_cli=False, overrides={"data.data_dir": str(data)}
    )


# ---------------------------------------------------------------- descriptions


def test_where_the_container_keeps_descriptions() -> None:
    home = Path("/home")
    names = [home / "data" / "description.md", home / "description.md"]
    candidates = description_candidates(
        load_config(ROOT / "config" / "mle_bench.yaml", use_cli=False)
    )
    assert candidates == [*names, *(path.with_name("description_obfuscated.md") for path in names)]


def test_an_obfuscated_description_serves_where_no_full_one_is(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    data.mkdir()
    home.mkdir()
    container = tuple(home / path.name for path in CONTAINER_DESCRIPTIONS[:1])
    assert find_description(config(data), container) is None
    for path in (
        home / OBFUSCATED,
        data / OBFUSCATED,
        home / "description.md",
        data / "description.md",
    ):
        path.write_text("x")
        assert find_description(config(data), container) == path


def test_an_empty_description_or_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "description.md").touch()
    (tmp_path / OBFUSCATED).write_text("x")
    image = tmp_path / "image.md"
    image.mkdir()
    assert find_description(config(tmp_path), (image,)) == tmp_path / OBFUSCATED


# ---------------------------------------------------------------- results


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run that has published CSV; the workspace keeps a copy."""
    digest = hashlib.sha256(CSV.encode()).hexdigest()
    folders = {"submission_dir": str(tmp_path / "submission"), "code_dir": str(tmp_path / "code")}
    lines = [
        {"seq": 0, "type": "run_started", "config": {"output": folders}},
        {"seq": 1, "type": "published", "sha256": digest},
    ]
    for name in ("submission", "code", "logs", "workspace/submission"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "submission.csv").write_text(CSV)
    journal = "".join(json.dumps({"v": 1, "t": 0.0, **line}) + "\n" for line in lines)
    (tmp_path / "logs" / "journal.jsonl").write_text(journal)
    return tmp_path


def assert_in_order(out: Path) -> None:
    copy_results(out / "logs" / "journal.jsonl", out / "workspace")
    assert (out / "submission" / "submission.csv").read_text() == CSV
    for name in ("submission", "code", "logs"):
        assert not (out / name).is_symlink()
        assert not [path for path in (out / name).rglob("*") if path.is_symlink()]


def test_a_submission_that_was_overwritten_or_linked_is_mended(out: Path) -> None:
    target = out / "submission" / "submission.csv"
    target.write_text("something else")
    assert_in_order(out)
    target.unlink()
    target.symlink_to(out / "workspace" / "submission" / "submission.csv")
    assert_in_order(out)
    target.unlink()
    assert_in_order(out)


def test_links_go_and_what_they_lead_to_stays(out: Path) -> None:
    elsewhere = out / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("x")
    (out / "code" / "deep").mkdir()
    (out / "code" / "deep" / "absolute").symlink_to(elsewhere)
    (out / "logs" / "relative").symlink_to("journal.jsonl")
    (out / "submission" / "dangling").symlink_to(out / "nowhere")
    assert_in_order(out)
    assert (elsewhere / "kept").read_text() == "x"


def test_a_linked_folder_becomes_a_real_one(out: Path) -> None:
    for name in ("submission", "code", "logs"):
        (out / name).rename(out / f"real-{name}")
        (out / name).symlink_to(out / f"real-{name}")
    (out / "real-code" / "link").symlink_to("/etc")
    assert_in_order(out)
    assert (out / "code" / "submission.csv").read_text() == CSV
    assert (out / "logs" / "journal.jsonl").is_file()


# ---------------------------------------------------------------- a start that fails


def test_a_workspace_that_cannot_be_made_leaves_the_baseline(tmp_path: Path) -> None:
    data, out = write_competition(tmp_path / "data"), tmp_path / "out"
    (tmp_path / "file").touch()
    words = [*adapter_words(data, out), f"project.workspace_dir={tmp_path / 'file' / 'workspace'}"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "cannot begin: " in done.stderr
    assert "Traceback" not in done.stderr
    report = json.loads((out / "logs" / "run.json").read_text())
    assert report["status"] == "baseline"
    assert "cannot begin" in report["reason"]
    check_submission(out / "submission" / "submission.csv", data)
