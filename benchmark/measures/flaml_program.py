"""Fits FLAML to tables of features and answers the test rows. Runs in a worker process, with
FLAML's own packages.

Needs nothing of this project: python flaml_program.py JOB.json (see benchmark.measures.flaml_runs.FlamlJob).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

# What FLAML calls the metrics of the pack.
METRICS = {
    "roc_auc": "roc_auc",
    "average_precision": "ap",
    "accuracy": "accuracy",
    "rmse": "rmse",
    "mae": "mae",
    "rmsle": "rmse",
}
PROBABILITIES = ("roc_auc", "average_precision")
_VOCABULARY = 20_000
# Left for the last fit and for the predictions.
_RESERVE_SHARE = 0.05


def main(job: dict[str, Any], begin: float) -> None:
    """Writes <folder>/answers.csv: one value per row of test.csv. begin: time.monotonic at the
    start.
    """
    import numpy as np
    import pandas as pd
    from flaml import AutoML

    folder, metric = Path(job["folder"]), job["metric"]
    train, test = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")
    answers = train.pop("answer")
    if metric == "rmsle":
        answers = np.log1p(answers)
    if job["text"]:
        train, test = _as_words(train, test)
    task, further = "regression", {}
    if metric in (*PROBABILITIES, "accuracy"):
        task = "classification"
    if job["timed"]:
        further = {"split_type": "time"}
    budget = job["seconds"] * (1 - _RESERVE_SHARE) - (time.monotonic() - begin)
    model = AutoML()
    model.fit(
        train,
        answers.to_numpy(),
        task=task,
        metric=METRICS[metric],
        time_budget=budget,
        n_jobs=job["cores"],
        seed=job["seed"],
        verbose=1,
        **further,
    )
    if metric in PROBABILITIES:
        values = model.predict_proba(test)[:, 1]
    else:
        values = np.asarray(model.predict(test))
    if metric == "rmsle":
        values = np.maximum(np.expm1(values), 0)
    pd.DataFrame({"answer": values}).to_csv(folder / "answers.csv", index=False)
    print(json.dumps({"estimator": model.best_estimator, "seconds": time.monotonic() - begin}))


def _as_words(train: Any, test: Any) -> tuple[Any, Any]:
    """The text columns as TF-IDF of words and pairs of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [part.fillna("").astype(str).agg(" ".join, axis=1) for part in (train, test)]
    words = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=_VOCABULARY
    )
    return words.fit_transform(texts[0]), words.transform(texts[1])


if __name__ == "__main__":
    started = time.monotonic()
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), started)
