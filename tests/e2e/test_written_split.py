"""A folder that no adaptor understands, from two written programs to a holdout that the harness
owns.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.runs import Ended, model_words, solve
from tests.e2e.test_self_report import rebuilt
from tests.questions.test_written_split import GOOD_A, GOOD_B
from tests.shapes.unforeseen import build

PROGRAM = """import csv, json
# %% DATA
read = lambda name: list(csv.DictReader(open(f"input/{name}", newline="")))
train, test = read("train_rows.csv"), {(row["tripId"], row["time"]): row for row in read("test_rows.csv")}
# %% MODEL
SLOPE = @SLOPE@
# %% TRAIN
mean = [sum(float(row[name]) for row in train) / len(train) for name in ("latitude", "longitude")]
# %% POSTPROCESS
with open("submission/submission.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["tripId", "time", "latitude", "longitude"])
    for row in read("sample_submission.csv"):
        seen = test[row["tripId"], row["time"]]
        moved = [level + SLOPE * float(seen[name]) for level, name in zip(mean, "xy")]
        writer.writerow([row["tripId"], row["time"], *moved])
open("submission/score.json", "w").write(json.dumps({"score": @CLAIM@, "direction": "minimize"}))
"""
# The signal moves the answers by 0.01; the worst program claims the best score.
SLOPES_AND_CLAIMS = (("0.0", "0.0001"), ("0.01", "0.9"), ("0.03", "0.5"))


def run(tmp_path: Path, splits: tuple[str, str], steps: int) -> tuple[Ended, ScriptedServer]:
    data = tmp_path / "folder" / "public"
    if not data.exists():
        build("truth_per_folder", tmp_path / "folder")
    left = [
        PROGRAM.replace("@SLOPE@", slope).replace("@CLAIM@", claim)
        for slope, claim in SLOPES_AND_CLAIMS
    ]

    def answer(seen: HttpRequest) -> Turn:
        if seen.schema is not None and "group" in seen.schema["properties"]:
            said = {"program": splits["standard library" in seen.text], "group": "tripId"}
            return Turn(json.dumps(said))
        if seen.schema is not None:
            return Turn(
                json.dumps({"metric": "rmse", "direction": "minimize", "why": "distance errors"})
            )
        return Turn(
            f"PLAN: number {seen.number}\n```python\n{left.pop(0) if left else 'pass'}\n```\n"
        )

    with ScriptedServer(then=answer) as server:
        model = model_words(server.base_url("openai"))
        more = ("search.num_drafts=20", "execution.workers=1", "evolution.skill.enabled=false")
        more += ("evolution.solution.ensemble=false",)
        ended = solve(data, tmp_path / "out", "--steps", steps, "--time", "200s", *model, *more)
    return ended, server


def slopes(ended: Ended) -> list[str]:
    """Slope of each finished program, "" for a recipe."""
    texts = [
        (ended.out / "logs" / "programs" / f"{step['program']}.py").read_text()
        for step in ended.of("step")
    ]
    return [text.partition("SLOPE = ")[2].partition("\n")[0] for text in texts]


@pytest.mark.long
def test_the_harness_holds_out_and_a_claim_counts_for_nothing(tmp_path: Path) -> None:
    ended, server = run(tmp_path, (GOOD_A, GOOD_B), steps=5)
    assert (ended.code, ended.report["status"]) == (0, "degraded"), ended.stderr
    assert "a written program made its tables" in ended.report["reason"]
    assert ended.report["split"]["kind"] == "group"
    best = ended.report["best"]
    assert best["scored_by"] == "holdout_generated"
    assert best["score"] < 0.001
    programs = dict(zip((step["id"] for step in ended.of("step")), slopes(ended), strict=True))
    assert programs[best["id"]] == "0.01"
    (decided,) = ended.of("spec")
    kept = ended.out / "logs" / "programs" / f"{decided['spec']['split_program']}.py"
    assert kept.read_text().strip() == GOOD_A.strip()
    assert ended.of("baseline")[0]["seq"] < decided["seq"]
    system = next(seen for seen in server.requests if seen.schema is None).text
    assert "train_rows.csv" in system
    assert "ground_truth.csv" not in system
    assert rebuilt(ended, tmp_path / "folder" / "public") == ended.submission.read_bytes()


@pytest.mark.long
def test_a_refused_split_leaves_self_report(tmp_path: Path) -> None:
    wrong = GOOD_A.replace(
        'table(folder, "train").to_csv', 'table(folder, "train").iloc[1:].to_csv'
    )
    ended, _ = run(tmp_path, (wrong, GOOD_B), steps=1)
    assert ended.report["split"]["kind"] == "none"
    assert ended.of("spec")[0]["spec"]["split_program"] == ""


@pytest.mark.long
def test_a_resumed_run_keeps_its_written_split(tmp_path: Path) -> None:
    first, _ = run(tmp_path, (GOOD_A, GOOD_B), steps=1)
    journal = first.out / "logs" / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines) if json.loads(line)["type"] == "step") + 1
    journal.write_text("".join(lines[:end]), encoding="utf-8")
    again, server = run(tmp_path, ("", ""), steps=2)
    assert again.report["best"]["scored_by"] == "holdout_generated", again.stderr
    assert not any(seen.schema is not None for seen in server.requests)
