"""Train tables of which a few lines are torn are read without them; others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.task import folders
from tests.task.rule_cases import build, check_rows, everything
from tests.task.view_cases import table
from utils.errors import SpecError

AUC = "## Evaluation\n\nSubmissions are evaluated on area under the ROC curve.\n"


def torn(root: Path, lines: dict[int, str]) -> Path:
    folders.binary_rows(root, train=60)
    whole = (root / "train.csv").read_text().splitlines()
    for number, line in lines.items():
        whole[number] = line
    (root / "train.csv").write_text("\n".join(whole) + "\n")
    return root


def test_a_few_torn_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    data = torn(tmp_path / "data", {7: "6,6,c0,1,9,9,9", 30: '"not closed,1,2', 31: "30,2"})
    made = build(data, tmp_path / "ws", AUC)
    assert "train.csv has 3 torn lines, which are left out" in made.notes
    assert made.spec.tables.rows_train == 57
    check_rows(made)
    train = table(made.spec, None, "train")
    assert train["id"].tolist() == [str(i) for i in range(60) if i not in (6, 29, 30)]
    assert not any(
        "not closed" in text.decode()
        for view in made.searches
        for text in everything(view).values()
    )


def test_many_torn_lines_are_an_error(tmp_path: Path) -> None:
    data = torn(tmp_path / "data", {i: "1,2,3,4,5,6,7" for i in range(10, 20)})
    with pytest.raises(SpecError, match=r"train\.csv cannot be read as a table"):
        build(data, tmp_path / "ws", AUC)


def test_a_test_table_is_never_mended(tmp_path: Path) -> None:
    data = torn(tmp_path / "data", {})
    with (data / "test.csv").open("a") as file:
        file.write("1,2,3,4,5,6,7\n")
    with pytest.raises(SpecError, match=r"test\.csv cannot be read as a table"):
        build(data, tmp_path / "ws", AUC)
