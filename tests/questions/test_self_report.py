"""Reports of programs: what is believed, and that a claim only orders."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.answers.self_check import reports_nothing
from core.doubles import CLEAN
from core.metric_names import METRICS
from core.questions.self_report import SelfReportJudge, bounds, claimed, implausible
from core.records import Job, MetricSpec
from tests.judging.arena import make_arena, make_spec
from utils.process import WorkerProcess

AUC = MetricSpec("roc_auc", "maximize", "description")
RMSE = MetricSpec("rmse", "minimize", "description")


def said(folder: Path, content: object, metric: MetricSpec = AUC) -> float | str:
    path = folder / "score.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return claimed(path, metric)


def test_a_report_is_a_number_with_its_direction(tmp_path: Path) -> None:
    assert said(tmp_path, {"score": 0.75, "direction": "maximize"}) == 0.75
    assert said(tmp_path, {"score": 12, "direction": "minimize", "folds": 5}, RMSE) == 12.0


WRONG = [
    ({"score": 0.75}, "direction"),
    ({"score": 0.75, "direction": "minimize"}, "direction"),
    ({"score": "0.75", "direction": "maximize"}, "is not"),
    ({"score": True, "direction": "maximize"}, "is not"),
    ({"score": None, "direction": "maximize"}, "is not"),
    ([0.75, "maximize"], "is not"),
    ("0.75", "is not"),
    ('{"score": NaN, "direction": "maximize"}', "not finite"),
    ('{"score": Infinity, "direction": "maximize"}', "not finite"),
    ('{"score": 1' + "0" * 400 + ', "direction": "maximize"}', "not finite"),
    ({"score": 1.0, "direction": "maximize"}, "is perfect"),
    ({"score": 1.2, "direction": "maximize"}, "beyond perfect"),
    ({"score": -0.1, "direction": "maximize"}, "worse than the worst"),
    ("", "no score was reported"),
    ("no json", "no score was reported"),
    ("[" * 4000, "no score was reported"),
    (" " * 5000 + "{}", "no score was reported"),
]


@pytest.mark.parametrize(("content", "why"), WRONG)
def test_anything_else_counts_as_none(tmp_path: Path, content: object, why: str) -> None:
    found = said(tmp_path, content)
    assert isinstance(found, str)
    assert why in found
    assert "\n" not in found
    assert len(found) < 400


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "folder"])
def test_a_report_is_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "score.json"
    (tmp_path / "other.json").write_text('{"score": 0.75, "direction": "maximize"}')
    if kind == "link":
        path.symlink_to(tmp_path / "other.json")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert "no score was reported" in str(claimed(path, AUC))


def test_every_metric_has_bounds_of_its_direction() -> None:
    for metric in METRICS:
        spec = MetricSpec(metric.name, metric.direction, "description")
        worst, best = bounds(spec)
        assert best == (1.0 if metric.direction == "maximize" else 0.0)
        assert "perfect" in implausible(best, spec)
        assert implausible(0.5, spec) == ""
        assert worst is None or implausible(worst, spec) == ""
    assert "worse than" in implausible(1.5, MetricSpec("error_rate", "minimize", "llm"))
    assert implausible(-1.5, MetricSpec("r2", "maximize", "llm")) == ""
    assert implausible(-0.5, MetricSpec("pearson", "maximize", "llm")) == ""
    assert implausible(7.0, MetricSpec("roc_auc", "maximize", "generated")) == ""
    assert "beyond" in implausible(-0.5, RMSE)


def test_the_judge_orders_by_claims_and_blends_nothing(tmp_path: Path) -> None:
    worker = WorkerProcess("core.judging.worker", log=tmp_path / "worker.log")
    made = make_arena(tmp_path / "arena", make_spec("rmse"), [np.arange(30.0)], worker)
    judge = SelfReportJudge(made.spec, tmp_path / "predictions", worker)
    view = replace(made.views[0], name="full", kind="full", fold=-1, answers=None)
    sample = (Path(view.path) / view.sample.path).read_text(encoding="utf-8")
    try:
        for name, score in (("good", 1.0), ("same", 1.0), ("bad", 2.0), ("none", None)):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "submission.csv").write_text(sample, encoding="utf-8")
            if score is not None:
                (folder / "score.json").write_text(
                    json.dumps({"score": score, "direction": "minimize"})
                )
            outcome = replace(CLEAN, submission=str(folder / "submission.csv"))
            verdict = judge.judge(Job(name, name, "", view, 0, 10.0), outcome)
            assert verdict.valid == (score is not None)
            assert (verdict.score, verdict.stderr) == (score, None)
            assert verdict.scored_by == ("none" if score is None else "self_report")
        assert judge.p_better(["good"], ["bad"]) == 1.0
        assert judge.p_better(["bad"], ["good"]) == 0.0
        assert judge.p_better(["same"], ["good"]) == 0.5
        assert judge.p_better([], ["good"]) is None
        assert judge.score_blend([(["good"], 1.0), (["bad"], 1.0)], "mean", "holdout") == (
            None,
            None,
        )
        assert judge.greedy([("good", ["good"]), ("bad", ["bad"])]) is None
    finally:
        judge.close()


def test_a_program_that_never_reports_is_found_before_it_runs() -> None:
    assert reports_nothing('open("submission/score.json", "w")') == ()
    assert "score.json" in reports_nothing("print(0.9)")[0]
