"""Columns that say how rows count: read in the text or named by the user, believed where the cells
can do it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.records import CompetitionSpec
from core.task.hints import Hints
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from tests.task.view_cases import answers, built, search_views
from utils.errors import ConfigError

TYPES = ("near", "far", "across")
BY_TYPE = "Entries are evaluated on the Log of the Mean Absolute Error, calculated for each coupling kind, and averaged."  # noqa: E501


def orders(root: Path, rows: int = 90, cost: str = "") -> Path:
    """order_id, kind, weight (kilograms), cost_weight (train only) -> price."""
    table = [
        (
            f"o{i}",
            TYPES[i * i % 3],
            40 + i % 17,
            cost or 1 + i % 4,
            i % 2,
            round(3.5 * (i % 13) + i % 3, 2),
        )
        for i in range(rows)
    ]
    header = ("order_id", "kind", "weight", "cost_weight", "side", "price")
    folders.put(root / "train.csv", header, table[: rows - 30])
    folders.put(
        root / "test.csv",
        ("order_id", "kind", "weight", "side"),
        [(*row[:3], row[4]) for row in table[-30:]],
    )
    folders.put(
        root / "sample_submission.csv", ("order_id", "price"), [(row[0], 0) for row in table[-30:]]
    )
    return root


def spec_of(root: Path, text: str, **overrides: object) -> CompetitionSpec:
    return inspect_competition(root, f"## Evaluation\n\n{text}\n", Hints.of(**overrides))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BY_TYPE, ("log_mae", None, "kind")),
        (
            "The metric is RMSE. It is computed for every kind separately. The score is the average.",
            ("rmse", None, "kind"),
        ),
        ("The metric is the mean of the RMSE over all kinds.", ("rmse", None, "kind")),
        (
            "Entries are scored by the weighted MAE. Rows count by their cost_weight.",
            ("mae", "cost_weight", None),
        ),
        (
            "Entries are scored by the weighted MAE, weighted by the `weight` column.",
            ("mae", "weight", None),
        ),
        (
            "The metric is a weighted RMSE, weighted by the `cost weight` field.",
            ("rmse", "cost_weight", None),
        ),
        ("Entries are evaluated on RMSE of the price of each kind of order.", ("rmse", None, None)),
        ("Entries are evaluated on RMSE, averaged over all orders.", ("rmse", None, None)),
        ("Entries are evaluated on RMSE. Prices are averages over weeks.", ("rmse", None, None)),
    ],
)
def test_what_the_text_says_of_columns(
    tmp_path: Path, text: str, expected: tuple[str | None, ...]
) -> None:
    metric = spec_of(orders(tmp_path), text).metric
    assert (metric.name, metric.weight_column, metric.mean_over) == expected
    assert metric.source == "description"


@pytest.mark.parametrize(
    "text",
    [
        "Entries are evaluated on the weighted mean absolute error; heavy orders have a larger weight.",
        "Entries are evaluated on the weighted mean absolute error, with 5 for holidays and 1 for others.",
    ],
)
def test_kilograms_are_no_weights_of_the_score(tmp_path: Path, text: str) -> None:
    metric = spec_of(orders(tmp_path), text).metric
    assert (metric.name, metric.source, metric.weight_column) == ("mae", "fallback", None)


def test_cells_that_are_no_weights_are_not_believed(tmp_path: Path) -> None:
    spec = spec_of(
        orders(tmp_path, cost="-1"), "Entries are scored by the weighted MAE, by cost_weight."
    )
    assert (spec.metric.source, spec.metric.weight_column) == ("fallback", None)


def test_rows_that_do_not_count_are_said(tmp_path: Path) -> None:
    """Which ones the harness cannot tell; a score of all rows is near, and the note says what it is
    not.
    """
    text = "Entries are scored by the MAE of the price. The second side is not scored."
    assert any(
        "second side is not scored" in note for note in spec_of(orders(tmp_path / "a"), text).notes
    )
    plain = spec_of(orders(tmp_path / "b"), "Entries are scored by the MAE of the price.")
    assert not any("counts here" in note for note in plain.notes)


def test_the_user_names_columns(tmp_path: Path) -> None:
    spec = spec_of(
        orders(tmp_path), "", metric="rmse", weight_column="cost_weight", mean_over="kind"
    )
    assert (spec.metric.weight_column, spec.metric.mean_over) == ("cost_weight", "kind")
    assert any("cost_weight" in note for note in spec.notes)
    assert any("'kind'" in note for note in spec.notes)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"metric": "rmse", "weight_column": "nothing"}, "no such column"),
        ({"metric": "rmse", "weight_column": "price"}, "no such column"),
        ({"metric": "rmse", "weight_column": "kind"}, "not all numbers"),
        ({"metric": "spearman", "weight_column": "cost_weight"}, "not made of rows"),
        ({"metric": "rmse", "mean_over": "order_id"}, "no such column"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    tmp_path: Path, overrides: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        spec_of(orders(tmp_path), "", **overrides)


def test_views_keep_how_rows_count_beside_the_answers(tmp_path: Path) -> None:
    spec = spec_of(
        orders(tmp_path / "data"), "", metric="rmse", weight_column="cost_weight", mean_over="kind"
    )
    for view in search_views(built(spec, tmp_path / "work")):
        found = answers(view)
        numbers = np.array([int(name[1:]) for name in found["ids"][:, 0]])
        assert found["weight"].tolist() == [1 + i % 4 for i in numbers]
        assert found["level"].tolist() == [TYPES[i * i % 3] for i in numbers]
