"""Small competitions and views for the tests of core/judging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.judging.service import HoldoutJudge
from core.metric_names import BY_NAME
from core.records import CompetitionSpec, Job, MetricSpec, Outcome, TableFile, View
from utils.process import WorkerProcess


def make_spec(
    metric: str = "rmse", data_dir: Path = Path("/nowhere"), **fields: Any
) -> CompetitionSpec:
    """A competition with the columns id and target, whose metric is `metric`."""
    known = BY_NAME.get(metric)
    direction = known.direction if known is not None else "maximize"
    spec = CompetitionSpec.of(
        data_dir=str(data_dir),
        data_digest="d",
        description="",
        metric=MetricSpec(metric, direction, "config"),
        modality="tabular",
        value_kind=known.predicts if known is not None else "real",
        sample=TableFile("sample_submission.csv"),
        train=TableFile("train.csv"),
        test=TableFile("test.csv"),
        id_columns=("id",),
        target_columns=("target",),
        label_columns=("target",),
        classes=(),
        feature_columns=(),
        text_columns=(),
        rows_train=0,
        rows_test=0,
    )
    return spec.changed(**fields)


def done(submission: Path | str | None, **fields: Any) -> Outcome:
    """A program that ended normally."""
    path = None if submission is None else str(submission)
    return replace(Outcome(0, None, False, 1.0, 1.0, 10.0, None, "", submission=path), **fields)


@dataclass
class Arena:
    """A competition on disk with views, a judge, and the truth to write predictions from."""

    root: Path
    spec: CompetitionSpec
    judge: HoldoutJudge
    views: list[View]
    held: list[pd.DataFrame]
    test_ids: list[str]

    def write(
        self, fold: int, values: pd.DataFrame | Sequence[Any], name: str = "submission"
    ) -> Path:
        """A submission: `values` for the held-out rows, the first of them for each test row."""
        frame = pd.DataFrame(
            np.asarray(values).reshape(len(self.held[fold]), -1),
            columns=list(self.spec.answers.targets),
        )
        frame.insert(0, "id", self.held[fold]["id"].to_numpy())
        rest = pd.concat([frame.iloc[[0]]] * len(self.test_ids), ignore_index=True).assign(
            id=self.test_ids
        )
        path = self.root / f"{name}.csv"
        pd.concat([frame, rest]).sample(frac=1, random_state=3).to_csv(path, index=False)
        return path

    def job(self, key: str, fold: int = 0) -> Job:
        return Job(key, key, "", self.views[fold], 0, 10.0)

    def keep(self, key: str, values: Any, fold: int = 0) -> Any:
        """Judges predictions under the name `key`; the verdict."""
        return self.judge.judge(self.job(key, fold), done(self.write(fold, values)))


def make_arena(
    root: Path,
    spec: CompetitionSpec,
    truths: Sequence[np.ndarray],
    worker: WorkerProcess,
    locked: int = 0,
    groups: Sequence[np.ndarray] | None = None,
    weights: np.ndarray | None = None,
) -> Arena:
    """truths: held-out answers per view, [rows] or [rows, columns]; the last `locked` rows of each
    are locked.

    weights: of the rows of every view.
    """
    data = root / "data"
    data.mkdir(parents=True)
    test_ids = [f"t{number}" for number in range(5)]
    columns = list(spec.answers.targets)
    official = pd.DataFrame({"id": test_ids}).assign(**dict.fromkeys(columns, 0.5))
    official.to_csv(data / "sample_submission.csv", index=False)
    spec = replace(spec, data_dir=str(data))
    views, held = [], []
    for fold, raw in enumerate(truths):
        truth = np.asarray(raw).reshape(len(raw), -1)
        truth = truth.astype(str) if truth.dtype == object else truth
        ids = [f"v{fold}r{number}" for number in range(len(truth))]
        folder = root / f"search{fold}"
        folder.mkdir()
        sample = pd.DataFrame({"id": [*test_ids, *ids]}).assign(**dict.fromkeys(columns, 0.5))
        sample = sample.sample(frac=1, random_state=fold)
        sample.to_csv(folder / "sample_submission.csv", index=False)
        part = np.array(["holdout"] * (len(ids) - locked) + ["locked"] * locked)
        group = np.array([""] * len(ids)) if groups is None else groups[fold]
        answers = root / f"search{fold}.npz"
        weighing = {} if weights is None else {"weight": weights}
        np.savez(
            answers, ids=np.array(ids)[:, None], truth=truth, part=part, group=group, **weighing
        )
        table = TableFile("sample_submission.csv")
        shape = (100, len(ids) - locked, len(test_ids))
        views.append(
            View(f"search{fold}", "search", fold, str(folder), "x", str(answers), table, *shape)
        )
        held.append(pd.DataFrame({"id": ids}))
    return Arena(
        root, spec, HoldoutJudge(spec, root / "predictions", worker=worker), views, held, test_ids
    )
