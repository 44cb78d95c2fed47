"""Whole small competitions with views, and programs that err where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.judging.service import HoldoutJudge
from core.records import CompetitionSpec, ErrorReport, ErrorTable, Job, View
from tests.judging.arena import done
from tests.task.rule_cases import build
from utils.process import WorkerProcess

Predict = Callable[[pd.DataFrame], Any]
"""Predictions [rows] or [rows, targets] for rows of the whole train table, answers included."""


@dataclass
class HeldCase:
    """A competition of which the test knows all answers."""

    root: Path
    spec: CompetitionSpec
    views: list[View]
    judge: HoldoutJudge
    whole: pd.DataFrame
    names: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, name: str, predict: Predict, folds: int | None = None) -> list[str]:
        """Judges a program of this name on all views (the first `folds`); the names of its
        predictions.
        """
        kept = []
        for view in self.views[:folds]:
            key = f"{name}-{view.name}"
            sample = pd.read_csv(Path(view.path) / view.sample.path, dtype={"id": str})
            known = self.whole.reindex(sample["id"])
            values = np.asarray(predict(known)).reshape(len(sample), -1)
            for column, target in enumerate(self.spec.answers.targets):
                sample[target] = values[:, column]
            path = self.root / f"{key}.csv"
            sample.to_csv(path, index=False)
            verdict = self.judge.judge(Job(key, key, "", view, 0, 10.0), done(path))
            assert verdict.valid, verdict.reasons
            kept.append(key)
        self.names[name] = kept
        return kept

    def report(self, name: str) -> ErrorReport:
        found = self.judge.error_report(self.names[name], self.views)
        assert found is not None
        return found


def make_case(
    root: Path,
    worker: WorkerProcess,
    train: pd.DataFrame,
    test: pd.DataFrame,
    description: str,
    sample: pd.DataFrame | None = None,
    **task: Any,
) -> HeldCase:
    """train, test: with a column id of texts. sample: with 0 for each target where None is given.
    task: keys of the configuration.
    """
    data = root / "data"
    data.mkdir(parents=True)
    targets = [name for name in train.columns if name not in test.columns]
    if sample is None:
        sample = test[["id"]].assign(**dict.fromkeys(targets, train[targets[0]].iloc[0]))
    for name, frame in (("train", train), ("test", test), ("sample_submission", sample)):
        frame.to_csv(data / f"{name}.csv", index=False)
    made = build(data, root / "work", description, **task)
    judge = HoldoutJudge(made.spec, root / "predictions", worker=worker)
    whole = pd.concat([train, test]).set_index("id", drop=False)
    return HeldCase(root, made.spec, made.searches, judge, whole)


def table_of(report: ErrorReport, start: str) -> ErrorTable | None:
    """The first table whose title begins so."""
    return next((table for table in report.tables if table.title.startswith(start)), None)
