"""Rule P7 where train and test have a row per item, and the sample a row per item and question."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.task import folders
from tests.task.rule_cases import build, check_rows, truth
from tests.task.view_cases import table
from utils.errors import SpecError

RMSE = "## Evaluation\n\nSubmissions are scored on RMSE.\n"


def stations(
    root: Path, joint: str, last: bool = False, start: int = 60, train: int = 60, key: str = "row"
) -> dict[str, str]:
    """A row per station in train and test, a row per station and gas in the sample. last: the
    stations stand behind the features. start: number of the first station of test. Returns the
    answers of train.
    """

    def row(i: int, *more: object) -> list[object]:
        features = [f"{1.25 * i + 0.5}", f"{i % 9}.5"]
        return [*features, f"s{i}", *more] if last else [f"s{i}", *features, *more]

    head = ("f1", "f2", "rid") if last else ("rid", "f1", "f2")
    folders.put(
        root / "train.csv", (*head, "pm10", "o3"), [row(i, 3 * i, 5 * i + 1) for i in range(train)]
    )
    folders.put(root / "test.csv", head, [row(i) for i in range(start, start + 20)])
    asked = [f"s{i}{joint}{gas}" for i in range(start, start + 20) for gas in ("pm10", "o3")]
    folders.put(root / "sample_submission.csv", (key, "value"), [(each, 0) for each in asked])
    told = {f"s{i}{joint}pm10": str(3 * i) for i in range(train)}
    return told | {f"s{i}{joint}o3": str(5 * i + 1) for i in range(train)}


@pytest.mark.parametrize(("joint", "last"), [("_", False), (":", True)])
def test_items_of_a_test_table_are_repeated_for_each_question(
    tmp_path: Path, joint: str, last: bool
) -> None:
    told = stations(tmp_path / "data", joint, last)
    made = build(tmp_path / "data", tmp_path / "ws", RMSE)
    assert f"the id is rid{joint}question; the rows of test.csv are repeated" in made.notes
    assert (made.split.kind, made.split.group_column, made.spec.tables.rows_train) == (
        "group",
        "rid",
        120,
    )
    check_rows(made)
    official = pd.read_csv(tmp_path / "data" / "test.csv", dtype=str)
    train = pd.read_csv(tmp_path / "data" / "train.csv", dtype=str)
    whole = pd.concat([official, train[official.columns]]).set_index("rid")
    for view in made.searches:
        test, sample = table(made.spec, view, "test"), table(made.spec, view, "sample")
        assert test["row"].tolist() == sample["row"].tolist()
        assert (test["rid"] + joint + test["question"]).tolist() == test["row"].tolist()
        held = truth(view)
        assert held == {name: [float(told[name])] for name in held}
        items = pd.read_csv(Path(view.path, "test.csv"), dtype=str)
        assert list(items.columns) == list(official.columns)
        assert sorted(items["rid"]) == sorted(
            {*official["rid"], *(name.split(joint)[0] for name in held)}
        )
        items = items.set_index("rid")
        assert items.equals(whole.loc[items.index])
        assert not set(items.index) & set(pd.read_csv(Path(view.path, "train.csv"))["rid"])


def test_items_that_have_the_same_names_in_train_and_test(tmp_path: Path) -> None:
    stations(tmp_path / "data", "_", start=0, train=30)
    made = build(tmp_path / "data", tmp_path / "ws", RMSE)
    check_rows(made)
    for view in made.searches:
        assert len(pd.read_csv(Path(view.path, "test.csv"))) == 20
        test, sample = table(made.spec, view, "test"), table(made.spec, view, "sample")
        assert test["row"].tolist() == sample["row"].tolist()


def test_the_id_may_have_the_name_of_the_item(tmp_path: Path) -> None:
    told = stations(tmp_path / "data", "_", key="rid")
    made = build(tmp_path / "data", tmp_path / "ws", RMSE)
    assert (made.spec.ids.columns, made.split.group_column, made.spec.tables.rows_test) == (
        ("rid",),
        "item",
        40,
    )
    check_rows(made)
    for view in made.searches:
        assert truth(view) == {name: [float(told[name])] for name in truth(view)}


def test_questions_about_items_that_the_test_table_does_not_name_are_refused(
    tmp_path: Path,
) -> None:
    stations(tmp_path / "data", "_")
    folders.put(tmp_path / "data" / "test.csv", ("f1", "f2"), [(i, i % 3) for i in range(20)])
    with pytest.raises(SpecError, match="'value' are in no train table"):
        build(tmp_path / "data", tmp_path / "ws", RMSE)
