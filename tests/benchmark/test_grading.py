"""Submissions are graded beside dummy and references, and refused as strictly as a real grader
does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.__main__ import main
from benchmark.competitions import grading, pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import COMPETITIONS, find
from benchmark.errors import SubmissionError
from core.judging.metrics import Metric
from core.judging.metrics import score as agents_score


def test_grading_beside_dummy_and_reference(small: Competition, tmp_path: Path) -> None:
    pack.prepare(small, tmp_path)
    answers = pd.read_csv(tmp_path / "churn" / "prepared" / "private" / "test.csv")
    answers[::-1].to_csv(tmp_path / "perfect.csv", index=False)
    report = grading.grade(small, tmp_path / "perfect.csv", tmp_path)
    assert report.score == 1
    assert report.reference["dummy"] == 0.5
    assert 0.6 < report.reference["linear model"] < 1
    lines = grading.render(report).splitlines()
    assert lines[1].startswith("* this submission")
    assert lines[-1].split()[-2:] == ["dummy", "0.50000"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="churn"), "columns"),
        (lambda table: table[:-1], "1 missing"),
        (lambda table: pd.concat([table, table[:2]]), "2 double"),
        (lambda table: table.assign(id=table["id"] + 1), "1 missing, 1 unknown"),
        (lambda table: table.assign(id=table["id"].iloc[0]), "89 missing, 89 double"),
        (lambda table: table.assign(churn=np.nan), "90 empty cells"),
        (lambda table: table.assign(churn="high"), "column churn: .*high"),
        (lambda table: table.assign(churn=np.inf), "finite"),
        (lambda table: table.assign(churn=1.01), "between 0 and 1"),
        (lambda table: table.assign(churn=-0.01), "between 0 and 1"),
    ],
)
def test_a_bad_submission_is_refused(
    small: Competition, tmp_path: Path, change: object, message: str
) -> None:
    pack.prepare(small, tmp_path)
    sample = pd.read_csv(tmp_path / "churn" / "prepared" / "public" / "sample_submission.csv")
    change(sample).to_csv(tmp_path / "bad.csv", index=False)  # type: ignore[operator]
    with pytest.raises(SubmissionError, match=message):
        grading.grade(small, tmp_path / "bad.csv", tmp_path)


def test_a_bad_submission_is_one_line(
    small: Competition, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack.prepare(small, tmp_path)
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00broken")
    assert main(["grade", "churn", str(tmp_path / "bad.csv"), "--dest", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda path: path.write_text("id,churn\n1,0.5,9,9\n1\n2,3,4,5,6,7,8\n"),
            "is no csv table: ",
        ),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_table_is_one_line(
    small: Competition,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write: Callable[[Path], object],
    message: str,
) -> None:
    pack.prepare(small, tmp_path)
    write(tmp_path / "bad.csv")
    assert main(["grade", "churn", str(tmp_path / "bad.csv"), "--dest", str(tmp_path)]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "Errno" not in line


@pytest.mark.parametrize("name", ["private/test.csv", "private/reference.json", "public/train.csv"])
def test_a_damaged_competition_is_one_line(
    small: Competition, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    pack.prepare(small, tmp_path)
    sample = tmp_path / "churn" / "prepared" / "public" / "sample_submission.csv"
    damaged = tmp_path / "churn" / "prepared" / name
    damaged.write_bytes(damaged.read_bytes()[:20])
    assert main(["grade", "churn", str(sample), "--dest", str(tmp_path)]) == 2
    assert "churn is damaged: `prepare churn" in capsys.readouterr().err


def test_prices_below_zero_are_refused() -> None:
    answers = pd.DataFrame({"price": [1.0, 2.0]})
    with pytest.raises(ValueError, match="negative"):
        grading.score(find("house-price"), answers, [1.0, -0.5])


@pytest.mark.parametrize("competition", COMPETITIONS, ids=lambda item: item.name)
def test_the_agent_measures_what_the_grader_measures(competition: Competition) -> None:
    """Two implementations, on the same answers and predictions."""
    rng = np.random.default_rng(7)
    classes = {"probability": 2, "label": 10}.get(competition.scored_by.predicts)
    truth = rng.integers(0, classes, 500) if classes else rng.gamma(2.0, size=500)
    guessed = {"probability": rng.random(500), "label": rng.integers(0, 10, 500)}
    found = guessed.get(competition.scored_by.predicts, rng.gamma(2.0, size=500)).astype(float)
    metric = Metric(competition.metric, competition.scored_by.direction == "maximize")
    expected = agents_score(metric, truth.astype(float)[:, None], found[:, None])
    assert grading.score(
        competition, pd.DataFrame({competition.target: truth}), found
    ) == pytest.approx(expected)
