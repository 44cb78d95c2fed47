"""A program that looks for held-out labels finds none; with a defence switched off it finds that
one's leak.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.records import View
from core.task.views.build import Defences
from tests.task.view_cases import (
    animals,
    answers,
    built,
    contents,
    numbers,
    planned,
    save,
    spec_of,
    table,
)
from utils.tables import write_table

PROBE = Path(__file__).parent / "programs" / "probe_leaks.py"
CHANNELS = [field.name for field in fields(Defences)]
VIEWS = ["search0", "search1", "search2"]


def looked(view: View) -> dict[str, dict[str, str]]:
    """What the probing program believes about the view's test rows, by channel."""
    command = [sys.executable, str(PROBE), view.path]
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=view.path).stdout
    )


def share_right(views: list[View], channel: str) -> float:
    """Share of the held-out rows whose label the channel gives away; about .5 is guessing, 0 is no
    answer.
    """
    right, asked = 0, 0
    for view in views:
        told, truth = looked(view)[channel], answers(view)
        known = dict(zip(truth["ids"][:, 0].tolist(), truth["truth"][:, 0].tolist(), strict=True))
        right += sum(told.get(name) == label for name, label in known.items())
        asked += len(known)
    return right / asked


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    root = tmp_path_factory.mktemp("safe")
    return list(built(animals(root / "data"), root / "ws", VIEWS).values())


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_gives_labels_away(safe: list[View], channel: str) -> None:
    assert share_right(safe, channel) <= 0.7


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_leak_is_real_without_its_defence(tmp_path: Path, channel: str) -> None:
    off = replace(Defences(), **{channel: False})
    views = list(built(animals(tmp_path / "data"), tmp_path / "ws", VIEWS[:1], off).values())
    assert share_right(views, channel) >= 0.9


def test_lesson_05_labels_in_file_names_are_copied_under_neutral_names(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    held = set(answers(view)["ids"][:, 0])
    for name in held:
        shown = Path(view.path, "test", f"{name}.jpg")
        assert shown.read_text().startswith("pixels")
        assert not any(
            word in str(shown.resolve().relative_to(tmp_path)) for word in ("cat", "dog")
        )
    assert not held & {path.stem for path in Path(view.path, "train").rglob("*.jpg")}
    assert {path.name for path in Path(view.path, "train").iterdir()} == {"cat", "dog"}


@pytest.mark.parametrize("style", ["cat.{}", "{}/cat"])
def test_lesson_05_ids_that_tell_the_label_are_replaced(tmp_path: Path, style: str) -> None:
    spec = spec_of(tmp_path / "data", value_kind="label", test=None)
    labels = ["cat" if i % 2 else "dog" for i in range(60)]
    ids = [style.replace("cat", label).format(i) for i, label in enumerate(labels)]
    test = [f"{i}" for i in range(500, 530)]
    save(
        spec,
        pd.DataFrame({"id": ids, "target": labels}),
        None,
        pd.DataFrame({"id": test, "target": "cat"}),
    )
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    held = answers(view)["ids"][:, 0].tolist()
    assert all(re.fullmatch(r"\d+", name) for name in held)
    assert not set(held) & set(test)
    assert len(set(held)) == len(held) == 12
    assert "new ids" in planned(spec).why


def test_ids_that_share_a_shape_with_the_test_ids_stay(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert set(answers(view)["ids"][:, 0]) <= set(table(spec, None, "train")["id"])


def test_lesson_05_a_column_filled_in_train_only_is_empty_for_held_out_rows(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data")
    rows = [(f"a{i}", str(i % 5), "seen" if i % 2 else "", "later", str(i % 2)) for i in range(60)]
    train = pd.DataFrame(rows, columns=["id", "x", "boat", "only_train", "target"])
    test = pd.DataFrame({"id": [f"b{i}" for i in range(20)], "x": "1", "boat": ""})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "0"}))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    shown = table(spec, view, "test")
    assert list(shown.columns) == ["id", "x", "boat"]
    assert set(shown["boat"]) == {""}


