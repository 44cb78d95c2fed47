"""Grades submissions against private answers, as strictly as the graders of the benchmark."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
    root_mean_squared_log_error,
)

from benchmark.competitions.competition import Competition
from benchmark.errors import SubmissionError
from core.score import Direction
from utils.errors import DataError, UsageError

# Not the agent's own functions: the pack also checks those.
METRICS: dict[str, Callable[[Any, Any], float]] = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "accuracy": accuracy_score,
    "rmse": root_mean_squared_error,
    "rmsle": root_mean_squared_log_error,
    "mae": mean_absolute_error,
}


@dataclass(frozen=True, slots=True)
class Grade:
    """A private score, beside those of the dummy and of the reference models. rows: that were scored."""

    competition: str
    metric: str
    direction: Direction
    score: float
    rows: int
    reference: Mapping[str, float]


def score(competition: Competition, answers: pd.DataFrame, values: Any) -> float:
    """The metric of values in the row order of the answers. Raises ValueError for values that it
    does not take.
    """
    numbers = pd.Series(np.asarray(values)).astype(float).to_numpy()
    if not np.isfinite(numbers).all():
        raise ValueError("values must be finite numbers")
    if competition.scored_by.predicts == "probability" and ((numbers < 0) | (numbers > 1)).any():
        raise ValueError(f"{competition.target} must be a probability between 0 and 1")
    if competition.metric == "rmsle" and (numbers < 0).any():
        raise ValueError(f"{competition.target} must not be negative")
    return float(METRICS[competition.metric](answers[competition.target].to_numpy(), numbers))


def reference_scores(competition: Competition, dest: Path) -> dict[str, float]:
    """Private scores of the dummy and of the reference models, by name. Raises DataError when the
    competition is not prepared.
    """
    path = _private(competition, dest) / "reference.json"
    if not path.is_file():
        raise DataError(
            f"{competition.name} is not prepared in {dest}: run `prepare {competition.name} --dest {dest}`"
        )
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def private_answers(competition: Competition, dest: Path) -> pd.DataFrame:
    """Ids and answers of the test part."""
    return pd.read_csv(_private(competition, dest) / "test.csv")


def _private(competition: Competition, dest: Path) -> Path:
    return dest / competition.name / "prepared" / "private"


def grade(competition: Competition, submission: Path, dest: Path) -> Grade:
    """Raises DataError when the competition is not prepared, UsageError when the file cannot be read,
    SubmissionError when its columns, ids or values are wrong.
    """
    reference = reference_scores(competition, dest)
    answers = private_answers(competition, dest)
    table = _read_submission(competition, submission, answers)
    try:
        found = score(competition, answers, table[competition.target])
    except ValueError as error:
        raise SubmissionError(f"{submission}, column {competition.target}: {error}") from error
    return Grade(
        competition=competition.name,
        metric=competition.metric,
        direction=competition.scored_by.direction,
        score=found,
        rows=len(answers),
        reference=reference,
    )


def try_grade(competition: Competition, submission: Path, dest: Path) -> tuple[float | None, str]:
    """The score, or None and why there is none."""
    try:
        return grade(competition, submission, dest).score, ""
    except (SubmissionError, UsageError) as error:
        return None, str(error)


def render(grade: Grade) -> str:
    """A table, best first; the submission is marked."""
    rows = [("*", "this submission", grade.score)]
    for name, value in grade.reference.items():
        rows.append((" ", name, value))
    rows.sort(key=lambda row: row[2], reverse=grade.direction == "maximize")
    lines = [f"{grade.competition}: {grade.metric} ({grade.direction}), {grade.rows} rows"]
    for mark, name, value in rows:
        lines.append(f"{mark} {name:<20} {value:.5f}")
    return "\n".join(lines)


def _read_submission(competition: Competition, path: Path, answers: pd.DataFrame) -> pd.DataFrame:
    """The submission in the row order of the answers; columns beyond id and target are ignored."""
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SubmissionError(f"{path} is no csv table: {' '.join(str(error).split())}") from error
    key, target = competition.id_column, competition.target
    if not {key, target} <= set(table.columns):
        raise SubmissionError(f"{path} has the columns {list(table.columns)}, not {[key, target]}")
    if problem := _wrong_ids(table[key], answers[key]):
        raise SubmissionError(
            f"{path} does not hold every id of the sample submission once: {problem}"
        )
    if empty := int(table[target].isna().sum()):
        raise SubmissionError(f"{path} has {empty} empty cells in {target}")
    return table.set_index(key).loc[answers[key]].reset_index()


def _wrong_ids(found: pd.Series, asked: pd.Series) -> str:
    """What is wrong with the ids, "" when nothing is."""
    double = int(found.duplicated().sum())
    missing, unknown = len(set(asked) - set(found)), len(set(found) - set(asked))
    counts = {"missing": missing, "unknown": unknown, "double": double}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
