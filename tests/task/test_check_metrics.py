"""scripts/check_metrics.py on a checkout of our own making, and without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check(*words: object, checkout: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "MLE_BENCH_DIR"}
    environ |= {} if checkout is None else {"MLE_BENCH_DIR": str(checkout)}
    command = [sys.executable, "scripts/check_metrics.py", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)


def competition(root: Path, name: str, grader: str, text: str, code: str = "pass") -> None:
    folder = root / "mlebench" / "competitions" / name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"id: {name}\ngrader:\n  name: {grader}\n")
    (folder / "description.md").write_text(f"# Overview\n\n## Evaluation\n\n{text}\n")
    (folder / "grade.py").write_text(code + "\n")


def test_without_a_checkout_nothing_ran(tmp_path: Path) -> None:
    for done in (check(), check(checkout=tmp_path)):
        assert done.returncode == 3
        assert done.stderr.startswith("NOT RUN")


def test_the_page_of_metrics_says_what_the_registry_says() -> None:
    done = check("--page")
    assert (done.returncode, done.stderr) == (0, "")


def test_right_missing_and_wrong_are_told_apart(tmp_path: Path) -> None:
    competition(
        tmp_path, "trees", "auc-roc", "Entries are evaluated by the area under the ROC curve."
    )
    competition(tmp_path, "crowns", "weighted-auroc", "Entries are evaluated by a weighted AUC.")
    competition(tmp_path, "roots", "MAP@3", "Entries are evaluated by MAP@3.")
    done = check(checkout=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "2 right metric, 1 rightly nothing",
    )
    competition(tmp_path, "leaves", "log-loss", "Entries are evaluated by RMSE.")
    competition(tmp_path, "bark", "dice-coefficient", "Entries are evaluated by our own measure.")
    done = check("--quiet", checkout=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 missing, 2 right metric, 1 rightly nothing, 1 wrong"
    assert "leaves" in done.stdout
    assert "trees" not in done.stdout


def test_a_list_of_expected_metrics_knows_directions_too(tmp_path: Path) -> None:
    competition(tmp_path, "trees", "anything", "Entries are evaluated by RMSE.")
    competition(tmp_path, "roots", "anything", "Entries are evaluated by our own measure.")
    rows = [{"id": "trees", "metric": "rmse", "direction": "minimize"},
            {"id": "roots", "metric": "custom:own", "direction": "maximize"}]  # fmt: skip
    (tmp_path / "expected.json").write_text(json.dumps(rows))
    assert check("--expected", tmp_path / "expected.json", checkout=tmp_path).returncode == 0
    rows[0]["direction"] = "maximize"
    (tmp_path / "expected.json").write_text(json.dumps(rows))
    assert check("--expected", tmp_path / "expected.json", checkout=tmp_path).returncode == 1
