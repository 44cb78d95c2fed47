"""Ids that two tables write in different ways, or that the train table repeats."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.task import folders
from tests.task.rule_cases import build, check_rows, truth
from tests.task.test_split_columns import RMSE
from tests.task.view_cases import answers, table
from utils.errors import SpecError


def written(root: Path, shown: str, train: int = 60, test: int = 30, per_id: int = 1) -> Path:
    """id, x -> y; the test table writes ids as the format `shown` does, the others as whole
    numbers.
    """
    rows = [(i // per_id, i % 7, 1.5 * (i % 7)) for i in range(train)]
    folders.put(root / "train.csv", ("id", "x", "y"), rows)
    folders.put(
        root / "test.csv", ("id", "x"), [(shown.format(i), i % 7) for i in range(900, 900 + test)]
    )
    folders.put(
        root / "sample_submission.csv", ("id", "y"), [(i, 0) for i in range(900, 900 + test)]
    )
    return root


@pytest.mark.parametrize("shown", ["{}", "{}.0", "{:06d}", "+{}"])
def test_whole_numbers_are_the_same_however_they_are_written(tmp_path: Path, shown: str) -> None:
    made = build(written(tmp_path / "data", shown), tmp_path / "ws", RMSE)
    check_rows(made)
    assert made.spec.tables.rows_train == 60
    for view in made.searches:
        test = table(made.spec, view, "test")
        assert test["id"].tolist() == table(made.spec, view, "sample")["id"].tolist()
        assert test["x"].astype(int).tolist() == [int(key) % 7 for key in test["id"]]
        own = pd.read_csv(Path(view.path, "test.csv"), dtype=str)
        assert sorted(own["id"]) == sorted(test["id"])
    probe = made.views["probe"]
    assert len(table(made.spec, probe, "test")) == len(table(made.spec, probe, "sample")) == 30


@pytest.mark.parametrize("shown", ["{}.5", "x{}"])
def test_other_ids_contradict_the_sample(tmp_path: Path, shown: str) -> None:
    with pytest.raises(SpecError, match="contradict"):
        build(written(tmp_path / "data", shown), tmp_path / "ws", RMSE)


def test_rows_of_a_repeated_train_id_are_held_out_together_under_new_ids(tmp_path: Path) -> None:
    made = build(written(tmp_path / "data", "{}", train=120, per_id=3), tmp_path / "ws", RMSE)
    assert (made.split.kind, made.split.group_column, made.split.holdout_rows) == (
        "group",
        "id",
        120,
    )
    assert "train ids repeat in 120 rows" in made.split.why
    check_rows(made)
    for view in made.searches:
        held = set(answers(view)["group"])
        assert len(held) * 3 == len(truth(view))
        assert not held & set(table(made.spec, view, "train")["id"])
        assert not set(truth(view)) & {str(i) for i in range(40)}
