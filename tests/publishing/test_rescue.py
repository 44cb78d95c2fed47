"""What stands in the output folder before anything is tried, over the real workers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.publishing.rescue import checked_baseline
from core.task.hints import Hints
from core.task.service import TaskService
from tests.task import folders
from utils.process import WorkerProcess

Workers = tuple[TaskService, WorkerProcess]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    task, judging = TaskService(), WorkerProcess("core.judging.worker")
    yield task, judging
    task.close()
    judging.close()


def first(
    root: Path,
    workers: tuple[TaskService, WorkerProcess],
    answers: Sequence[float],
    shown: Sequence[object],
    metric: str,
) -> tuple[str, list[str]]:
    """(source, lines of the file) of the first submission for `answers`, where the sample holds
    `shown`.
    """
    folders.put(
        root / "data" / "train.csv",
        ("id", "a", "y"),
        [(i, i % 5, y) for i, y in enumerate(answers)],
    )
    folders.put(root / "data" / "test.csv", ("id", "a"), [(900 + i, i) for i in range(len(shown))])
    folders.put(
        root / "data" / "sample_submission.csv",
        ("id", "y"),
        [(900 + i, y) for i, y in enumerate(shown)],
    )
    spec = workers[0].inspect(root / "data", "", Hints.of(metric=metric))
    target = root / "out" / "submission.csv"
    source, rows = checked_baseline(workers[0], spec, target, workers[1])
    assert rows == len(shown)
    return source, target.read_text().splitlines()


def test_a_prior_that_the_check_refuses_gives_way_to_the_sample(
    tmp_path: Path, workers: Workers
) -> None:
    draw = random.Random(2)
    answers = [round(draw.gauss(0, 1), 3) for _ in range(40)]
    shown = [0.5, 0.25, 1.5]
    expected = ["id,y", "900,0.5", "901,0.25", "902,1.5"]
    assert first(tmp_path / "pearson", workers, answers, shown, "pearson") == ("sample", expected)
    assert first(tmp_path / "rmse", workers, answers, shown, "rmse")[0] == "prior"


def test_a_sample_that_is_refused_as_well_replaces_nothing(
    tmp_path: Path, workers: Workers
) -> None:
    answers = [float(i % 7) for i in range(40)]
    source, lines = first(tmp_path, workers, answers, ["", "", ""], "spearman")
    assert (source, len(set(line.partition(",")[2] for line in lines[1:]))) == ("prior", 1)
    assert not lines[1].endswith(",")
