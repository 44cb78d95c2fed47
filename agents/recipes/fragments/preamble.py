"""Reads ./input, trains on it and writes ./submission/submission.csv, again whenever the prediction got better."""
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

TASK = "binary"  # binary, multiclass, multilabel (several columns) or regression
PREDICT = "probability"  # what the submission holds: probability, label or real
METRIC = "roc_auc"
TRAIN = {"path": "train.csv"}
TEST = {"path": "test.csv"}  # None: there is nothing but the sample's ids
SAMPLE = {"path": "sample_submission.csv"}
ID = ["id"]  # columns of the sample
KEYS = ["id"]  # the same ids in the tables
LABELS = ["target"]  # answers in the train table
TARGETS = ["target"]  # columns of the submission
CLASSES = ["0", "1"]  # in the order of the sample's columns; empty for regression
CATEGORIES = []  # columns of X that hold codes without an order; DATA says which

CPUS = int(os.environ.get("SWARM_CPUS", "1"))
SEED = int(os.environ.get("SWARM_SEED", "0"))
DEADLINE = float(os.environ.get("SWARM_DEADLINE", "inf"))


def read(path, format="csv", delimiter=",", encoding="utf-8", member=None):
    """A table of ./input; ids and class labels are text as it stands in the file."""
    file, exact = Path("input") / path, {*ID, *KEYS, *(LABELS if CLASSES else [])}
    if format == "parquet":
        table = pd.read_parquet(file)
    else:
        file = zipfile.ZipFile(file).open(member) if member else file
        options = {"sep": delimiter, "encoding": encoding, "low_memory": False}
        table = pd.read_csv(file, converters={name: str for name in exact}, **options)
    table = table.rename(columns=lambda name: "" if str(name).startswith("Unnamed: ") else name)
    return table.astype({name: str for name in exact if name in table.columns})


def fit_predict(build_model, seed, X, targets, X_test):
    """Test predictions, rows x label columns x classes (one value instead of classes for a regression)."""
    result = np.zeros((X_test.shape[0], targets.shape[1], max(len(CLASSES), 1)))
    for i, y in enumerate(targets.T):
        if (y == y[0]).all():
            result[:, i, 0 if TASK == "regression" else int(y[0])] = y[0] if TASK == "regression" else 1
            continue
        model = build_model(seed).fit(X, y)
        if TASK == "regression":
            result[:, i, 0] = np.ravel(model.predict(X_test))
        else:
            result[:, i, model.classes_.astype(int)] = model.predict_proba(X_test)
    return result


def first_try(build_model, X, targets, X_test):
    """Yields the prediction of a model of a few rows, in a list, where one of all rows will take long."""
    width = X.nnz // X.shape[0] + 1 if hasattr(X, "nnz") else X.shape[1]
    few = max(500, 400_000 // width)
    if len(targets) > 5 * few:
        rows = np.random.default_rng(SEED).choice(len(targets), few, replace=False)
        yield [fit_predict(build_model, SEED, X[rows], targets[rows], X_test)]


def late(started, done):
    """True when another model like the `done` ones since `started` would not be ready before the deadline."""
    return time.time() + 1.5 * (time.time() - started) / done > DEADLINE


def write(values):
    """Makes `values` the submission: a row per id of the sample, in its order, and a column per target."""
    Path("submission").mkdir(exist_ok=True)
    part = Path("submission") / "submission.part"
    table = sample.astype({name: object for name in TARGETS})
    table[TARGETS] = np.asarray(values).reshape(len(sample), len(TARGETS))
    table.to_csv(part, sep=SAMPLE.get("delimiter", ","), index=False)
    part.replace(part.with_suffix(".csv"))


train, sample = read(**TRAIN), read(**SAMPLE)
wanted = sample[ID].set_axis(KEYS, axis=1)
test = read(**TEST) if TEST else wanted
keys = [name for name in KEYS if name in test.columns]
if keys:
    test = wanted[keys].merge(test.drop_duplicates(keys), on=keys, how="left")
if CLASSES:
    codes = {name: i for i, name in enumerate(CLASSES)}
    Y = np.column_stack([train[name].map(codes) for name in LABELS]).astype(float)
else:
    Y = np.column_stack([pd.to_numeric(train[name], errors="coerce") for name in LABELS]).astype(float)
known = np.isfinite(Y).all(axis=1)
train, Y = train[known].reset_index(drop=True), Y[known]
