"""Runs of an earlier version still resume and replay: tests/recorded has them, @ROOT@ for their place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.journal.history import History
from core.journal.journal import read_lines
from tests.e2e.runs import ROOT, check_submission, events, solve, write_competition

pytestmark = pytest.mark.whole

# Recorded at commit 0b1b1bd by the quick agent: `cut` was killed within its fifth step, `model` ended.
RECORDED = ROOT / "tests" / "recorded" / "runs_0b1b1bd"
STEPS = 8


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The recorded runs as they were, moved to this place, beside their competition."""
    write_competition(tmp_path / "data" / "widgets")
    for name in ("cut", "model"):
        shutil.copytree(RECORDED / name, tmp_path / name)
    for path in tmp_path.rglob("*.json*"):
        path.write_text(path.read_text().replace("@ROOT@", str(tmp_path)))
    return tmp_path


def test_a_run_that_was_cut_off_goes_on(place: Path) -> None:
    before = events(place / "cut")
    words = ["--steps", STEPS, "--time", "600s", "execution.workers=1"]
    ended = solve(place / "data" / "widgets", place / "cut", *words)
    assert ended.code == 0, ended.stdout + ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    assert ended.events[: len(before)] == before
    done = [event["id"] for event in before if event["type"] == "step"]
    steps = [event["id"] for event in ended.of("step")]
    assert steps[: len(done)] == done
    assert len(steps) == len(set(steps)) == STEPS
    keys = [event["result"]["key"] for event in ended.of("fold")]
    assert len(keys) == len(set(keys)), "an execution that the journal held was run again"
    check_submission(ended.submission, place / "data" / "widgets")


def test_a_recorded_model_answers_again(place: Path) -> None:
    recorded = events(place / "model")
    words = ["execution.workers=1", f"llm.replay_dir={place / 'model' / 'logs'}"]
    ended = solve(
        place / "data" / "widgets", place / "again", "--steps", 5, "--time", "120s", *words
    )
    assert ended.code == 0, ended.stderr
    assert ended.report["llm"]["provider"] == "replay"
    calls = [event for event in recorded if event["type"] == "llm_call"]
    assert ended.report["llm"]["calls"] == len(calls) > 0
    programs = {event["program"] for event in recorded if event["type"] == "step"}
    assert {event["program"] for event in ended.of("step")} == programs


def test_every_line_of_a_recorded_journal_is_applied(place: Path) -> None:
    lines, _ = read_lines(place / "model" / "logs" / "journal.jsonl")
    history = History(lambda key: "")
    for line in lines:
        history.apply(line)
    assert history.steps_done == 5
    assert history.final_pick is not None
    assert lines[-1]["type"] == "run_ended"
    assert history.spec is not None
    assert history.spec.spec.ids.columns == ("id",)
    assert history.spec.spec.answers.targets == ("fails",)
