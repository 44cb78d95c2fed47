"""A metric that only a model can read, from the description to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.quick_agent import PROGRAM
from tests.e2e.runs import Ended, solve, write_competition

pytestmark = pytest.mark.whole

UNCLEAR = "# Widgets\n\n## Evaluation\n\nEntries are scored by how sure they are of what is the case, in nats.\n"


# Mean squared error of a probability, by columns and by hand.
SCORE_A = """
import pandas as pd

def score(answers_path, submission_path):
    answers, given = (pd.read_csv(path).set_index("id")["fails"] for path in (answers_path, submission_path))
    return float(((answers - given[answers.index]) ** 2).mean())
"""
SCORE_B = """
import csv

def score(answers_path, submission_path):
    answers, given = (dict(list(csv.reader(open(path)))[1:]) for path in (answers_path, submission_path))
    return sum((float(given[key]) - float(value)) ** 2 for key, value in answers.items()) / len(answers)
"""


def run(
    tmp_path: Path,
    reading: Turn,
    feedback: str = "openai",
    scores: tuple[str, str] = ("", ""),
    steps: int = 2,
) -> tuple[Ended, ScriptedServer]:
    """reading: the answer about the metric. scores: programs for the two requests for one."""

    def answer(seen: HttpRequest) -> Turn:
        if seen.schema is not None and "program" in seen.schema["properties"]:
            said = {"program": scores["loops" in seen.text], "direction": "minimize", "best": 0.0}
            return Turn(json.dumps(said))
        if seen.schema is not None:
            return reading
        return Turn(
            f"PLAN: rates {seen.number}\n```python\n{PROGRAM.replace('@SLOPE@', f'{seen.number}.5')}```\n"
        )

    data = tmp_path / "data"
    if not data.exists():
        write_competition(data, description=UNCLEAR)
    with ScriptedServer(then=answer) as server:
        words = [
            f"llm.{role}.{name}={value}"
            for role, vendor in (("code", "openai"), ("feedback", feedback))
            for name, value in (
                ("provider", vendor),
                ("base_url", server.base_url(vendor)),
                ("api_key", "key-of-a-test"),
                ("model", "some-model"),
            )
        ]
        ended = solve(data, tmp_path / "out", "--steps", steps, "--time", "200s", *words)
    return ended, server


@pytest.mark.parametrize("vendor", [pytest.param("openai", marks=pytest.mark.long), "anthropic"])
def test_a_model_tells_the_metric(vendor: str, tmp_path: Path) -> None:
    said = {"metric": "log_loss", "direction": "minimize", "why": "how sure they are, in nats"}
    ended, server = run(tmp_path, Turn(json.dumps(said)), vendor)
    assert (ended.code, ended.report["status"]) == (0, "ok"), ended.report["reason"]
    assert ended.report["metric"] == {"name": "log_loss", "direction": "minimize", "source": "llm"}
    (decided,) = ended.of("spec")
    assert decided["spec"]["metric"]["why"] == "how sure they are, in nats"
    (call,) = [call for call in ended.of("llm_call") if call["role"] == "feedback"]
    assert call["purpose"] == "metric"
    assert server.requests[0].schema is not None
    order = [event["type"] for event in ended.events]
    assert order.index("baseline") < order.index("spec")


@pytest.mark.long
def test_an_answer_that_cannot_be_leaves_the_stand_in(tmp_path: Path) -> None:
    ended, _ = run(
        tmp_path, Turn(json.dumps({"metric": "dice", "direction": "maximize", "why": "masks"}))
    )
    assert (ended.code, ended.report["status"]) == (0, "degraded")
    assert ended.report["metric"]["source"] == "fallback"
    assert "not recognised" in ended.report["reason"]


NOTHING_KNOWN = Turn(json.dumps({"metric": None, "direction": "minimize", "why": "in nats"}))


@pytest.mark.long
def test_a_written_score_is_tried_kept_and_used_again(tmp_path: Path) -> None:
    ended, _ = run(tmp_path, NOTHING_KNOWN, scores=(SCORE_A, SCORE_B))
    assert (ended.code, ended.report["status"]) == (0, "ok"), ended.report["reason"]
    assert ended.report["metric"] == {
        "name": "generated",
        "direction": "minimize",
        "source": "generated",
    }
    assert ended.report["best"]["scored_by"] == "holdout_generated"
    (decided,) = ended.of("spec")
    program = ended.out / "logs" / "programs" / f"{decided['score_program']}.py"
    assert program.read_text().strip() == SCORE_A.strip()
    scores = [step["verdict"]["score"] for step in ended.of("step")]
    assert all(0 < score < 0.3 for score in scores)
    purposes = sorted(
        call["purpose"] for call in ended.of("llm_call") if call["role"] == "feedback"
    )
    assert purposes == ["metric", "score a", "score b"]
    assert ended.of("baseline")[0]["seq"] < decided["seq"]


@pytest.mark.long
def test_a_resumed_run_keeps_its_written_score(tmp_path: Path) -> None:
    first, _ = run(tmp_path, NOTHING_KNOWN, scores=(SCORE_A, SCORE_B), steps=1)
    journal = first.out / "logs" / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines) if json.loads(line)["type"] == "step") + 1
    journal.write_text("".join(lines[:end]), encoding="utf-8")
    again, server = run(tmp_path, NOTHING_KNOWN, steps=2)
    assert again.report["best"]["scored_by"] == "holdout_generated"
    assert len(again.of("step")) == 2
    assert [seen for seen in server.requests if seen.schema is not None] == []


@pytest.mark.long
def test_versions_that_disagree_leave_the_stand_in(tmp_path: Path) -> None:
    ended, _ = run(
        tmp_path, NOTHING_KNOWN, scores=(SCORE_A, SCORE_B.replace("/ len(answers)", "/ 7"))
    )
    assert ended.code == 0
    assert ended.report["metric"]["source"] == "fallback"
    assert ended.report["best"]["scored_by"] == "holdout"
