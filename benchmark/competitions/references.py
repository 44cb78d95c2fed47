"""Reference models: what a plain model reaches that sees what a competitor sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmark.competitions.competition import Competition, CompetitionKind

Array = np.ndarray[Any, Any]
# An unfitted estimator for the features of a train table, a metric and a seed.
Reference = Callable[[pd.DataFrame, str, int], Any]

_DAY = r"\d{4}-\d\d-\d\d"


def predictions(competition: Competition, public: Path) -> dict[str, Array]:
    """Answers of each reference model for the rows of the sample submission, in its order."""
    train, test = features(competition, public, "train"), features(competition, public, "test")
    answers = pd.read_csv(public / "train.csv")[competition.target]
    found = {}
    # One thread: on a busy machine threads that wait for each other took ten times as long.
    with threadpool_limits(limits=1):
        for name, reference in REFERENCES[competition.kind].items():
            model = reference(train, competition.metric, competition.seed % 2**31).fit(
                train, answers
            )
            found[name] = _answered(model, test, competition.metric)
    return found


def features(competition: Competition, public: Path, part: str) -> pd.DataFrame:
    """What is known about the rows of a part (train, test): without ids and answers, days as
    numbers.
    """
    if competition.kind == "images":
        table = {"train": "train.csv", "test": "sample_submission.csv"}[part]
        ids = pd.read_csv(public / table)[competition.id_column]
        return _pixels([public / part / f"{row}.png" for row in ids])
    frame = pd.read_csv(public / f"{part}.csv").drop(columns=competition.id_column)
    return _with_days(frame.drop(columns=competition.target, errors="ignore"))


def _pixels(paths: list[Path]) -> pd.DataFrame:
    rows = []
    for path in paths:
        with Image.open(path) as image:
            rows.append(np.asarray(image, dtype=float).ravel() / 255)
    return pd.DataFrame(np.stack(rows))


def _with_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Each column of dates becomes a number of days, the day of the year and the name of the
    weekday.
    """
    words = frame.select_dtypes(exclude="number")
    for name in words:
        if not words[name].astype(str).str.match(_DAY).all():
            continue
        days = pd.to_datetime(frame[name], utc=True)
        since = (days - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        calendar = {
            f"{name}_number": since,
            f"{name}_of_year": days.dt.day_of_year,
            f"{name}_name": days.dt.day_name(),
        }
        frame = frame.drop(columns=name).assign(**calendar)
    return frame


def _linear(train: pd.DataFrame, metric: str, seed: int) -> Any:
    words, numbers = _words(train)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    return make_pipeline(columns, _linear_model(metric))


def _boosting(train: pd.DataFrame, metric: str, seed: int) -> Any:
    words, _ = _words(train)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, words), remainder="passthrough")
    return make_pipeline(columns, _boosting_model(metric, seed))


def _documents(train: pd.DataFrame, metric: str, seed: int) -> Any:
    (column,) = train
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return make_pipeline(make_column_transformer((words, column)), _linear_model(metric))


def _images(train: pd.DataFrame, metric: str, seed: int) -> Any:
    return _linear_model(metric, strength=0.01)


def _words(train: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Columns of words, columns of numbers."""
    words = list(train.select_dtypes(exclude="number"))
    return words, [name for name in train if name not in words]


def _linear_model(metric: str, strength: float = 1.0) -> Any:
    """strength: weight of the data against the penalty, for classes."""
    if metric in _NUMBERS:
        return _on_scale(Ridge(), metric)
    return LogisticRegression(C=strength, max_iter=1000)


def _boosting_model(metric: str, seed: int) -> Any:
    if metric in _NUMBERS:
        loss = "squared_error"
        if metric == "mae":
            loss = "absolute_error"
        return _on_scale(HistGradientBoostingRegressor(loss=loss, random_state=seed), metric)
    return HistGradientBoostingClassifier(random_state=seed)


def _on_scale(model: Any, metric: str) -> Any:
    if metric != "rmsle":
        return model
    return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1)


def _answered(model: Any, test: pd.DataFrame, metric: str) -> Array:
    if metric in _PROBABILITIES:
        return np.asarray(model.predict_proba(test)[:, 1])
    found = np.asarray(model.predict(test))
    if metric == "rmsle":
        return np.maximum(found, 0)
    return found


_NUMBERS = frozenset({"rmse", "rmsle", "mae"})
_PROBABILITIES = frozenset({"roc_auc", "average_precision"})
REFERENCES: dict[CompetitionKind, dict[str, Reference]] = {
    "rows": {"linear model": _linear, "histogram boosting": _boosting},
    "text": {"tf-idf, linear model": _documents},
    "images": {"pixels, linear model": _images},
}
