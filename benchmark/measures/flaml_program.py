"""Fits FLAML to tables of features and answers the test rows. Runs in a worker process, with
FLAML's own packages.

Needs nothing of this project: python flaml_program.py JOB.json (see benchmark.measures.flaml_runs.Job).
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
_VOCABULARY = 20_000
# Left for the last fit and for the predictions.
_RESERVE_SHARE = 0.05


def main(job: dict[str, Any], begin: float) -> None:
    """Writes <folder>/answers.csv: one value per row of test.csv."""
    import numpy as np
    import pandas as pd
    from flaml import AutoML

    folder = Path(job["folder"])
    train, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
    answers = train.pop("answer")
    if job["metric"] == "rmsle":
        answers = np.log1p(answers)
    known, asked = _as_words(train, test) if job["text"] else (train, test)
    classes = job["metric"] in ("roc_auc", "average_precision", "accuracy")
    budget = job["seconds"] * (1 - _RESERVE_SHARE) - (time.monotonic() - begin)
    model = AutoML()
    model.fit(
        known,
        answers.to_numpy(),
        task="classification" if classes else "regression",
        metric=METRICS[job["metric"]],
        time_budget=budget,
        n_jobs=job["cores"],
        seed=job["seed"],
        verbose=1,
        **({"split_type": "time"} if job["timed"] else {}),
    )
    values = model.predict(asked) if job["metric"] not in ("roc_auc", "average_precision") else None
    values = model.predict_proba(asked)[:, 1] if values is None else np.asarray(values)
    if job["metric"] == "rmsle":
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
