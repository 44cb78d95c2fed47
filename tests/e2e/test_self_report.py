"""A folder that nobody understands: programs measure themselves, and what they say decides which
one is published.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.quick_agent import PROGRAM as QUICK
from tests.e2e.runs import Ended, check_submission, model_words, read_csv, solve, write_competition
from tests.shapes.unforeseen import build

pytestmark = pytest.mark.whole

PROGRAM = """import csv, json, sqlite3
# %% DATA
base = sqlite3.connect("file:input/data.sqlite?mode=ro&immutable=1", uri=True)
rows = base.execute("select a, y from train").fetchall()
# %% MODEL
LEVEL = @LEVEL@
# %% TRAIN
mean = LEVEL + 0 * len(rows)
# %% POSTPROCESS
with open("input/sample_submission.csv", newline="") as file:
    ids = [row["id"] for row in csv.DictReader(file)]
with open("submission/submission.csv", "w", newline="") as file:
    csv.writer(file).writerows([("id", "y"), *((key, mean + int(key) / 1e5) for key in ids)])
# a name that is not written: score.json
@REPORT@
"""


def reporting(level: float, report: str) -> str:
    """A program that predicts about `level`. report: what it writes into its report; "" for none."""
    line = f'open("submission/score.json", "w").write({report!r})' if report else ""
    return PROGRAM.replace("@LEVEL@", str(level)).replace("@REPORT@", line)


def says(score: object, direction: str = "maximize") -> str:
    return json.dumps({"score": score, "direction": direction})


def run(tmp_path: Path, programs: list[str]) -> tuple[Ended, ScriptedServer]:
    """programs: one per step, all of them drafts."""
    data = tmp_path / "folder" / "public"
    if not data.exists():
        build("database", tmp_path / "folder")
    left = list(programs)

    def answer(seen: HttpRequest) -> Turn:
        if seen.schema is not None:
            return Turn(json.dumps({"metric": None, "direction": "maximize", "why": ""}))
        if "Plan the first" in seen.text:
            return Turn("1. a level\n2. another level\n")
        return Turn(
            f"PLAN: number {seen.number}\n```python\n{left.pop(0) if left else 'pass'}\n```\n"
        )

    with ScriptedServer(then=answer) as server:
        model = model_words(server.base_url("openai"))
        more = ("search.num_drafts=20", "execution.workers=1", "evolution.skill.enabled=false")
        ended = solve(
            data, tmp_path / "out", "--steps", len(programs), "--time", "100s", *model, *more
        )
    return ended, server


def rebuilt(ended: Ended, data: Path) -> bytes:
    """What the published code makes of the competition."""
    out = ended.out / "again.csv"
    words = [sys.executable, ended.out / "code" / "solution.py", "--data", data, "--out", out]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def published_level(ended: Ended) -> float:
    return round(float(read_csv(ended.submission)[0]["y"]), 2)


def test_the_best_report_that_can_be_believed_is_published(tmp_path: Path) -> None:
    programs = [
        reporting(0.1, says(0.7)),
        reporting(0.2, says(1.0)),
        reporting(0.3, says(0.8)),
        reporting(0.4, says(0.75)),
        reporting(0.5, says(0.9, "minimize")),
    ]
    ended, server = run(tmp_path, programs)
    assert (ended.code, ended.report["status"]) == (0, "degraded"), ended.stderr
    best = ended.report["best"]
    assert (best["scored_by"], best["score"], best["stderr"], best["final_pick"]) == (
        "self_report",
        0.8,
        None,
        None,
    )
    assert published_level(ended) == 0.3
    assert ended.report["split"]["kind"] == "none"
    assert "report themselves" in ended.report["reason"]
    assert ended.report["reason"].count("\n") == 0
    verdicts = [step["verdict"] for step in ended.of("step")]
    believed = [verdict for verdict in verdicts if verdict["score"] is not None]
    # Two requests are open at a time: which program is whose is open as well.
    assert sorted(verdict["score"] for verdict in believed) == [0.7, 0.75, 0.8]
    assert {verdict["scored_by"] for verdict in believed} == {"self_report"}
    others = [verdict["reasons"][0] for verdict in verdicts if verdict["score"] is None]
    assert len(others) == 2
    assert all(any(word in why for why in others) for word in ("perfect", "direction"))
    assert ended.of("ensemble") == ended.of("final_pick") == ended.of("refit") == []
    system = next(seen for seen in server.requests if seen.schema is None).text
    assert "./submission/score.json" in system
    assert "held-out rows" not in system


@pytest.mark.long
def test_the_published_code_makes_the_same_submission(tmp_path: Path) -> None:
    ended, _ = run(tmp_path, [reporting(0.1, says(0.7)), reporting(0.3, says(0.8))])
    assert rebuilt(ended, tmp_path / "folder" / "public") == ended.submission.read_bytes()


@pytest.mark.long
def test_too_few_rows_to_hold_any_out(tmp_path: Path) -> None:
    data = write_competition(tmp_path / "folder" / "public", rows=8)
    report = (
        'open("submission/score.json", "w").write(\'{"score": 0.7, "direction": "maximize"}\')\n'
    )
    programs = [
        QUICK.replace("@SLOPE@", slope) + more for slope, more in (("0.1", report), ("0.2", ""))
    ]
    ended, server = run(tmp_path, programs)
    assert ended.report["status"] == "degraded", ended.report["reason"]
    assert ended.report["best"]["scored_by"] == "self_report"
    assert [step["verdict"]["valid"] for step in ended.of("step")] == [True]
    assert any("never writes ./submission/score.json" in seen.text for seen in server.requests)
    check_submission(ended.submission, data)
    assert rebuilt(ended, data) == ended.submission.read_bytes()


@pytest.mark.long
def test_without_a_model_nothing_changes(tmp_path: Path) -> None:
    data = build("database", tmp_path / "folder").public
    ended = solve(data, tmp_path / "out", "--steps", 1, "--time", "60s")
    assert (ended.code, ended.report["status"]) == (1, "baseline")
    assert "in no train table" in ended.report["reason"]


@pytest.mark.long
def test_without_a_report_the_baseline_stays(tmp_path: Path) -> None:
    ended, _ = run(
        tmp_path,
        [reporting(0.1, ""), reporting(0.2, says(float("nan"))), reporting(0.3, "not json")],
    )
    assert (ended.code, ended.report["status"]) == (1, "baseline")
    assert "no program was valid" in ended.report["reason"]
    data = tmp_path / "folder" / "public"
    assert ended.submission.read_bytes() == (data / "sample_submission.csv").read_bytes()
    assert [step["verdict"]["valid"] for step in ended.of("step")] == [False] * 3


@pytest.mark.long
def test_a_resumed_run_compares_with_earlier_reports(tmp_path: Path) -> None:
    first, _ = run(tmp_path, [reporting(0.1, says(0.8))])
    journal = first.out / "logs" / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines) if json.loads(line)["type"] == "run_ended")
    journal.write_text("".join(lines[:end]), encoding="utf-8")
    again, _ = run(tmp_path, [reporting(0.2, says(0.7)), reporting(0.3, says(0.9))])
    assert again.report["best"]["score"] == 0.8
    assert [step["steers"] for step in again.of("step")] == [True, False]
