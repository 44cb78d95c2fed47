"""Judges one submission: checks it, scores its held-out rows, keeps its predictions. Runs in a
worker process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.judging.compare import HeldTruth, mean_score
from core.judging.metrics import Metric
from core.judging.samples import Sample, load_sample
from core.judging.statistic import Array
from core.judging.store import HELD_PARTS, Prediction, Store
from core.judging.submission import check_file
from core.judging.values import truth_values
from core.judging.weighing import Weighing
from core.records import CompetitionSpec, View


@dataclass(frozen=True, slots=True)
class HeldAnswers:
    """The held-out truth of a view. truth: [rows, columns] like predictions; part: holdout or
    locked; group: text.

    weighing: how the rows count.
    """

    ids: Array
    truth: Array
    part: Array
    group: Array
    weighing: Weighing

    def held(self, part: str) -> tuple[HeldTruth, Array]:
        """The rows of one part, and which rows those are."""
        rows = np.flatnonzero(self.part == part)
        return HeldTruth(self.truth, self.group, self.weighing).take(rows), rows


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the scorer found. score, stderr: on the holdout rows, None when the view has none."""

    valid: bool
    score: float | None
    stderr: float | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def load_answers(path: Path, spec: CompetitionSpec) -> HeldAnswers:
    """Raises OSError when the file is gone, ValueError when it does not fit the competition.
    Cached.
    """
    return _answers(path, path.stat().st_mtime_ns, spec)


@lru_cache(maxsize=16)
def _answers(path: Path, _stamp: int, spec: CompetitionSpec) -> HeldAnswers:
    with np.load(path, allow_pickle=False) as file:
        ids, truth, part, group = file["ids"], file["truth"], file["part"], file["group"]
        weighing = Weighing(file.get("weight"), file.get("level"))
    return HeldAnswers(ids.astype(str), truth_values(truth, spec), part, group, weighing)


def judge(
    spec: CompetitionSpec, view: View, submission: Path, store: Store, name: str
) -> Judgement:
    """The verdict on a submission file for `view`; a valid one is kept in `store` as `name`.

    Raises ValueError when the answers name ids that the view's sample does not hold.
    """
    sample = load_sample(Path(view.path), view.sample, spec.ids.columns)
    checked = check_file(submission, sample, spec)
    if checked.values is None:
        return Judgement(False, None, None, checked.reasons, checked.warnings)
    answers = None
    if view.answers:
        answers = load_answers(Path(view.answers), spec)
    prediction = split_rows(view, sample, answers, checked.values)
    store.save(name, prediction)
    score, stderr, warnings = None, None, checked.warnings
    if answers is not None and (answers.part == "holdout").any():
        held, rows = answers.held("holdout")
        score, stderr = mean_score(Metric.of(spec), [(held, prediction.values[rows])])
        if score is None:
            warnings = (
                *warnings,
                f"{spec.metric.name} has no value on the {len(rows)} holdout rows",
            )
    return Judgement(True, score, stderr, (), warnings)


def split_rows(
    view: View, sample: Sample, answers: HeldAnswers | None, values: Array
) -> Prediction:
    """Predictions in the order of the store: held-out rows as in the answers, then the official
    test rows.
    """
    if answers is None:
        parts = np.full(len(sample), "test", dtype="<U7")
        return Prediction(view.name, None, sample.ids, values, parts)
    held, _ = sample.positions(answers.ids)
    if (
        (held < 0).any()
        or len(np.unique(held)) < len(held)
        or not np.isin(answers.part, HELD_PARTS).all()
    ):
        raise ValueError(f"the answers of view {view.name} do not fit its sample submission")
    test = np.setdiff1d(np.arange(len(sample)), held)
    order = np.concatenate([held, test])
    parts = np.concatenate([answers.part, np.full(len(test), "test")])
    return Prediction(view.name, Path(view.answers or ""), sample.ids[order], values[order], parts)
