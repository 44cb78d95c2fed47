"""A whole run whose model is a person: prompts and answers are files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.relay import LOG, Relay
from tests.benchmark.person import Person, by_schema
from tests.e2e.quick_agent import PROGRAM
from tests.e2e.runs import check_submission, solve

pytestmark = pytest.mark.whole

STEPS = 5


def says(number: int, text: str) -> str:
    """What a patient person would write: another slope for each program."""
    program = PROGRAM.replace("@SLOPE@", f"{0.01 * number:.3f}7")
    plan = f"PLAN: rates by colour with slope {number}"
    return by_schema(text) or f"{plan}\n```python\n{program}```\n"


def test_a_person_without_a_key_answers_a_run(widgets: Path, tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "relay"
    with Relay(folder, port=0) as relay, Person(folder, says):
        ended = solve(
            widgets,
            out,
            *("--steps", STEPS, "--time", "120s"),
            environ={
                "LLM_PROVIDER": "openai",
                "OPENAI_BASE_URL": relay.base_url,
                "OPENAI_API_KEY": "none",
                "LLM_MODEL": "relay",
            },
        )
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    check_submission(ended.submission, widgets)
    calls = ended.of("llm_call")
    answered = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    assert len(answered) >= len(calls) > 0
    assert {call["model"] for call in calls} == {"relay"}
    assert "model" in {step["author"] for step in ended.of("step")}
    assert "Widgets" in (folder / "0001.prompt.md").read_text()
