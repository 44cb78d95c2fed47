"""What a report on held-out errors costs, beside the scoring of the same rows in the same run."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.measure import Figures, Measure, markdown, number
from core.judging.service import HoldoutJudge
from core.metric_names import BY_NAME
from core.records import CompetitionSpec, Job, MetricSpec, Outcome, TableFile, View

METRICS = ("rmse", "roc_auc")
FOLDS = 5
# So many times what scoring takes: a program is scored once, and a report is made for parents only.
TARGET = 2.0
_OFFICIAL_ROWS = 10
_WORDS = ("red", "green", "blue", "grey")
_SAMPLE = TableFile("sample_submission.csv")
_TEST = TableFile("test.csv")


@dataclass(frozen=True, slots=True)
class ReportCost:
    """Of one competition, in seconds; medians. first_s: with the reading of the columns, which later
    reports find in memory.
    """

    metric: str
    rows: int
    columns: int
    scoring_s: float
    first_s: float
    report_s: float


def measure_reports(rows: int, columns: int, repeats: int) -> Iterator[ReportCost]:
    """rows: held-out rows over all folds. One row of figures for each of METRICS."""
    for metric in METRICS:
        with tempfile.TemporaryDirectory() as folder:
            yield _measure(Path(folder), metric, rows, columns, repeats)


def reports_table(measured: Figures) -> str:
    """One line per metric."""
    lines = []
    for cost in measured["costs"]:
        ratio = cost["report_s"] / cost["scoring_s"]
        mark = "" if ratio <= TARGET else " (missed)"
        size = f"{cost['rows']} x {cost['columns']}"
        seconds = [f"{cost[name]:.2f}" for name in ("scoring_s", "first_s", "report_s")]
        lines.append((cost["metric"], size, *seconds, f"{ratio:.2f}{mark}", f"<= {TARGET:g}"))
    head = ("metric", "rows x columns", "scoring, s", "first report, s", "further report, s")
    return markdown((*head, "report / scoring", "target"), lines)


def _measure(root: Path, metric: str, rows: int, columns: int, repeats: int) -> ReportCost:
    spec, views = _competition(root, metric, rows, columns)
    judge = HoldoutJudge(spec, root / "predictions")
    scoring, reports = list[float](), list[float]()
    try:
        # The worker imports its libraries with its first call.
        judge.check_file(root / "submission0.csv")
        for turn in range(repeats):
            names = [f"p{turn}-{view.name}" for view in views]
            scoring.append(_seconds(partial(_score, judge, root, views, names)))
            reports.append(_seconds(partial(judge.error_report, names, views)))
    finally:
        judge.close()
    further = median(reports[1:] or reports)
    return ReportCost(metric, rows, columns, median(scoring), reports[0], further)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _score(judge: HoldoutJudge, root: Path, views: list[View], names: list[str]) -> None:
    for view, name in zip(views, names, strict=True):
        path = root / f"submission{view.fold}.csv"
        ended = Outcome(0, None, False, 1.0, 1.0, 1.0, None, "", submission=str(path))
        verdict = judge.judge(Job(name, name, "", view, 0, 1.0), ended)
        assert verdict.score is not None, verdict.reasons


def _competition(
    root: Path, metric: str, rows: int, columns: int
) -> tuple[CompetitionSpec, list[View]]:
    """Views as the task worker makes them, and a submission beside each: numbers, words, and days in
    order, of which the answer depends on the first number and on the season.
    """
    rng = np.random.default_rng(0)
    frame = _columns(rng, rows + _OFFICIAL_ROWS, columns)
    season = np.sin(2 * np.pi * np.arange(len(frame)) / 30)
    signal = frame["x0"].to_numpy() + season
    truth = signal + 0.5 * rng.normal(size=len(frame))
    pred = signal * (1 + 0.2 * rng.normal(size=len(frame)))
    if metric == "roc_auc":
        truth, pred = (truth > 0).astype(float), 1 / (1 + np.exp(-pred))
    frame.insert(0, "id", [f"r{number}" for number in range(len(frame))])
    official = frame.iloc[rows:]
    _sample(official["id"], 0.5).to_csv(root / _SAMPLE.path, index=False)
    views = []
    for fold, held in enumerate(np.array_split(np.arange(rows), FOLDS)):
        views.append(_view(root, fold, frame.iloc[held], truth[held], official))
        shown = pd.concat([frame["id"].iloc[held], official["id"]])
        values = np.concatenate([pred[held], pred[rows:]])
        _sample(shown, values).to_csv(root / f"submission{fold}.csv", index=False)
    known = BY_NAME[metric]
    features = tuple(name for name in frame.columns if name != "id")
    spec = CompetitionSpec.of(
        data_dir=str(root),
        data_digest="",
        description="",
        metric=MetricSpec(metric, known.direction, "config"),
        modality="tabular",
        value_kind=known.predicts,
        sample=_SAMPLE,
        train=TableFile("train.csv"),
        test=_TEST,
        id_columns=("id",),
        target_columns=("target",),
        label_columns=("target",),
        classes=(),
        feature_columns=features,
        text_columns=(),
        time_column="day",
        rows_train=rows,
        rows_test=_OFFICIAL_ROWS,
    )
    return spec, views


def _columns(rng: np.random.Generator, rows: int, columns: int) -> pd.DataFrame:
    words = max(1, columns // 10)
    names = [f"x{number}" for number in range(columns - words - 1)]
    frame = pd.DataFrame(rng.normal(size=(rows, len(names))).round(4), columns=names)
    for place in range(words):
        frame[f"word{place}"] = rng.choice(_WORDS, rows)
    # Several rows a day, as series have.
    frame["day"] = np.arange(rows) // 4
    return frame


def _sample(ids: pd.Series, values: float | npt.NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame({"id": ids.to_numpy(), "target": values})


def _view(
    root: Path,
    fold: int,
    held: pd.DataFrame,
    truth: npt.NDArray[np.float64],
    official: pd.DataFrame,
) -> View:
    """A folder with the test rows and the held-out rows among them, and the answers beside it."""
    folder = root / f"search{fold}"
    folder.mkdir()
    every = pd.concat([held, official])
    every.to_csv(folder / _TEST.path, index=False)
    _sample(every["id"], 0.5).to_csv(folder / _SAMPLE.path, index=False)
    answers = root / f"search{fold}.npz"
    np.savez(
        answers,
        ids=held["id"].to_numpy(dtype=str)[:, None],
        truth=truth[:, None],
        part=np.full(len(held), "holdout"),
        group=np.full(len(held), ""),
    )
    shape = (len(held), len(held), len(official))
    return View(f"search{fold}", "search", fold, str(folder), "", str(answers), _SAMPLE, *shape)


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    costs = []
    for cost in measure_reports(options.rows, options.columns, options.repeats):
        costs.append(asdict(cost))
        yield {"costs": costs}


MEASURE = Measure(
    name="reports",
    help="seconds of a report on held-out errors, beside the scoring of the same rows",
    options=(
        number("--rows", 100_000, "held-out rows"),
        number("--columns", 50, "columns"),
        number("--repeats", 5, "programs that are scored and looked at"),
    ),
    figures=_figures,
    line=reports_table,
    table=reports_table,
    sections=("reports",),
)
