"""The example agent against a model on loopback: one real HTTP endpoint, real programs, real files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.faces.model import Endpoint, serving

ROOT = Path(__file__).resolve().parents[3]
AGENT = ROOT / "host" / "zagent_1" / "agent.py"
GOOD = "Here:\n```python\nopen('submission.csv', 'w').write('id,y\\n1,0\\n')\nprint('done')\n```\n"
BROKEN = "```python\nraise SystemExit('no such column')\n```"
NOTHING_WRITTEN = "```py\nprint('forgot it')\n```"
SLOW = "```python\nimport threading\nthreading.Event().wait()\n```"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as server:
        yield server


def competition(cache: Path, name: str = "aerial-cactus-identification", below: str = "") -> Path:
    public = cache / below / name / "prepared" / "public"
    public.mkdir(parents=True)
    (public / "description.md").write_text("# Cactus\nIs there one?\n")
    (public / "train.csv").write_text("id,y\n7,1\n")
    (public / "train.zip").write_bytes(b"PK\x00\xff")
    return public


def run(
    tmp_path: Path, endpoint: Endpoint | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "cache"),
        "OUTPUT_DIR": str(tmp_path / "output"),
        "OPENAI_API_KEY": "sk-test",
        **variables,
    }
    environ = {name: value for name, value in environ.items() if value}
    if endpoint:
        environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{endpoint.server_port}/v1"
    return subprocess.run(
        [sys.executable, str(AGENT)], env=environ, capture_output=True, text=True, timeout=60
    )


def test_it_writes_a_submission_after_it_was_told_what_went_wrong(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    competition(tmp_path / "cache")
    endpoint.answers = ["no program", BROKEN, NOTHING_WRITTEN, GOOD]
    done = run(tmp_path, endpoint, MODEL="small")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output" / "submission.csv").read_text() == "id,y\n1,0\n"
    assert "step 4: submission written" in done.stdout
    said = [request["messages"][-1]["content"] for request in endpoint.asked]  # type: ignore[index]
    assert "Is there one?" in said[0]
    assert "- train.csv\n    id,y\n    7,1" in said[0]
    assert "no ```python block" in said[1]
    assert "no such column" in said[2]
    assert "submission.csv is missing" in said[3]
    assert {request["model"] for request in endpoint.asked} == {"small"}


@pytest.mark.parametrize("below", ["", "data"])
def test_both_layouts_of_a_cache_are_found(tmp_path: Path, endpoint: Endpoint, below: str) -> None:
    competition(tmp_path / "cache", below=below)
    endpoint.answers = [GOOD]
    assert run(tmp_path, endpoint).returncode == 0


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path, endpoint: Endpoint) -> None:
    competition(tmp_path / "cache")
    endpoint.answers = [SLOW]
    done = run(tmp_path, endpoint, STEP_SECONDS="0.5", MAX_STEPS="1")
    assert (done.returncode, "no submission after 1 steps" in done.stderr) == (1, True)


def test_an_old_submission_is_no_success(tmp_path: Path, endpoint: Endpoint) -> None:
    competition(tmp_path / "cache")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "submission.csv").write_text("old")
    endpoint.answers = [NOTHING_WRITTEN]
    assert run(tmp_path, endpoint, MAX_STEPS="1").returncode == 1


def test_a_model_that_refuses_ends_the_agent(tmp_path: Path, endpoint: Endpoint) -> None:
    competition(tmp_path / "cache")
    done = run(tmp_path, endpoint)
    assert done.returncode == 1
    assert "the model does not answer: AuthenticationError" in done.stderr


def test_wrong_use(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, "there: none" in done.stderr) == (2, True)
    competition(tmp_path / "cache", "a")
    competition(tmp_path / "cache", "b")
    assert "there: a, b" in run(tmp_path).stderr
    assert "STEP_SECONDS is no number" in run(tmp_path, COMPETITION="a", STEP_SECONDS="x").stderr
    assert run(tmp_path, COMPETITION="a", MAX_STEPS="x").returncode == 2
    done = run(tmp_path, COMPETITION="a", OPENAI_API_KEY="")
    assert (done.returncode, "OPENAI_API_KEY" in done.stderr) == (2, True)
