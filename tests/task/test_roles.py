"""Which table is the sample submission, which the test and which the train table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.task import folders
from tests.task.test_spec import AUC, MACRO_F1, RMSE, inspect, paths


@pytest.mark.parametrize("several", [False, True], ids=["a row per file", "rows per file"])
def test_tables_that_are_rows_are_no_test_table(tmp_path: Path, several: bool) -> None:
    for i in range(45):
        rows = [(f"{0.1 * (i + k):.2f}", f"{0.3 * k:.2f}") for k in range(5)]
        folders.put(
            tmp_path / ("train" if i < 25 else "test") / f"{1000 + i}.csv", ("s1", "s2"), rows
        )
    ids = [
        f"{1000 + i}_{k}" if several else str(1000 + i)
        for i in range(45)
        for k in range(1 + several)
    ]
    cut = 25 * (1 + several)
    folders.put(
        tmp_path / "train.csv",
        ("segment", "wait"),
        [(key, 1.5 * i) for i, key in enumerate(ids[:cut])],
    )
    folders.put(
        tmp_path / "sample_submission.csv", ("segment", "wait"), [(key, 0) for key in ids[cut:]]
    )
    spec = inspect(tmp_path, RMSE)
    assert paths(spec) == ("sample_submission.csv", "train.csv", None)
    if not several:
        assert spec.files.by_id is not None
        assert (
            spec.files.by_id.train_dirs,
            spec.files.by_id.test_dirs,
            spec.files.by_id.suffix,
        ) == (
            ("train",),
            ("test",),
            ".csv",
        )


def test_tables_of_a_folder_named_test_may_be_test_tables(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    (root / "test").mkdir()
    (root / "test.csv").rename(root / "test" / "features.csv")
    for name in ("weather", "prices"):
        folders.put(
            root / "test" / f"{name}_of_days.csv", ("day", "value"), [(i, i) for i in range(9)]
        )
    assert paths(inspect(root, AUC))[2] == "test/features.csv"


def test_the_train_table_with_the_features_counts(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    labels = [
        f'{{"id": {i}, "target": {int(i % 7 > 3)}, "said_of_it": "{folders.sentence(i)}"}}'
        for i in range(40)
    ]
    (root / "train.jsonl").write_text("\n".join(labels) + "\n")
    spec = inspect(root, AUC)
    assert paths(spec) == ("sample_submission.csv", "train.csv", "test.csv")
    assert spec.features.names == ("a", "b")


def test_a_header_without_rows_is_no_train_table(tmp_path: Path) -> None:
    root = folders.files_by_id(tmp_path, labels="labels.csv")
    folders.put(root / "all.csv", ("id", "label"), [])
    assert paths(inspect(root, MACRO_F1))[1] == "labels.csv"


def test_lesson_08_samples_by_many_names(tmp_path: Path) -> None:
    names = (
        "sampleSubmission.csv",
        "sample_submission_null.csv",
        "sample_submission.csv.zip",
        "SampleSubmission.csv",
        "en_sample_submission_2.csv",
        "submission_format.csv",
    )
    for name in names:
        root = folders.binary_rows(tmp_path / name, name=name)
        assert paths(inspect(root, AUC)) == (name, "train.csv", "test.csv")


def test_lesson_08_a_sample_without_its_name_is_found_by_shape(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path, name="benchmark.csv")
    folders.put(root / "extra.csv", ("id", "note"), [(i, "x") for i in range(60)])
    spec = inspect(root, AUC)
    assert paths(spec) == ("benchmark.csv", "train.csv", "test.csv")
    assert any("by shape" in note for note in spec.notes)


def test_a_test_table_without_its_name_is_found_by_shape(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    (root / "test.csv").rename(root / "unlabelled.csv")
    assert paths(inspect(root, AUC)) == ("sample_submission.csv", "train.csv", "unlabelled.csv")


def test_names_that_only_look_like_roles(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    folders.put(root / "contest.csv", ("id", "a"), [(i, 1) for i in range(60)])
    folders.put(root / "sample_train.csv", ("id", "a", "b", "target"), [(0, 1, "c0", 1)])
    folders.put(root / "test_labels.csv", ("id", "target"), [(i, -1) for i in range(40, 60)])
    assert paths(inspect(root, AUC)) == ("sample_submission.csv", "train.csv", "test.csv")
