"""Metrics with a parameter and other newer ones: from the text of a folder to the score of a
submission.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.judging.scorer import judge
from core.judging.store import Store
from core.metric_names import BY_NAME
from core.records import MetricSpec, View
from core.task.hints import Hints
from core.task.metric.parameters import quantiles_named, quantiles_of
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from tests.task.rule_cases import Built, build, check_rows, truth
from utils.json_records import from_json, to_json


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("Scored on the pinball loss at the 0.9 quantile.", 1, (0.9,)),
        ("Scored on the quantile loss with alpha = .25.", 1, (0.25,)),
        ("Scored on pinball loss for the 95th percentile.", 1, (0.95,)),
        ("Scored on the pinball loss of the median.", 1, (0.5,)),
        ("Scored on pinball loss.\n\nYou predict the 5th, 50th and 95th percentiles.", 3, (0.05, 0.5, 0.95)),
        ("Scored on pinball loss of the quantiles 0.1, 0.5 and 0.9. A baseline has 0.25.", 3, (0.1, 0.5, 0.9)),
        ("Scored on pinball loss of the quantiles 0.1 and 0.9.", 1, ()),
        ("Scored on pinball loss. A baseline has 0.25.", 1, ()),
    ],
)  # fmt: skip
def test_quantiles_that_a_text_names(text: str, columns: int, expected: tuple[float, ...]) -> None:
    assert quantiles_of(text, [f"y{i}" for i in range(columns)]) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("0.1", "0.5", "0.975"), (0.1, 0.5, 0.975)),
        (("sales_q10", "sales_q50", "sales_q90"), (0.1, 0.5, 0.9)),
        (("p5", "p95"), (0.05, 0.95)),
        (("quantile_0.25", "quantile_0.75"), (0.25, 0.75)),
        (("10%", "90%"), (0.1, 0.9)),
        (("q10", "p10"), ()),
        (("a", "q10"), ()),
        (("y1", "y2"), ()),
        (("q10",), ()),
    ],
)
def test_quantiles_in_names_of_columns(columns: Sequence[str], expected: tuple[float, ...]) -> None:
    assert quantiles_named(columns) == pytest.approx(expected)


def test_a_specification_without_parameters_is_read() -> None:
    old = {"name": "rmse", "direction": "minimize", "source": "config", "why": ""}
    assert from_json(MetricSpec, old) == MetricSpec("rmse", "minimize", "config")
    new = MetricSpec("pinball", "minimize", "config", parameters=(0.1, 0.9))
    assert from_json(MetricSpec, to_json(new)) == new


# ---------------------------------------------------------------- from a folder to a score


def heights(root: Path, text: str, targets: Sequence[str] = ("height",), rows: int = 120) -> Path:
    """id, stand, day, x -> height: three stands with a height per day, whose steps are 1 and 2."""
    table = [
        (f"t{i}", f"s{i % 3}", i // 3, i * 7 % 11, 100 * (i % 3) + 10 + (i // 3) // 2 * 3 + (i // 3) % 2)
        for i in range(rows)
    ]  # fmt: skip
    train, test = table[: rows - 30], table[rows - 30 :]
    folders.put(root / "train.csv", ("id", "stand", "day", "x", "height"), train)
    folders.put(root / "test.csv", ("id", "stand", "day", "x"), [row[:4] for row in test])
    folders.put(
        root / "sample_submission.csv",
        ("id", *targets),
        [(row[0], *[0] * len(targets)) for row in test],
    )
    (root / "description.md").write_text(f"# Trees\n\n## Evaluation\n\n{text}\n")
    return root


def built(tmp_path: Path, text: str, targets: Sequence[str] = ("height",)) -> Built:
    folder = heights(tmp_path / "data", text, targets)
    return build(folder, tmp_path / "work", (folder / "description.md").read_text())


def scored(made: Built, tmp_path: Path, off: float) -> float:
    """Score on the first view of predictions that are the truth and `off` more."""
    view = made.searches[0]
    found = judge(
        made.spec, view, submission(made, view, tmp_path, off), Store(tmp_path / "kept"), "one"
    )
    assert found.valid, found.reasons
    assert found.score is not None
    return found.score


def submission(made: Built, view: View, tmp_path: Path, off: float) -> Path:
    known = truth(view)
    targets = made.spec.answers.targets
    sample = pd.read_csv(Path(view.path, view.sample.path), dtype={"id": str})
    answers = [known.get(name, [0.0] * len(targets)) for name in sample["id"]]
    sample[list(targets)] = np.array(answers, dtype=float) + off
    path = tmp_path / "submission.csv"
    sample.to_csv(path, index=False)
    return path


def test_one_quantile(tmp_path: Path) -> None:
    made = built(tmp_path, "Submissions are evaluated by the pinball loss at the 0.9 quantile.")
    assert made.spec.metric.parameters == (0.9,)
    assert scored(made, tmp_path, 2.0) == pytest.approx(0.1 * 2)
    assert scored(made, tmp_path, -2.0) == pytest.approx(0.9 * 2)


def test_several_quantiles_as_a_column_each(tmp_path: Path) -> None:
    text = "Submissions are evaluated by the average pinball loss over the quantiles."
    made = built(tmp_path, text, ("height_q10", "height_q50", "height_q90"))
    check_rows(made)
    spec = made.spec
    assert (spec.metric.name, spec.metric.parameters) == ("pinball", (0.1, 0.5, 0.9))
    assert spec.answers.labels == spec.answers.targets
    assert not spec.answers.one_hot
    assert "height" not in spec.features.names
    assert scored(made, tmp_path, -2.0) == pytest.approx(2 * (0.1 + 0.5 + 0.9) / 3)
    write_baseline(Path(spec.data_dir), spec, tmp_path / "baseline.csv")
    low, middle, high = pd.read_csv(tmp_path / "baseline.csv").iloc[0, 1:]
    assert low < middle < high


def test_a_quantile_that_nothing_says_is_no_metric_of_the_text(tmp_path: Path) -> None:
    made = built(tmp_path, "Submissions are evaluated by the pinball loss.")
    assert (made.spec.metric.name, made.spec.metric.source) == ("rmse", "fallback")
    assert "which quantiles" in made.spec.metric.why
    asked = inspect_competition(tmp_path / "data", "", Hints.of(metric="pinball"))
    assert asked.metric.parameters == (0.5,)
    assert any("nothing says another" in note for note in asked.notes)


def test_the_scale_is_taken_from_train_by_series_and_time(tmp_path: Path) -> None:
    """Steps from day to day in a stand are 1 and 2; from row to row they would be a hundred."""
    made = built(tmp_path, "Submissions are evaluated on the Mean Absolute Scaled Error (MASE).")
    (scale,) = made.spec.metric.parameters
    train = pd.read_csv(tmp_path / "data" / "train.csv")
    assert scale == pytest.approx(train.groupby("stand")["height"].diff().abs().mean())
    assert scored(made, tmp_path, 3.0) == pytest.approx(3.0 / scale)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Submissions are evaluated on SMAPE between forecasts and actual values.", "smape", None),
        ("Submissions are evaluated on the Root Mean Square Percentage Error (RMSPE).", "rmspe", None),
        ("Submissions are evaluated using the Normalized Gini Coefficient.", "normalized_gini", 1.0),
        ("Submissions are scored on the log-cosh loss.", "log_cosh", math.log(math.cosh(1.0))),
    ],
)  # fmt: skip
def test_numbers(tmp_path: Path, text: str, name: str, expected: float | None) -> None:
    made = built(tmp_path, text)
    assert (made.spec.metric.name, made.spec.metric.source) == (name, "description")
    found = scored(made, tmp_path, 1.0)
    if expected is not None:
        assert found == pytest.approx(expected)
    assert 0 < found <= 1


def classes(root: Path, cells: Sequence[str], shown: str) -> Path:
    """id, x -> kind, which turns round through `cells`."""
    rows = [(f"t{i}", i * 7 % 11, cells[i % len(cells)]) for i in range(90)]
    folders.put(root / "train.csv", ("id", "x", "kind"), rows[:60])
    folders.put(root / "test.csv", ("id", "x"), [row[:2] for row in rows[60:]])
    folders.put(
        root / "sample_submission.csv", ("id", "kind"), [(row[0], shown) for row in rows[60:]]
    )
    return root


# (what rows with the first label score, what the others do) with the same answer to all.
SAME_ANSWERS = [
    ("Scored by the mean reciprocal rank at 5 (MRR@5).", "mrr@5", ("a", "b"), "b a", (0.5, 1)),
    ("Scored by Mean Reciprocal Rank.", "mrr", ("a", "b"), "x b", (0, 0.5)),
    ("Scored by NDCG@3.", "ndcg@3", ("a", "b"), "b a", (1 / math.log2(3), 1)),
    ("Submissions are evaluated by Cohen's kappa.", "cohen_kappa", ("a", "b"), "a", (0, 0)),
    ("Scored by linear weighted kappa.", "linear_weighted_kappa", ("1", "2"), "1", (0, 0)),
    ("Submissions are evaluated on the Brier score.", "brier", ("0", "1"), "0.25", (0.0625, 0.5625)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "cells", "given", "worth"), SAME_ANSWERS)
def test_labels_and_lists(
    tmp_path: Path,
    text: str,
    name: str,
    cells: Sequence[str],
    given: str,
    worth: tuple[float, float],
) -> None:
    folder = classes(tmp_path / "data", cells, given)
    made = build(folder, tmp_path / "work", f"## Evaluation\n\n{text}\n", split="random")
    spec, view = made.spec, made.searches[0]
    assert (spec.metric.name, spec.metric.source) == (name, "description")
    assert spec.value_kind == BY_NAME[name].predicts
    sample = pd.read_csv(Path(view.path, view.sample.path), dtype=str)
    sample.assign(kind=given).to_csv(tmp_path / "submission.csv", index=False)
    found = judge(spec, view, tmp_path / "submission.csv", Store(tmp_path / "kept"), "one")
    assert found.valid, found.reasons
    held = [str(row[0]) for row in truth(view).values()]
    first = np.mean([cell.removesuffix(".0") == cells[0] for cell in held])
    assert 0 < first < 1
    assert found.score == pytest.approx(first * worth[0] + (1 - first) * worth[1])
