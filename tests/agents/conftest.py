"""Small competition folders, their specs, and a way to run a program on them as the runner would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.metric_names import BY_NAME
from core.records import CompetitionSpec, MetricSpec, TableFile

Run = Callable[[str, CompetitionSpec], pd.DataFrame]

# Runs several programs in one interpreter, each in its own folder and namespace: importing
# scikit-learn costs a second.
_MANY = """
import json, os, sys, traceback
results = {}
for name, folder in json.load(sys.stdin).items():
    os.chdir(folder)
    try:
        exec(compile(open("program.py").read(), "program.py", "exec"), {"__name__": "__main__"})
        results[name] = None
    except Exception:
        results[name] = traceback.format_exc()
json.dump(results, sys.stderr)
"""


def make_spec(folder: Path, metric: str = "roc_auc", **changes: Any) -> CompetitionSpec:
    """The spec of a folder that `tabular` wrote; `changes` replace fields."""
    name = BY_NAME[metric]
    values: dict[str, Any] = {
        "data_dir": str(folder),
        "data_digest": "0",
        "description": "",
        "metric": MetricSpec(metric, name.direction, "description"),
        "modality": "tabular",
        "value_kind": name.predicts,
        "sample": TableFile("sample_submission.csv"),
        "train": TableFile("train.csv"),
        "test": TableFile("test.csv"),
        "id_columns": ("id",),
        "target_columns": ("y",),
        "label_columns": ("y",),
        "classes": ("0", "1") if name.predicts != "real" else (),
        "feature_columns": (),
        "text_columns": (),
        "rows_train": 120,
        "rows_test": 40,
    }
    return CompetitionSpec.of(**(values | changes))


def features(rows: int, seed: int = 0) -> pd.DataFrame:
    """Numbers, categories, a number written as text, gaps and a constant."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=rows), "b": rng.exponential(size=rows).round(3)})
    frame["city"] = rng.choice(["Bonn", "Köln", "Ulm"], rows)
    frame["amount"] = [
        f"${value:,.2f}" if value > 1 else " " for value in rng.exponential(900, rows)
    ]
    frame["day"] = pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d")
    frame["same"] = 1
    frame.loc[::7, "a"] = np.nan
    frame.loc[::5, "city"] = None
    return frame


def write_folder(
    folder: Path,
    table: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    sample: dict[str, Any] | None = None,
    test_rows: int = 40,
    delimiter: str = ",",
) -> Path:
    """train, test and sample (its rows in another order than test's); ids are texts with leading
    zeros.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = table.copy()
    table.insert(0, "id", [f"{i:05d}" for i in range(len(table))])
    cut = len(table) - test_rows
    pd.concat([table, answers], axis=1)[:cut].to_csv(
        folder / "train.csv", index=False, sep=delimiter
    )
    table[cut:].to_csv(folder / "test.csv", index=False, sep=delimiter)
    submission = table[cut:][["id"]].assign(**(sample or dict.fromkeys(answers.columns, 0.5)))
    submission[::-1].to_csv(folder / "sample_submission.csv", index=False, sep=delimiter)
    return folder


def run_many(
    tmp_path: Path, programs: dict[str, str], spec: CompetitionSpec
) -> dict[str, pd.DataFrame]:
    """The submission of each program; fails with the tracebacks of those that raised."""
    folders = {}
    for name, program in programs.items():
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "program.py").write_text(program, encoding="utf-8")
        (folder / "input").symlink_to(Path(spec.data_dir).resolve())
        folders[name] = str(folder)
    env = {
        **os.environ,
        "SWARM_CPUS": "2",
        "SWARM_SEED": "3",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-W", "ignore", "-c", _MANY]
    done = subprocess.run(
        command, input=json.dumps(folders), capture_output=True, text=True, env=env, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    errors = {
        name: error for name, error in json.loads(done.stderr.splitlines()[-1]).items() if error
    }
    assert not errors, "\n".join(f"{name}:\n{error[-1500:]}" for name, error in errors.items())
    separator = spec.tables.sample.delimiter if spec.tables.sample else ","
    return {
        name: pd.read_csv(
            Path(folder) / "submission" / "submission.csv", sep=separator, dtype={"id": str}
        )
        for name, folder in folders.items()
    }


def check(submission: pd.DataFrame, spec: CompetitionSpec) -> None:
    """Every id of the sample in its order, its columns in their order, no empty or infinite cell."""
    assert spec.tables.sample is not None
    sample = pd.read_csv(
        Path(spec.data_dir) / spec.tables.sample.path,
        sep=spec.tables.sample.delimiter,
        dtype={"id": str},
    )
    assert list(submission.columns) == list(sample.columns)
    assert submission["id"].tolist() == sample["id"].tolist()
    values = submission[list(spec.answers.targets)]
    assert not values.isna().any(axis=None)
    if spec.value_kind != "label":
        assert np.isfinite(values.to_numpy(float)).all()
    if spec.value_kind == "probability":
        assert values.to_numpy(float).min() >= 0
        assert values.to_numpy(float).max() <= 1


class Toolbox:
    """What the tests of recipes share."""

    make_spec = staticmethod(make_spec)
    features = staticmethod(features)
    write_folder = staticmethod(write_folder)
    run_many = staticmethod(run_many)
    check = staticmethod(check)


@pytest.fixture
def tools() -> type[Toolbox]:
    return Toolbox


@pytest.fixture
def binary(tmp_path: Path) -> CompetitionSpec:
    """160 rows whose answer follows column a."""
    table = features(160)
    answers = pd.DataFrame({"y": (table["a"].fillna(0) + 0.3 * table["b"] > 0.3).astype(int)})
    return make_spec(
        write_folder(tmp_path / "data", table, answers), feature_columns=tuple(table.columns)
    )
