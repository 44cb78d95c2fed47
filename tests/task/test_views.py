"""What stands in a view: the same files and columns, every row once, cells unchanged, answers
outside.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.records import CompetitionSpec, FilesById, MetricSpec, TableFile, View
from core.task.view_digest import view_digest
from core.task.views.build import build_views
from core.task.views.media import NEUTRAL_NS
from core.task.views.tables import write_all
from tests.task.view_cases import (
    animals,
    answers,
    built,
    contents,
    numbers,
    planned,
    put_file,
    save,
    search_views,
    spec_of,
    table,
)
from utils.errors import SpecError
from utils.files import remove


@pytest.fixture
def case(tmp_path: Path) -> tuple[CompetitionSpec, dict[str, View]]:
    spec = numbers(tmp_path / "data")
    return spec, built(spec, tmp_path / "ws")


def by_id(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("id").sort_index()


def test_the_run_starts_with_these_views(case: tuple[CompetitionSpec, dict[str, View]]) -> None:
    spec, views = case
    assert list(views) == ["probe", *(f"search{k}" for k in range(5)), "full"]
    assert [view.fold for view in search_views(views)] == [0, 1, 2, 3, 4]
    assert views["full"].path == spec.data_dir
    assert views["full"].answers is None
    assert views["probe"].answers is None


def test_every_train_row_is_held_out_once_and_asked_for(
    case: tuple[CompetitionSpec, dict[str, View]],
) -> None:
    spec, views = case
    original = {which: by_id(table(spec, None, which)) for which in ("train", "test", "sample")}
    held: list[str] = []
    for view in search_views(views):
        train, test, sample = (
            by_id(table(spec, view, which)) for which in ("train", "test", "sample")
        )
        hidden = set(original["train"].index) - set(train.index)
        assert set(test.index) == set(sample.index) == hidden | set(original["test"].index)
        assert test.index.is_unique
        assert set(answers(view)["ids"][:, 0]) == hidden
        assert (view.rows_train, view.rows_holdout, view.rows_test) == (len(train), len(hidden), 30)
        held += hidden
    assert sorted(held) == sorted(original["train"].index)


def test_untouched_cells_are_equal_byte_for_byte(
    case: tuple[CompetitionSpec, dict[str, View]],
) -> None:
    spec, views = case
    train, official = by_id(table(spec, None, "train")), by_id(table(spec, None, "test"))
    for view in search_views(views):
        shown, test = by_id(table(spec, view, "train")), by_id(table(spec, view, "test"))
        pd.testing.assert_frame_equal(shown, train.loc[shown.index])
        pd.testing.assert_frame_equal(test.loc[official.index], official)
        held = [name for name in test.index if name not in official.index]
        pd.testing.assert_frame_equal(test.loc[held], train.loc[held, list(test.columns)])


@pytest.mark.parametrize(
    "shape",
    [
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"encoding": "latin-1"},
        {"format": "parquet", "suffix": ".parquet"},
        {"member": "inner.csv", "suffix": ".csv.zip"},
    ],
    ids=lambda shape: "-".join(map(str, shape.values())),
)
def test_other_formats_survive(tmp_path: Path, shape: dict[str, str]) -> None:
    suffix = shape.pop("suffix", ".csv")
    train, test = (TableFile(f"sub/{name}{suffix}", **shape) for name in ("train", "test"))  # type: ignore[arg-type]
    spec = numbers(tmp_path / "data", train=train, test=test)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    whole = by_id(table(spec, None, "train"))
    test_rows = by_id(table(spec, view, "test"))
    pd.testing.assert_frame_equal(
        by_id(table(spec, view, "train")),
        whole.loc[~whole.index.isin(test_rows.index)].sort_index(),
    )
    held = answers(view)["ids"][:, 0]
    pd.testing.assert_frame_equal(test_rows.loc[held], whole.loc[held, list(test_rows.columns)])


def test_typed_parquet_columns_keep_their_types(tmp_path: Path) -> None:
    parquet = {name: TableFile(f"{name}.parquet", "parquet") for name in ("train", "test")}
    spec = spec_of(tmp_path / "data", **parquet)
    train = pd.DataFrame(
        {
            "id": range(40),
            "x": np.arange(40) / 8,
            "k": np.arange(40, dtype="int32"),
            "target": [0.0, 1.0] * 20,
        }
    )
    test = pd.DataFrame({"id": range(40, 60), "x": 0.5, "k": np.arange(20, dtype="int32")})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": 0}))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    shown = table(spec, view, "test")
    assert shown.dtypes.to_dict() == test.dtypes.to_dict()
    truth = answers(view)
    assert sorted(truth["ids"][:, 0].astype(int)) == sorted(set(shown["id"]) - set(test["id"]))
    assert set(truth["truth"][:, 0]) == {0.0, 1.0}


def test_tables_that_share_an_archive_stay_together(tmp_path: Path) -> None:
    tables = {
        which: TableFile("all.zip", member=f"{which}.csv") for which in ("train", "test", "sample")
    }
    spec = spec_of(tmp_path / "data", **tables)
    ids = [f"a{i}" for i in range(60)]
    frames = [
        (tables["train"], pd.DataFrame({"id": ids[:40], "target": ["0", "1"] * 20})),
        (tables["test"], pd.DataFrame({"id": ids[40:]})),
        (tables["sample"], pd.DataFrame({"id": ids[40:], "target": "0"})),
    ]
    write_all(tmp_path / "data", frames)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert [len(table(spec, view, which)) for which in ("train", "test", "sample")] == [32, 28, 28]


def test_one_hot_answers_have_the_shape_of_the_sample(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path / "data",
        target_columns=("p_b", "p_a"),
        label_columns=("kind",),
        classes=("b", "a"),
    )
    kinds = ["a", "b"] * 20
    ids = [f"i{i}" for i in range(50)]
    train = pd.DataFrame({"id": ids[:40], "x": "1", "kind": kinds})
    test = pd.DataFrame({"id": ids[40:], "x": "1"})
    save(spec, train, test, pd.DataFrame({"id": ids[40:], "p_b": "0.3", "p_a": "0.7"}))
    view = built(spec, tmp_path / "ws", ["search1"])["search1"]
    truth = answers(view)
    expected = dict(zip(ids, kinds, strict=False))
    assert truth["truth"].dtype == np.float64
    for name, row in zip(truth["ids"][:, 0], truth["truth"].tolist(), strict=True):
        assert row == ([0.0, 1.0] if expected[name] == "a" else [1.0, 0.0])
    assert set(by_id(table(spec, view, "sample")).loc[truth["ids"][:, 0], "p_b"]) == {"0.3"}


@pytest.mark.parametrize("empty", ["", "-1"])
def test_masks_without_a_pixel_are_answers_and_are_held_out_in_their_share(
    tmp_path: Path, empty: str
) -> None:
    metric = MetricSpec("dice", "maximize", "config")
    spec = spec_of(tmp_path / "data", metric=metric, value_kind="mask", test=None)
    masks = [empty if i % 3 else f"{i + 1} {i + 2}" for i in range(60)]
    save(
        spec,
        pd.DataFrame({"id": [f"a{i:03d}" for i in range(60)], "target": masks}),
        None,
        pd.DataFrame({"id": [f"b{i:03d}" for i in range(9)], "target": "1 1"}),
    )
    views = search_views(built(spec, tmp_path / "ws"))
    truths = [answers(view)["truth"][:, 0].tolist() for view in views]
    assert sorted(cell for truth in truths for cell in truth) == sorted(masks)
    assert [truth.count(empty) for truth in truths] == [8] * 5


def test_several_targets_are_answered_in_order(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path / "data", target_columns=("v", "u"), label_columns=("v", "u"), value_kind="real"
    )
    ids = [f"i{i}" for i in range(60)]
    train = pd.DataFrame({"id": ids[:40], "u": 900 + np.arange(40), "v": np.arange(40) * 0.5})
    save(
        spec, train, pd.DataFrame({"id": ids[40:]}), pd.DataFrame({"id": ids[40:], "v": 0, "u": 0})
    )
    truth = answers(built(spec, tmp_path / "ws", ["search0"])["search0"])
    numbers_of = np.array([float(name[1:]) for name in truth["ids"][:, 0]])
    assert (
        truth["truth"].tolist() == np.stack([numbers_of * 0.5, 900 + numbers_of], axis=1).tolist()
    )


def test_answers_are_plain_arrays_outside_of_every_view(
    case: tuple[CompetitionSpec, dict[str, View]],
) -> None:
    _, views = case
    for view in search_views(views):
        found = answers(view)
        assert set(found) == {"ids", "truth", "part", "group"}
        assert {array.dtype.kind for name, array in found.items() if name != "truth"} == {"U"}
        assert len({len(array) for array in found.values()}) == 1
        assert set(found["part"]) == {"holdout"}
        assert set(found["group"]) == {""}
        assert view.answers is not None
        assert not Path(view.answers).is_relative_to(view.path)
        assert stat.S_IMODE(Path(view.answers).stat().st_mode) == 0o600


@pytest.mark.parametrize("gone", ["label_in_test", "id_in_train", "id_in_test"])
def test_odd_columns_of_the_tables(tmp_path: Path, gone: str) -> None:
    """The test table has an empty label column; train rows have no id; test rows are known by
    position only.
    """
    spec = spec_of(tmp_path / "data")
    train = pd.DataFrame(
        {
            "id": [f"a{i}" for i in range(40)],
            "x": [str(i) for i in range(40)],
            "target": ["0", "1"] * 20,
        }
    )
    test = pd.DataFrame({"id": [str(i) for i in range(20)], "x": "t"})
    sample = pd.DataFrame({"id": test["id"], "target": "0"})
    train = train.drop(columns="id") if gone != "label_in_test" else train
    test = test.assign(target="") if gone == "label_in_test" else test
    test = test.drop(columns="id") if gone == "id_in_test" else test
    save(spec, train, test, sample)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    shown, asked = table(spec, view, "test"), table(spec, view, "sample")
    assert list(shown.columns) == list(test.columns)
    assert asked["id"].is_unique
    assert len(shown) == len(asked) == 28
    if gone == "label_in_test":
        assert set(shown["target"]) == {""}
    official = asked["id"].isin(sample["id"]).to_numpy()
    assert ((shown["x"] == "t").to_numpy() == official).all()
    truth = dict(zip(answers(view)["ids"][:, 0], answers(view)["truth"][:, 0], strict=True))
    features = dict(zip(asked["id"], shown["x"], strict=True))
    assert all(int(features[name]) % 2 == label for name, label in truth.items())


def test_id_columns_may_have_another_name_in_the_tables(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", id_columns=("Id",), id_sources=("row",))
    train = pd.DataFrame({"row": range(40), "x": "1", "target": ["0", "1"] * 20})
    test = pd.DataFrame({"row": range(40, 60), "x": "2"})
    save(spec, train, test, pd.DataFrame({"Id": test["row"], "target": 0}))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert set(table(spec, view, "test")["row"]) == set(table(spec, view, "sample")["Id"])
    assert set(answers(view)["ids"][:, 0]) <= {str(i) for i in range(40)}


def test_composite_ids(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", id_columns=("shop", "day"), value_kind="real")
    rows = [(f"s{i % 6}", str(i // 6), str(i)) for i in range(60)]
    train = pd.DataFrame(rows[:42], columns=["shop", "day", "target"])
    test = pd.DataFrame(rows[42:], columns=["shop", "day", "target"]).drop(columns="target")
    save(spec, train, test, test.assign(target="0"))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    truth = answers(view)
    expected = {(shop, day): float(value) for shop, day, value in rows}
    assert truth["ids"].shape == (view.rows_holdout, 2)
    found = {
        tuple(ids): value
        for ids, value in zip(truth["ids"].tolist(), truth["truth"][:, 0], strict=True)
    }
    assert all(expected[key] == value for key, value in found.items())
    assert set(found) <= set(
        table(spec, view, "sample")[["shop", "day"]].itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(
    ("kind", "fill"), [("probability", "0.5"), ("label", "0"), ("real", "0.4")]
)
def test_a_missing_sample_is_made_for_every_view(tmp_path: Path, kind: str, fill: str) -> None:
    spec = spec_of(tmp_path / "data", sample=None, value_kind=kind)
    train = pd.DataFrame({"id": range(50), "x": "1", "target": ["0", "1", "0", "1", "0"] * 10})
    save(spec, train, pd.DataFrame({"id": range(50, 70), "x": "2"}), None)
    views = built(spec, tmp_path / "ws")
    for view in views.values():
        sample = pd.read_csv(Path(view.path, view.sample.path), dtype=str)
        assert list(sample.columns) == ["id", "target"]
        assert len(sample) == 20 + view.rows_holdout
        assert set(sample["target"]) == {fill}
    full = views["full"]
    assert Path(full.path) != Path(spec.data_dir)
    assert Path(full.path, "train.csv").read_text() == Path(spec.data_dir, "train.csv").read_text()
    assert full.readable == (spec.data_dir,)


def test_views_need_something_to_answer_and_something_to_learn_from(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    with pytest.raises(SpecError, match="neither a sample"):
        planned(spec.changed(sample=None, test=None))
    with pytest.raises(SpecError, match="no train table"):
        planned(spec.changed(train=None))
    with pytest.raises(ValueError, match="no 'search9'"):
        built(spec, tmp_path / "ws", ["search9"])


def test_lesson_06_rows_are_shuffled_but_time_order_stays(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "a")
    view = built(spec, tmp_path / "ws_a", ["search0"])["search0"]
    ids = table(spec, view, "train")["id"].astype(int)
    assert abs(np.corrcoef(ids, range(len(ids)))[0, 1]) < 0.5
    timed = numbers(tmp_path / "b", rows=200)
    views = built(timed, tmp_path / "ws_b", time_column="id")
    for view in search_views(views):
        for which in ("train", "test"):
            assert table(timed, view, which)["id"].astype(int).is_monotonic_increasing
        held = answers(view)["ids"][:, 0].astype(int)
        assert table(timed, view, "train")["id"].astype(int).max() < held.min()
        assert len(set(answers(view)["group"])) > 10
    assert set(answers(views["search2"])["part"]) == {"holdout", "locked"}
    assert set(answers(views["search1"])["part"]) == {"holdout"}


def test_groups_are_named_in_the_answers(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    notes = by_id(table(spec, None, "train"))["note"]
    for view in search_views(built(spec, tmp_path / "ws", group_column="note")):
        found = answers(view)
        assert found["group"].tolist() == notes.loc[found["ids"][:, 0]].tolist()
        assert not set(found["group"]) & set(table(spec, view, "train")["note"])


def test_a_large_table_has_one_search_view_with_holdout_and_locked_rows(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data", rows=22_000, tests=500)
    views = built(spec, tmp_path / "ws")
    assert list(views) == ["probe", "search0", "full"]
    view, found = views["search0"], answers(views["search0"])
    locked = (found["part"] == "locked").sum()
    assert (view.rows_train, view.rows_holdout, locked) == (15_400, 4_400, 2_200)
    assert {part: int((found["part"] == part).sum()) for part in set(found["part"])} == {
        "holdout": 4400,
        "locked": 2200,
    }
    train = by_id(table(spec, None, "train"))
    assert (
        found["truth"][:, 0].tolist()
        == train.loc[found["ids"][:, 0], "target"].astype(float).tolist()
    )
    assert (views["probe"].rows_train, views["probe"].rows_test) == (2_000, 500)


def test_lesson_04_final_views_hold_out_other_rows_together(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    views = built(spec, tmp_path / "ws", ["search0", "search1", *(f"final{k}" for k in range(5))])
    finals = [view for view in views.values() if view.kind == "final"]
    held = [set(answers(view)["ids"][:, 0]) for view in finals]
    assert sorted(name for part in held for name in part) == sorted(
        table(spec, None, "train")["id"]
    )
    assert set(answers(views["search0"])["ids"][:, 0]) not in held


def test_the_probe_keeps_every_class_and_is_small(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", value_kind="label")
    rng = np.random.default_rng(0)
    labels = np.where(np.arange(6_000) < 300, np.arange(6_000) % 150, 999).astype(str)
    train = pd.DataFrame({"id": range(6_000), "x": "1", "target": rng.permutation(labels)})
    test = pd.DataFrame({"id": range(6_000, 9_000), "x": "1"})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "1"}))
    view = built(spec, tmp_path / "ws", ["probe"])["probe"]
    shown = table(spec, view, "train")
    assert len(shown) == 2_000
    assert shown["target"].nunique() == 151
    assert set(table(spec, view, "test")["id"]) == set(table(spec, view, "sample")["id"])
    assert len(table(spec, view, "sample")) == 2_000


# ---------------------------------------------------------------- files


def test_files_follow_their_rows(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    views = built(spec, tmp_path / "ws", ["search0", "probe"])
    view = views["search0"]
    train, sample = table(spec, view, "train"), table(spec, view, "sample")
    files = {path.stem: path for path in Path(view.path, "train").rglob("*.jpg")}
    assert set(files) == set(train["id"])
    assert {path.stem for path in Path(view.path, "test").iterdir()} == set(sample["id"])
    original = {path.stem: path.read_text() for path in Path(spec.data_dir).rglob("*.jpg")}
    for path in [*files.values(), *Path(view.path, "test").iterdir()]:
        assert path.read_text() == original[path.stem]
        assert path.stat().st_mtime_ns == path.lstat().st_mtime_ns == NEUTRAL_NS
    assert view.readable == (str(tmp_path / "ws" / "media"),)


def test_files_follow_their_rows_where_most_of_a_folder_has_no_label(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    for number in range(300):
        for folder in ("train/cat", "train/dog", "test"):
            put_file(tmp_path / "data" / folder / f"more_{number:05d}.jpg", f"nobody's {number}", 0)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    train, sample = table(spec, view, "train"), table(spec, view, "sample")
    shown, asked = (
        {path.stem for path in Path(view.path, part).rglob("*.jpg")} for part in ("train", "test")
    )
    assert {name for name in shown if not name.startswith("more_")} == set(train["id"])
    assert {name for name in asked if not name.startswith("more_")} == set(sample["id"])
    assert {f"more_{number:05d}" for number in range(300)} <= shown & asked


def test_row_files_of_other_folders_are_hidden_or_kept(tmp_path: Path) -> None:
    """Masks exist for train rows only and go; depths exist for both parts and stay."""
    spec = animals(tmp_path / "data")
    train, sample = table(spec, None, "train")["id"], table(spec, None, "sample")["id"]
    for name in train:
        put_file(tmp_path / "data" / "masks" / f"{name}_mask.png", "mask", 0)
        put_file(tmp_path / "data" / "depths" / f"{name}.png", f"depth {name}", 0)
    for name in sample:
        put_file(tmp_path / "data" / "depths" / f"{name}.png", f"depth {name}", 0)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    held = set(answers(view)["ids"][:, 0])
    masks = {path.name.removesuffix("_mask.png") for path in Path(view.path, "masks").iterdir()}
    assert masks == set(train) - held
    assert {path.stem for path in Path(view.path, "depths").iterdir()} == set(train) | set(sample)


def test_one_folder_for_both_parts_keeps_its_files(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", test=None, files=FilesById(("images",), ("images",), ""))
    ids = [f"{i}.png" for i in range(50)]
    for name in ids:
        put_file(tmp_path / "data" / "images" / name, name, 5)
    save(
        spec,
        pd.DataFrame({"id": ids[:40], "target": ["0", "1"] * 20}),
        None,
        pd.DataFrame({"id": ids[40:], "target": 0}),
    )
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert sorted(path.name for path in Path(view.path, "images").iterdir()) == sorted(ids)


def test_equal_ids_in_both_folders_are_told_apart(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", test=None, files=FilesById(("train",), ("test",), ".jpg"))
    for i in range(40):
        put_file(tmp_path / "data" / "train" / f"{i}.jpg", f"train {i}", 5)
        put_file(tmp_path / "data" / "test" / f"{i}.jpg", f"test {i}", 5)
    ids = [str(i) for i in range(40)]
    save(
        spec,
        pd.DataFrame({"id": ids, "target": ["0", "1"] * 20}),
        None,
        pd.DataFrame({"id": ids, "target": 0}),
    )
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    files = {path.stem: path.read_text() for path in Path(view.path, "test").iterdir()}
    assert set(files) == set(table(spec, view, "sample")["id"])
    truth = dict(zip(answers(view)["ids"][:, 0], answers(view)["truth"][:, 0], strict=True))
    assert len(truth) == 8
    assert all(files[name] == f"test {name}" for name in ids)
    assert all(
        int(files[name].removeprefix("train ")) % 2 == label for name, label in truth.items()
    )


def test_large_media_are_linked_file_by_file_but_telling_paths_are_copied(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    put_file(tmp_path / "data" / "extra" / "sky.png", "x" * (2 << 20), 9)
    (view,), _ = build_views(spec, planned(spec), tmp_path / "ws", ["search0"], copy_limit=0)
    links = [path for path in Path(view.path).rglob("*") if path.is_symlink()]
    assert not any(path.is_dir() for path in links)
    direct = [path for path in links if path.readlink().is_relative_to(tmp_path / "data")]
    held = set(answers(view)["ids"][:, 0])
    assert direct
    assert not {path.stem for path in direct} & held
    assert spec.data_dir not in view.readable
    assert all(
        any(path.resolve().is_relative_to(folder) for folder in view.readable) for path in links
    )


def test_files_that_are_links_themselves_are_linked_to(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    (tmp_path / "data" / ".pool").mkdir()
    for number, path in enumerate(sorted((tmp_path / "data").rglob("*.jpg"))):
        moved = path.rename(tmp_path / "data" / ".pool" / f"{number}.jpg")
        path.symlink_to(os.path.relpath(moved, path.parent) if number % 2 else moved)
    (view,), _ = build_views(spec, planned(spec), tmp_path / "ws", ["search0"], copy_limit=0)
    links = [path for path in Path(view.path).rglob("*") if path.is_symlink()]
    assert len(links) == 140
    assert all(path.is_file() for path in links)
    assert all(
        any(path.readlink().is_relative_to(folder) for folder in view.readable) for path in links
    )


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    spec = animals(tmp_path / "data")
    views, split = build_views(spec, planned(spec), tmp_path / "ws", ["search0"])
    assert (
        split.why
        == "5 stratified folds: 100 rows < 20000; left out because they may carry answers: meta.json"
    )
    assert Path(views[0].path, "readme.md").is_file()
    assert build_views(spec, split, tmp_path / "ws", ["probe"])[1].why == split.why


# ---------------------------------------------------------------- read-only, repeatable


def test_lesson_10_views_are_read_only(tmp_path: Path) -> None:
    view = built(animals(tmp_path / "data"), tmp_path / "ws", ["search0"])["search0"]
    for path in [Path(view.path), *Path(view.path).rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o555 if path.is_dir() else 0o444), path


@pytest.mark.parametrize("shape", [numbers, animals])
def test_a_rebuilt_view_is_the_same(tmp_path: Path, shape: object) -> None:
    spec = shape(tmp_path / "data")  # type: ignore[operator]
    names = ["probe", "search0", "search3", "final1"]
    before = built(spec, tmp_path / "ws", names)
    seen = {name: contents(Path(view.path)) for name, view in before.items()}
    kept = {name: answers(view) for name, view in before.items() if view.answers}
    remove(Path(before["search0"].path) / "train.csv")
    shutil.rmtree(tmp_path / "ws" / "media", ignore_errors=True)
    after = built(spec, tmp_path / "ws", names)
    assert {name: contents(Path(view.path)) for name, view in after.items()} == seen
    for name, arrays in kept.items():
        assert all((arrays[key] == array).all() for key, array in answers(after[name]).items())
    assert {name: (view.rows_train, view.rows_holdout) for name, view in after.items()} == {
        name: (view.rows_train, view.rows_holdout) for name, view in before.items()
    }
    assert after["search0"].digest == view_digest(after["search0"].path) != before["search0"].digest


def test_numeric_looking_labels_of_a_text_column_stay_text(tmp_path: Path) -> None:
    """A fold may hold out number-like classes only; they are still spelled as in the table."""
    spec = spec_of(tmp_path / "data", value_kind="label")
    labels = ["007", "1.0"] * 29 + ["x", "x"]
    train = pd.DataFrame({"id": [f"a{i}" for i in range(60)], "x": "1", "target": labels})
    test = pd.DataFrame({"id": ["b1", "b2"], "x": "1"})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "x"}))
    truth = [answers(view)["truth"] for view in search_views(built(spec, tmp_path / "ws"))]
    assert {array.dtype.kind for array in truth} == {"U"}
    assert {cell for array in truth for cell in array[:, 0]} == {"007", "1.0", "x"}
