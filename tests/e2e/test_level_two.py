"""Level 2 in whole runs: personas are rewritten and judged, lessons are drawn, used and measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.scripted_server import ScriptedServer
from tests.e2e.runs import Ended, check_submission, model_words, solve, write_competition
from tests.e2e.weighing_model import LESSON, ROLE, weighing

pytestmark = pytest.mark.long


def test_a_hundred_steps_of_recipes(tmp_path: Path) -> None:
    data = write_competition(tmp_path / "data", rows=600)
    library = tmp_path / "library"
    words = ("--steps", 100, "--time", "20m", f"evolution.skill.library={library}")
    ended = solve(data, tmp_path / "out", *words, agent="main.py", seconds=1200)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    check_submission(ended.submission, data)
    assert_alive(ended, 100)


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_sixty_steps_of_a_scripted_model(vendor: str, widgets: Path, tmp_path: Path) -> None:
    with ScriptedServer(then=weighing) as server:
        words = model_words(server.base_url(vendor), vendor)
        # One worker: decisions keep one order, and the run is the same each time.
        ended = solve(
            widgets,
            tmp_path / "out",
            "--steps",
            60,
            "--time",
            "10m",
            "execution.workers=1",
            *words,
            seconds=600,
        )
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    assert_alive(ended, 60)
    assert ROLE in {
        event["persona"]["role"] for event in ended.of("persona") if event["change"] == "rewritten"
    }
    assert any(LESSON in event["skill"]["text"] for event in ended.of("skill"))
    prompts = [json.dumps(seen.body) for seen in server.requests if seen.schema is None]
    assert any(LESSON in prompt and ROLE in prompt for prompt in prompts)


def assert_alive(ended: Ended, steps: int) -> None:
    """Every link of the chain left its trace in the journal, and changed what came after it."""
    assert len(ended.of("step")) >= steps
    team = [event["change"] for event in ended.of("persona")]
    assert "rewritten" in team
    assert {"kept", "rolled_back"} & set(team)
    lessons = ended.of("skill")
    assert "extracted" in {event["change"] for event in lessons}
    measured = [event["skill"] for event in lessons if event["change"] == "measured"]
    assert any(skill["uses"] > 0 and skill["lift"] != 0 for skill in measured)
    steps_with = [step for step in ended.of("step") if step["skills"]]
    assert {skill["id"] for skill in measured} & {
        name for step in steps_with for name in step["skills"]
    }
    assert any("." in step["persona"] for step in ended.of("step")), (
        "nobody who was rewritten wrote a program"
    )
