"""Rule P7: lists of answers in train, a row for each position in the sample."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.task import folders
from tests.task.rule_cases import build, check_rows, everything, truth
from tests.task.view_cases import table

MCRMSE = "## Evaluation\n\nSubmissions are scored using MCRMSE, mean columnwise root mean squared error.\n"
ITEMS, ASKED, LENGTH, SCORED = 40, 8, 9, 6
Record = dict[str, Any]


def record(i: int) -> Record:
    letters = "".join("ACGU"[(i * 7 + k * k) % 4] for k in range(LENGTH))
    answers = {
        name: [round((ord(letters[k]) - 60) * scale + 0.01 * i, 3) for k in range(SCORED)]
        for name, scale in (("react", 0.1), ("decay", -0.2))
    }
    scores = [float((i + k) % 5) for k in range(LENGTH)]
    return {
        "id": f"id_{i * 7919 % 100003:05x}",
        "sequence": letters,
        "signal": scores,
        "noise": i % 3,
        **answers,
    }


def write(
    data: Path,
    change: Callable[[int, Record], Record] | None = None,
    joint: str = "_",
    start: int = 0,
) -> None:
    """train.json and test.json with a line per item; the sample asks for more positions than train
    answers.
    """
    data.mkdir()
    change = change or (lambda _, found: found)
    train = [change(i, record(i)) for i in range(ITEMS)]
    shown = ("id", "sequence", "signal")
    test = [{name: record(i)[name] for name in shown} for i in range(ITEMS, ITEMS + ASKED)]
    for name, rows in (("train", train), ("test", test)):
        (data / f"{name}.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [(f"{row['id']}{joint}{k + start}", 0.0, 0.0) for row in test for k in range(LENGTH)]
    folders.put(data / "sample_submission.csv", ("id_pos", "react", "decay"), asked)


def test_lists_of_answers_become_a_row_per_position(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data)
    made = build(data, tmp_path / "ws", MCRMSE)
    assert (
        "P7, lists of train.json become a row per position; the id is id_position, with sequence, sig"
        in made.notes
    )
    assert made.spec.metric.name == "mcrmse"
    assert (made.spec.tables.rows_train, made.spec.tables.rows_test) == (
        ITEMS * SCORED,
        ASKED * LENGTH,
    )
    assert (made.split.kind, made.split.group_column) == ("group", "id")
    check_rows(made)
    known = {record(i)["id"]: record(i) for i in range(ITEMS + ASKED)}
    seen: set[str] = set()
    for view in made.searches:
        held, test = truth(view), table(made.spec, view, "test").set_index("id_pos")
        items = {key.rpartition("_")[0] for key in held}
        assert len(held) == SCORED * len(items)
        for key, row in held.items():
            item, _, spot = key.rpartition("_")
            whole, k = known[item], int(spot)
            assert row == [whole["react"][k], whole["decay"][k]]
            assert test.loc[key, ["position", "sequence_at"]].tolist() == [
                spot,
                whole["sequence"][k],
            ]
            assert float(test.loc[key, "signal_at"]) == whole["signal"][k]
            assert test.loc[key, "sequence_at-1"] == (whole["sequence"][k - 1] if k else "")
        assert not {"noise", "react", "decay"} & set(test.columns)
        seen |= items
    assert len(seen) == ITEMS


def test_the_tables_of_the_competition_follow_the_rows(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data)
    made = build(data, tmp_path / "ws", MCRMSE)
    for view in made.searches:
        items = {key.rpartition("_")[0] for key in truth(view)}
        shown = {
            name: everything(view)[f"{name}.json"].decode().splitlines()
            for name in ("train", "test")
        }
        rows = {
            name: {row["id"]: row for row in map(json.loads, lines)}
            for name, lines in shown.items()
        }
        assert rows["train"].keys() == {record(i)["id"] for i in range(ITEMS)} - items
        assert rows["test"].keys() == {record(i)["id"] for i in range(ITEMS, ITEMS + ASKED)} | items
        for i in range(ITEMS + ASKED):
            found, whole = rows["test"].get(record(i)["id"]), record(i)
            assert found in (None, {name: whole[name] for name in ("id", "sequence", "signal")})


@pytest.mark.parametrize("joint", ["-", ":"])
def test_positions_may_count_from_one(tmp_path: Path, joint: str) -> None:
    write(tmp_path / "data", joint=joint, start=1)
    made = build(tmp_path / "data", tmp_path / "ws", MCRMSE)
    for view in made.searches:
        assert all(1 <= int(key.rpartition(joint)[2]) <= SCORED for key in truth(view))


def test_answers_that_are_missing_are_not_scored(tmp_path: Path) -> None:
    def torn(i: int, found: Record) -> Record:
        first = None if i % 4 == 0 else found["react"][0]
        return found | {"react": [first, *found["react"][1 : SCORED - (i % 5 == 0)]]}

    write(tmp_path / "data", torn)
    made = build(tmp_path / "data", tmp_path / "ws", MCRMSE)
    held = [key for view in made.searches for key in truth(view)]
    assert len(held) == ITEMS * SCORED - ITEMS // 4 - ITEMS // 5


def test_words_are_no_lists_of_answers(tmp_path: Path) -> None:
    write(
        tmp_path / "data",
        lambda i, found: found | {"react": found["sequence"], "decay": found["sequence"]},
    )
    made = build(tmp_path / "data", tmp_path / "ws", MCRMSE)
    assert "P7" not in made.notes


@pytest.mark.parametrize(
    "text", ["[NaN, 1.0, 2.5, 0, 1, 2, 3, 4, Infinity]", '["a", null, "c", 1, 2, 3, 4, 5, 6]']
)
def test_lists_of_the_test_table_keep_their_cells(tmp_path: Path, text: str) -> None:
    data = tmp_path / "data"
    write(data)
    for name in ("train", "test"):
        rows = [
            json.loads(line) | {"signal": "@"}
            for line in (data / f"{name}.json").read_text().splitlines()
        ]
        (data / f"{name}.json").write_text(
            "".join(json.dumps(row).replace('"@"', text) + "\n" for row in rows)
        )
    made = build(data, tmp_path / "ws", MCRMSE)
    for view in made.searches:
        signals = {
            repr(json.loads(line)["signal"]) for line in everything(view)["test.json"].splitlines()
        }
        assert signals == {repr(json.loads(text))}


def test_long_arrays_of_parquet_are_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data)
    for name in ("train", "test"):
        rows = [json.loads(line) for line in (data / f"{name}.json").read_text().splitlines()]
        pd.DataFrame(rows).assign(more=[[0.5] * 2000] * len(rows)).to_parquet(
            data / f"{name}.parquet"
        )
        (data / f"{name}.json").unlink()
    made = build(data, tmp_path / "ws", MCRMSE)
    view = made.searches[0]
    found = pd.read_parquet(Path(view.path, "test.parquet"))
    assert {len(cells) for cells in found["more"]} == {2000}
    assert len(truth(view)) == SCORED * ITEMS // 5


def test_tables_by_item_follow_the_rows(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data)
    told = [(record(i)["id"], sum(record(i)["react"])) for i in range(ITEMS)]
    folders.put(data / "quality.csv", ("molecule", "mean_react"), told)
    made = build(data, tmp_path / "ws", MCRMSE)
    for view in made.searches:
        left = everything(view)["quality.csv"].decode()
        assert not any(key.rpartition("_")[0] in left for key in truth(view))


@pytest.mark.parametrize("kind", ["classes", "numbers", "ids start anew"])
def test_other_tables_are_left_as_they_are(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    first = 0 if kind == "ids start anew" else 40
    label = {"classes": "cat", "numbers": 47, "ids start anew": "1 2"}[kind]
    folders.put(
        data / "train.csv",
        ("item", "f", "y"),
        [(f"v{i}", i % 7, label if i % 2 else "dog") for i in range(40)],
    )
    folders.put(data / "test.csv", ("item", "f"), [(f"v{first + i}", i % 5) for i in range(10)])
    columns = ("row_id", "cat", "dog") if kind == "classes" else ("row_id", "y")
    asked = [(f"v{first + i}_{k}", *[0] * (len(columns) - 1)) for i in range(10) for k in range(2)]
    folders.put(data / "sample_submission.csv", columns, asked)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert (made.spec.tables.rows_train, "P7" in made.notes) == (40, False)
