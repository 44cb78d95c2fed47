"""This project's own agent, started by the host side as a user starts it: recipes, as a process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

HOST = Path(__file__).resolve().parents[3] / "host"
DESCRIPTION = """# Toy

Predict `y`, a number, from `a` and `b`. Submissions are scored by the root mean squared error (RMSE).
A submission has the columns `id` and `y`.
"""


def write(path: Path, head: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *rows]) + "\n")


def competition(folder: Path) -> float:
    """A folder with a made-up line to learn. Gives the error of the sample submission."""
    dice = random.Random(7)
    rows = [(number, dice.uniform(-1, 1), dice.uniform(-1, 1)) for number in range(400)]
    known, asked = rows[:300], rows[300:]
    answers = [3 * a - 2 * b for _, a, b in asked]
    public = folder / "public"
    write(public / "train.csv", "id,a,b,y", [f"{n},{a},{b},{3 * a - 2 * b}" for n, a, b in known])
    write(public / "test.csv", "id,a,b", [f"{n},{a},{b}" for n, a, b in asked])
    write(public / "sample_submission.csv", "id,y", [f"{n},0.0" for n, _, _ in asked])
    (public / "description.md").write_text(DESCRIPTION)
    told = [f"{n},{answer}" for (n, _, _), answer in zip(asked, answers, strict=True)]
    write(folder / "private" / "answers.csv", "id,y", told)
    (folder / "competition.yaml").write_text("metric: rmse\n")
    return float((sum(answer**2 for answer in answers) / len(answers)) ** 0.5)


@pytest.mark.long
def test_swarm_evo_is_run_and_graded(tmp_path: Path) -> None:
    """It reads the folder it is given, ends by itself within its limit, and its best program is far
    better than the sample submission.
    """
    sample = competition(tmp_path / "toy")
    words = ["--agents", "swarm-evo/recipes", "--competitions", "toy", "--seeds", "1"]
    place = ["--source", "folder", "--source-root", str(tmp_path / "toy")]
    limits = ["--backend", "local", "--timeout", "120s", "matrix.steps=3"]
    command = [sys.executable, "-m", "swarm_host", "sweep", *words, *place, *limits, "--json"]
    environ = {**os.environ, "SWARM_HOST_RUNS": str(tmp_path / "runs")}
    done = subprocess.run(command, cwd=HOST, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (unit,) = json.loads(done.stdout)["units"]
    assert unit["outcome"] == "ok", unit
    assert unit["score"] < sample / 4
    folder = Path(unit["folder"])
    assert (folder / "submission" / "submission.csv").read_text().startswith("id,y\n300,")
    report = json.loads((folder / "logs" / "run.json").read_text())
    assert report["best"]["score"] < sample / 4
    assert list((folder / "code").rglob("*.py"))
