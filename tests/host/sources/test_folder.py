"""Competition folders of one's own, graded by this project's metrics in a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.errors import GradingFailed, SpecError, UnknownName, UsageError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.sources.folder import FolderSource

from tests.host.hostile import hostile

ROWS = 6


def make(
    root: Path, metric: str, answers: list[object], sample: list[object], more: str = ""
) -> Path:
    for part in ("public", "private"):
        (root / part).mkdir(parents=True)
    write(root / "private" / "answers.csv", answers)
    write(root / "public" / "sample_submission.csv", sample)
    (root / "competition.yaml").write_text(f"metric: {metric}\n{more}")
    return root


def write(path: Path, cells: list[object], header: str = "id,y") -> Path:
    lines = [header, *(f"{number},{cell}" for number, cell in enumerate(cells, 1))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("metric", "answers", "predicted", "score"),
    [
        ("rmse", [1, 2, 3, 4], [1, 2, 3, 6], 1.0),
        ("mae", [1, 2, 3, 4], [1, 2, 3, 6], 0.5),
        ("roc_auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ("accuracy", ["cat", "dog", "cat", "cow"], ["cat", "dog", "dog", "cow"], 0.75),
        ("accuracy", [1, 0, 1, 1], ["1.0", "0", "1", "0"], 0.75),
        ("quadratic_weighted_kappa", [1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ("map@3", ["a", "b", "a", "b"], ["a b", "b a", "b a", "b"], 0.875),
    ],
)
def test_metrics_by_name(
    graders: GradingWorkers,
    tmp_path: Path,
    metric: str,
    answers: list[object],
    predicted: list[object],
    score: float,
) -> None:
    root = make(tmp_path / "own", metric, answers, answers)
    source = FolderSource(root, graders)
    assert source.names() == ["own"]
    grade = source.grade("own", write(tmp_path / "submission.csv", predicted))
    assert grade.valid, grade.message
    assert grade.score == pytest.approx(score)
    assert grade.lower_is_better is (metric in ("rmse", "mae"))
    assert grade.report["metric"] == metric


def test_references_are_compared_in_the_metrics_direction(
    graders: GradingWorkers, tmp_path: Path
) -> None:
    more = "references: {mean: 2.0, good: 0.5}\n"
    root = make(tmp_path / "own", "rmse", [1, 2, 3, 4], [0] * 4, more)
    source = FolderSource(root, graders)
    assert source.prepare("own").references == {"mean": 2.0, "good": 0.5}
    grade = source.grade("own", write(tmp_path / "submission.csv", [1, 2, 3, 6]))
    assert grade.report["beats_references"] == {"mean": True, "good": False}
    assert grade.passed is False


@pytest.mark.parametrize("name", sorted(hostile(b"id,y\n1,0.5\n")))
def test_hostile_submissions_are_judged(graders: GradingWorkers, tmp_path: Path, name: str) -> None:
    root = make(tmp_path / "own", "rmse", list(range(ROWS)), [0.5] * ROWS)
    right = (root / "public" / "sample_submission.csv").read_bytes()
    data, gradable = hostile(right)[name]
    (tmp_path / "submission.csv").write_bytes(data)
    grade = FolderSource(root, graders).grade("own", tmp_path / "submission.csv")
    assert grade.valid is gradable, grade.message
    assert (grade.score is not None) is gradable


def test_answers_that_do_not_fit_are_not_the_agents_fault(
    graders: GradingWorkers, tmp_path: Path
) -> None:
    root = make(tmp_path / "own", "rmse", [1, 2, "three", 4], [0] * 4)
    source = FolderSource(root, graders)
    with pytest.raises(GradingFailed, match="no numbers"):
        source.grade("own", root / "public" / "sample_submission.csv")
    write(root / "private" / "answers.csv", [1, 2, 3, 4], "id,other")
    with pytest.raises(GradingFailed, match="no column 'y'"):
        source.grade("own", root / "public" / "sample_submission.csv")


def test_a_folder_of_competitions(graders: GradingWorkers, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, "mae", [1], [1])
    source = FolderSource(tmp_path, graders)
    assert source.names() == ["one", "two"]
    assert source.prepare("two").public == str(tmp_path / "two" / "public")
    with pytest.raises(UnknownName, match="nearest: one"):
        source.prepare("onne")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ids: id\nmetric: rmsee\n", "yaml:2: metric: .*; nearest: rmse"),
        ("metric: rmse\nreferense: {a: 1}", "yaml:2: referense: unknown key; nearest: references"),
        ("metrics: rmse\n", "metric is missing: a name of docs/metrics.md\n.*nearest: metric"),
        ("metric: [rmse]\n", "metric"),
        ("metric: rmse\nids: [[3]]\n", "yaml:2: ids.0: expected a text"),
        ("metric: rmse\nreferences: {mean: high}\n", "yaml:2: references.mean: expected a number"),
        ("metric: rmse\nparameters:\n- a\n", "yaml:3: parameters.0: expected a number"),
        ("metric: rmse\nmetric: mae\n", "yaml:2: metric: stands twice"),
        ("metric: rmse\n  ids: x\n", "yaml:2: "),
        ("- rmse\n", "expected a mapping"),
        ("", "empty"),
    ],
)
def test_a_wrong_description_is_told(
    graders: GradingWorkers, tmp_path: Path, text: str, words: str
) -> None:
    root = make(tmp_path / "own", "rmse", [1], [1])
    (root / "competition.yaml").write_text(text)
    with pytest.raises(SpecError, match=words):
        FolderSource(root, graders).prepare("own")


def test_every_mistake_of_a_description_is_told(graders: GradingWorkers, tmp_path: Path) -> None:
    root = make(tmp_path / "own", "rmse", [1], [1])
    text = "metric: rmse\nids: [[1], x, {a: b}]\nparameters: [a, 1, b]\nreferences: {mean: high, best: low}\n"
    (root / "competition.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        FolderSource(root, graders).prepare("own")
    places = [line.partition("yaml:")[2].split(": ")[1] for line in str(error.value).splitlines()]
    assert places == [
        *("ids.0", "ids.2", "parameters.0", "parameters.2", "references.mean", "references.best"),
    ]


def test_missing_files_are_told(graders: GradingWorkers, tmp_path: Path) -> None:
    root = make(tmp_path / "own", "rmse", [1], [1])
    source = FolderSource(root, graders)
    for path in (
        root / "private" / "answers.csv",
        root / "public" / "sample_submission.csv",
        root / "competition.yaml",
    ):
        kept = path.read_bytes()
        path.unlink()
        with pytest.raises(UsageError, match=path.name):
            source.prepare("own")
        path.write_bytes(kept)
    source.prepare("own")
