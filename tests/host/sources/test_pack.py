"""The genuine offline pack through its command line."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import pytest
from swarm_host.errors import GradingFailed, NotHere, UnknownName, UsageError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.records import GradingProgram
from swarm_host.sources.pack import PackSource

from tests.host.hostile import hostile


@pytest.fixture(scope="module")
def source(graders: GradingWorkers, tmp_path_factory: pytest.TempPathFactory) -> PackSource:
    return PackSource(tmp_path_factory.mktemp("data"), graders)


def left(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "submission.csv"
    path.write_bytes(data)
    return path


def test_competitions_are_listed_prepared_and_graded(source: PackSource, tmp_path: Path) -> None:
    assert {"churn", "house-price"} <= set(source.names())
    churn = source.prepare("churn")
    assert (churn.metric, churn.lower_is_better) == ("roc_auc", False)
    assert churn.references["dummy"] == 0.5
    assert "private" not in churn.public
    public, private = Path(churn.public), Path(churn.public).parent / "private"
    dummy = source.grade("churn", public / "sample_submission.csv")
    assert (dummy.valid, dummy.score, dummy.passed) == (True, 0.5, False)
    best = source.grade("churn", private / "test.csv")
    assert (best.score, best.passed) == (1.0, True)
    assert best.report["beats_references"] == dict.fromkeys(churn.references, True)
    # A second source finds everything there.
    again = PackSource(public.parents[2], source._graders)
    assert again.prepare("churn") == churn


CASES = sorted(hostile(b"id,churn\n1,0.5\n"))


@pytest.mark.parametrize("name", CASES)
def test_hostile_submissions_are_judged(source: PackSource, tmp_path: Path, name: str) -> None:
    right = (Path(source.prepare("churn").public) / "sample_submission.csv").read_bytes()
    data, gradable = hostile(right)[name]
    grade = source.grade("churn", left(tmp_path, data))
    assert grade.valid is gradable, grade.message
    assert (grade.score is not None) is gradable
    assert bool(grade.message) is not gradable
    assert len(grade.message) <= 500


def test_a_name_makes_nobody_unpack_a_submission(source: PackSource, tmp_path: Path) -> None:
    """pandas unpacks by the name of a file; the copy that is graded has a name of ours."""
    right = (Path(source.prepare("churn").public) / "sample_submission.csv").read_bytes()
    for name, data in {
        "submission.csv.gz": gzip.compress(right),
        "submission.csv.zip": right,
    }.items():
        (tmp_path / name).write_bytes(data)
        assert source.grade("churn", tmp_path / name).valid is name.endswith("zip")


def test_links_and_pipes_are_no_submissions(source: PackSource, tmp_path: Path) -> None:
    answers = Path(source.prepare("churn").public).parent / "private" / "test.csv"
    (tmp_path / "submission.csv").symlink_to(answers)
    grade = source.grade("churn", tmp_path / "submission.csv")
    assert (grade.valid, grade.message) == (False, "the submission is a link, not a file")
    os.mkfifo(tmp_path / "pipe")
    assert not source.grade("churn", tmp_path / "pipe").valid
    assert source.grade("churn", tmp_path / "nothing").message == "there is no submission"


def test_damaged_answers_are_not_the_agents_fault(source: PackSource) -> None:
    public = Path(source.prepare("churn").public)
    answers = public.parent / "private" / "test.csv"
    right = answers.read_bytes()
    answers.write_bytes(right + b"1,1\n")
    try:
        with pytest.raises(GradingFailed, match="damaged"):
            source.grade("churn", public / "sample_submission.csv")
    finally:
        answers.write_bytes(right)
    assert source.grade("churn", public / "sample_submission.csv").valid


def test_a_grader_that_breaks_is_not_the_agents_fault(
    graders: GradingWorkers, tmp_path: Path, source: PackSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = GradingProgram(source.program.python, "no_such_program")
    monkeypatch.setattr(PackSource, "program", broken)
    with pytest.raises(GradingFailed, match="no_such_program"):
        source.grade("churn", Path(source.prepare("churn").public) / "sample_submission.csv")


def test_unknown_names_get_the_nearest(source: PackSource) -> None:
    with pytest.raises(UnknownName, match="nearest: churn") as told:
        source.prepare("chum")
    assert "house-price" in str(told.value)
    for name in ("../churn", "", "/etc"):
        with pytest.raises(UnknownName):
            source.prepare(name)


def test_data_that_are_not_to_be_had_are_told(graders: GradingWorkers, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands here")
    with pytest.raises(UsageError, match="offline pack"):
        PackSource(tmp_path / "data", graders).prepare("churn")
    with pytest.raises(UsageError, match="no-such-python"):
        PackSource(tmp_path, graders, python="/no-such-python").names()


def test_a_python_without_the_packs_libraries_is_told_where_they_are_listed(
    graders: GradingWorkers, tmp_path: Path
) -> None:
    """As that of `uv run` in a new checkout, which has what the orchestrator itself needs."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(NotHere, match=r"No module named .*demo\.txt"):
        PackSource(tmp_path, graders, python=str(bare)).prepare("churn")