def every_line(view: View) -> list[bytes]:
    return [line for content in contents(Path(view.path)).values() for line in content.splitlines()]


def test_no_byte_of_a_view_pairs_a_held_out_id_with_its_label(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    folder = Path(spec.data_dir)
    train = table(spec, None, "train")
    train.to_json(folder / "train.jsonl", orient="records", lines=True)
    train.to_parquet(folder / "copy.parquet")
    train.to_csv(folder / "backup.tsv", sep="\t", index=False)
    np.save(folder / "labels.npy", np.array(train["target"], dtype=str))
    (folder / "labels.txt").write_text("\n".join(train["target"]) + "\n")
    write_table(train.sort_values("target"), folder / "old" / "labels.csv", member="labels.csv")
    for view in built(spec, tmp_path / "ws").values():
        if view.kind != "search":
            continue
        files = set(contents(Path(view.path)))
        assert not files & {"labels.npy", "labels.txt", "meta.json", "old/labels.csv"}
        held = {name.encode() for name in answers(view)["ids"][:, 0]}
        for line in every_line(view):
            if any(name in held for name in re.findall(rb"img_\d+", line)):
                assert line.rstrip().endswith(b",cat"), line
        copy = pd.read_parquet(Path(view.path, "copy.parquet"))
        assert not set(copy["id"]) & {name.decode() for name in held}
        assert len(copy) == view.rows_train


def side_case(root: Path, **columns: Any) -> tuple[Any, Path]:
    spec = numbers(root / "data")
    ids = [*table(spec, None, "train")["id"], *table(spec, None, "test")["id"]]
    write_table(pd.DataFrame({"id": ids, **columns}), root / "data" / "depths.csv")
    return spec, root / "ws"


def test_a_table_with_official_ids_keeps_held_out_rows_and_loses_answers(tmp_path: Path) -> None:
    filled = ["x"] * 60 + [""] * 30
    spec, workspace = side_case(tmp_path, z=[str(i) for i in range(90)], target="1", after=filled)
    view = built(spec, workspace, ["search0"])["search0"]
    frame = pd.read_csv(Path(view.path, "depths.csv"), dtype=str, keep_default_na=False)
    held = set(answers(view)["ids"][:, 0])
    assert list(frame.columns) == ["id", "z", "after"]
    assert len(frame) == 90
    assert set(frame.loc[frame["id"].isin(held), "after"]) == {""}
    assert set(frame.loc[frame["id"].isin(set(table(spec, view, "train")["id"])), "after"]) == {"x"}


def test_a_table_without_train_ids_is_copied(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    (tmp_path / "data" / "prices.csv").write_text("year,price\n2001,7\n2002,8\n")
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert Path(view.path, "prices.csv").read_text() == "year,price\n2001,7\n2002,8\n"


@pytest.mark.parametrize("shared", [30, 3])
def test_ids_that_both_parts_use_are_told_apart(tmp_path: Path, shared: int) -> None:
    spec = spec_of(tmp_path / "data")
    train = pd.DataFrame({"id": [str(i) for i in range(40)], "x": "1", "target": ["0", "1"] * 20})
    test = pd.DataFrame({"id": [str(i) for i in range(40 - shared, 80 - shared)], "x": "2"})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "0"}))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    sample = table(spec, view, "sample")
    assert sample["id"].is_unique
    assert not set(answers(view)["ids"][:, 0]) & set(test["id"])
    assert len(sample) == 40 + view.rows_holdout


@pytest.mark.parametrize(
    ("rows", "column", "shown"),
    [(60, "anything", False), (25, "target", False), (25, "anything", True)],
)
def test_a_table_without_ids_is_left_out_when_it_may_repeat_the_answers(
    tmp_path: Path, rows: int, column: str, shown: bool
) -> None:
    """It has a row per train row, or an answer column."""
    spec = numbers(tmp_path / "data")
    write_table(pd.DataFrame({column: ["0.25"] * rows}), tmp_path / "data" / "more.csv")
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert Path(view.path, "more.csv").exists() == shown
