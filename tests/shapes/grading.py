"""Grades a submission on the private answers as strictly as the official graders do; none of the
product's scorers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

from tests.shapes.shape import Shape


class InvalidSubmissionError(ValueError):
    """The official grader would refuse the file."""


def read(path: Path) -> pd.DataFrame:
    """A table with cells as they stand in the file."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def grade(shape: Shape, submission: Path, answers: Path, subset: bool = False) -> float:
    """The score in the metric of the shape. subset: rows with other ids are left out (a submission
    for a view).

    Raises InvalidSubmissionError.
    """
    asked = shape.expected
    given, truth = read(submission), read(answers)
    if not {*asked.ids, *asked.targets} <= set(given.columns):
        raise InvalidSubmissionError(
            f"columns {list(given.columns)[:8]}, asked {[*asked.ids, *asked.targets][:8]}"
        )
    # A text key needs its date no more than the official grader does.
    keys = list(asked.ids[-1:])
    if subset:
        given = given[given[keys[0]].isin(set(truth[keys[0]]))]
    given, truth = (
        table.sort_values(keys, kind="stable").reset_index(drop=True) for table in (given, truth)
    )
    if len(given) != len(truth) or not (given[keys] == truth[keys]).to_numpy().all():
        raise InvalidSubmissionError(f"{len(given)} rows, asked {len(truth)}; or other ids")
    columns = list(asked.targets)
    return float(_METRICS[asked.metric](truth[columns], given[columns]))


def _numbers(*tables: pd.DataFrame) -> list[np.ndarray]:
    found = [table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float) for table in tables]
    if not all(np.isfinite(values).all() for values in found):
        raise InvalidSubmissionError("cells that are no finite numbers")
    return found


def _auc(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    y, p = _numbers(truth, given)
    if ((p < 0) | (p > 1)).any():
        raise InvalidSubmissionError("probabilities outside of [0, 1]")
    scored = (y >= 0).all(axis=1)
    return float(
        np.mean([metrics.roc_auc_score(y[scored, i], p[scored, i]) for i in range(y.shape[1])])
    )


def _log_loss(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    y, p = _numbers(truth, given)
    if ((p < 0) | (p > 1)).any():
        raise InvalidSubmissionError("probabilities outside of [0, 1]")
    if p.shape[1] == 1:
        return float(metrics.log_loss(y[:, 0], p[:, 0], labels=[0, 1]))
    if not np.allclose(p.sum(axis=1), 1, atol=1e-6):
        raise InvalidSubmissionError("rows do not sum to 1")
    return float(metrics.log_loss(y, p))


def _kappa(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    y, p = _numbers(truth, given)
    if (p != p.round()).any():
        raise InvalidSubmissionError("grades that are no whole numbers")
    return float(
        metrics.cohen_kappa_score(p[:, 0].astype(int), y[:, 0].astype(int), weights="quadratic")
    )


def _rmse(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    y, p = _numbers(truth, given)
    return float(np.sqrt(np.mean((y - p) ** 2)))


def _rmsle(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    """Mean over columns."""
    y, p = _numbers(truth, given)
    if (p < 0).any():
        raise InvalidSubmissionError("negative values")
    return float(np.sqrt(((np.log1p(y) - np.log1p(p)) ** 2).mean(axis=0)).mean())


def _accuracy(truth: pd.DataFrame, given: pd.DataFrame) -> float:
    """Cells are compared as texts."""
    return float((truth == given).to_numpy().mean())


_METRICS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], float]] = {
    "roc_auc": _auc,
    "log_loss": _log_loss,
    "quadratic_weighted_kappa": _kappa,
    "rmse": _rmse,
    "rmsle": _rmsle,
    "accuracy": _accuracy,
}
