"""Filled cases without running a program: every gene is worth something, predictions are the truth
with noise.
"""

from __future__ import annotations

import dataclasses
import random
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmark.study.case import Case
from benchmark.study.evaluations import Evaluation, EvaluationStore, KnownPredictions, rows_of
from benchmark.study.library import Extent, Item
from benchmark.study.tiers import Tier
from core.contract import (
    REPORT_VERSION,
    ReportedMetric,
    ReportedModel,
    ReportedSplit,
    ReportedSteps,
    ReportedSubmission,
    ReportedTime,
    RunReport,
)
from core.doubles import CLEAN
from core.judging.blend import score_blend
from core.judging.store import Prediction
from core.records import Best, BoxFacts, FoldResult, Verdict, View
from utils.files import sha256_file, write_atomic

TINY = Tier(
    "tiny",
    ("churn",),
    200,
    {"": Extent(data=1, model=1, train=2, post=1, most=50)},
    40,
    (10,),
    60.0,
)
"""Executions for eight whole programs."""


def rows(count: int = 400) -> pd.DataFrame:
    """A table with two classes that both columns tell of."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"tenure": rng.normal(size=count), "contract": rng.choice(["a", "b"], count)}
    )
    frame["churn"] = (frame["tenure"] + rng.normal(size=count) > 0).astype(int)
    return frame


def fill_by_hand(case: Case, skip: int = 0) -> None:
    """Keeps evaluations of all programs but the last `skip`."""
    kept = EvaluationStore(case)
    truth = pd.read_csv(case.private, dtype={"id": str}).set_index("id")[case.competition.target]
    for item in case.items[: len(case.items) - skip]:
        for view in case.views:
            kept.save(_evaluation(case, truth, item, view))


def _evaluation(case: Case, truth: pd.Series[int], item: Item, view: View) -> Evaluation:
    key = case.key(item, view)
    template = rows_of(case, view)
    with np.load(view.answers or "", allow_pickle=False) as answers:
        held = answers["truth"].astype(float).ravel()
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    asked = truth[template.ids[len(held) :, 0]].to_numpy(float)
    signal = np.concatenate([held, asked])
    # What no program can know of a row, and what each gets wrong by itself.
    hidden = np.random.default_rng(5).normal(size=10_000)[template.ids[:, 0].astype(int)]
    values = worth(item) * signal + hidden + 0.5 * rng.normal(size=len(signal))
    values = (1 / (1 + np.exp(-values)))[:, None]
    store = KnownPredictions.of(case)
    store.save(
        key, Prediction(template.view, template.answers, template.ids, values, template.part)
    )
    score, error = score_blend(case.spec, [([key], 1.0)], "mean", "holdout", store)
    verdict = Verdict(True, score, error, "holdout", predictions=key)
    result = FoldResult(key, view.name, view.fold, 0, CLEAN, verdict)
    return Evaluation(result, roc_auc_score(asked, values[len(held) :, 0]), values)


def worth(item: Item) -> float:
    """Sum of what its genes are worth."""
    return sum(
        random.Random(f"{locus} {gene}").uniform(0, 0.6) for locus, gene in item.genes.items()
    )


def run_report(out: Path, **changes: object) -> RunReport:
    """What a run below `out` leaves as run.json; the submission that is there is in it."""
    submission = None
    path = out / "submission" / "submission.csv"
    if path.exists():
        submission = ReportedSubmission(str(path), sha256_file(path), 9, "local")
    usual = RunReport(
        version=REPORT_VERSION,
        status="ok",
        reason=None,
        competition_id="",
        metric=ReportedMetric("roc_auc", "maximize", "description"),
        split=ReportedSplit("stratified", 5, 90, "5 folds"),
        best=Best("s0001", "ensemble", 0.8, 0.01, "holdout", 0.79),
        steps=ReportedSteps(done=7, limit=7, valid=6, failed=1, resumed_from=0),
        time=ReportedTime(elapsed_s=59.0, limit_s=60.0, first_valid_s=4.0),
        llm=ReportedModel("recipes", "", 0, 0, 0, 0, 0, 0.0),
        box=BoxFacts(landlock=True, user_switch=False),
        submission=submission,
    )
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


def leave_report(out: Path, report: RunReport) -> None:
    write_atomic(out / "logs" / "run.json", report.text())
