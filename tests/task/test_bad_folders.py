"""Folders that cannot be solved: one clear line, and the sample submission wherever there is one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from core.records import CompetitionSpec
from core.task.hints import NO_HINTS, Hints
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from utils.errors import DataError, SpecError


def reason(root: Path) -> str:
    with pytest.raises(SpecError) as caught:
        inspect_competition(root, "", NO_HINTS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def spec_of(root: Path, metric: str = "") -> CompetitionSpec:
    return inspect_competition(root, "", Hints.of(metric=metric))


def baseline(root: Path, spec: CompetitionSpec | None) -> tuple[str, pd.DataFrame]:
    out = root.parent / "out" / "submission.csv"
    told = write_baseline(root, spec, out)
    frame = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert told["rows"] == len(frame)
    assert [path.name for path in out.parent.iterdir()] == ["submission.csv"]
    return told["source"], frame


# ---------------------------------------------------------------- what cannot be


def test_no_or_empty_folder_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    for root in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(DataError):
            inspect_competition(root, "", NO_HINTS)
        with pytest.raises(DataError):
            write_baseline(root, None, tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()


def test_no_sample_and_no_test_table(tmp_path: Path) -> None:
    folders.put(tmp_path / "train.csv", ("id", "y"), [(1, 2)])
    assert "no sample submission and no test table" in reason(tmp_path)
    with pytest.raises(SpecError):
        write_baseline(tmp_path, None, tmp_path / "submission.csv")


def _torn(root: Path) -> None:
    with (root / "train.csv").open("a") as file:
        file.write("1,2,3,4,5,6,7\n")


def _binary(root: Path) -> None:
    (root / "train.csv").write_bytes(bytes(range(256)) * 20)


def _gone(root: Path) -> None:
    (root / "train.csv").unlink()


def _no_rows(root: Path) -> None:
    (root / "train.csv").write_text("id,a,b,target\n")


def _empty_target(root: Path) -> None:
    folders.put(root / "train.csv", ("id", "a", "b", "target"), [(i, 1, "c", "") for i in range(9)])


def _other_targets(root: Path) -> None:
    folders.put(
        root / "train.csv", ("id", "a", "b", "x1", "x2"), [(i, 1, "c", 1, 2) for i in range(9)]
    )


def _other_features(root: Path) -> None:
    folders.put(root / "test.csv", ("id", "q"), [(i, 1) for i in range(40, 60)])


def _other_ids(root: Path) -> None:
    folders.put(root / "test.csv", ("id", "a", "b"), [(f"z{i}", 1, "c") for i in range(20)])


def _same_ids(root: Path) -> None:
    folders.put(root / "sample_submission.csv", ("id", "target"), [(41, 0.5)] * 20)


BROKEN = [
    (_torn, "train.csv"),
    (_binary, "in no train table"),
    (_gone, "in no train table"),
    (_no_rows, "no rows"),
    (_empty_target, "'target'"),
    (_other_targets, "'target'"),
    (_other_features, "no feature column in common"),
    (_other_ids, "contradict"),
    (_same_ids, "contradicts itself"),
]


@pytest.mark.parametrize(
    ("broken", "line"), BROKEN, ids=lambda value: getattr(value, "__name__", "")
)
def test_unreadable_or_contradictory_tables_leave_the_sample(
    tmp_path: Path, broken: object, line: str
) -> None:
    root = folders.binary_rows(tmp_path / "data")
    broken(root)  # type: ignore[operator]
    assert line in reason(root)
    source, frame = baseline(root, None)
    assert (source, len(frame), list(frame.columns)) == ("sample", 20, ["id", "target"])


# ---------------------------------------------------------------- baseline


def test_the_sample_is_copied_byte_for_byte(tmp_path: Path) -> None:
    root = folders.target_first_text_key(tmp_path / "data")
    source, _ = baseline(root, None)
    assert source == "sample"
    written = (tmp_path / "out" / "submission.csv").read_bytes()
    assert written == (root / "sample_submission_null.csv").read_bytes()


def test_a_zipped_sample_is_unpacked(tmp_path: Path) -> None:
    root = folders.real_rows(tmp_path / "data", suffix=".csv.zip")
    source, frame = baseline(root, None)
    assert (source, list(frame.columns), list(frame["price"].unique())) == (
        "sample",
        ["id", "price"],
        ["0"],
    )


def test_a_broken_test_archive_does_not_hinder_the_sample(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path / "data")
    (root / "test.zip").write_bytes(b"PK\x03\x04 torn")
    assert baseline(root, None)[0] == "sample"


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("rmse", 4.25), ("mae", 1.0), ("rmsle", 64**0.25 - 1)],
    ids=lambda value: str(value),
)
def test_the_prior_of_real_targets_follows_the_metric(
    tmp_path: Path, metric: str, expected: float
) -> None:
    root = tmp_path / "data"
    rows = [(i, i, price) for i, price in enumerate((1, 1, 0, 15))]
    folders.put(root / "train.csv", ("id", "a", "price"), rows)
    folders.put(root / "test.csv", ("id", "a"), [(9, 1), (10, 2)])
    folders.put(root / "sample_submission.csv", ("id", "price"), [(9, 0.5), (10, 0.5)])
    source, frame = baseline(root, spec_of(root, metric))
    assert source == "prior"
    assert [float(value) for value in frame["price"]] == pytest.approx([expected] * 2)


def test_class_shares_fill_a_one_hot_sample_in_its_order(tmp_path: Path) -> None:
    root = folders.one_hot_text(tmp_path / "data", prefix="author_")
    source, frame = baseline(root, spec_of(root, "log_loss"))
    train = pd.read_csv(root / "train.csv")["author"]
    assert source == "prior"
    assert list(frame.columns) == ["id", "author_MWS", "author_HPL", "author_EAP"]
    row = [float(value) for value in frame.iloc[0, 1:]]
    assert row == pytest.approx([float((train == name).mean()) for name in ("MWS", "HPL", "EAP")])
    assert abs(sum(row) - 1) < 1e-9


def test_the_most_frequent_label_keeps_its_spelling(tmp_path: Path) -> None:
    root = tmp_path / "data"
    folders.put(
        root / "train.csv", ("id", "a", "code"), [(1, 5, "007"), (2, 6, "007"), (3, 7, "012")]
    )
    folders.put(root / "test.csv", ("id", "a"), [("0004", 5)])
    folders.put(root / "sample_submission.csv", ("id", "code"), [("0004", "000")])
    _, frame = baseline(root, spec_of(root, "accuracy"))
    assert frame.to_numpy().tolist() == [["0004", "007"]]


def test_probability_of_the_later_class(tmp_path: Path) -> None:
    root = tmp_path / "data"
    folders.put(root / "train.csv", ("id", "a", "won"), [(i, i, i % 4 == 0) for i in range(8)])
    folders.put(root / "test.csv", ("id", "a"), [(8, 5)])
    folders.put(root / "sample_submission.csv", ("id", "won"), [(8, 0.5)])
    spec = spec_of(root, "roc_auc")
    assert spec.answers.classes == ("False", "True")
    assert float(baseline(root, spec)[1]["won"][0]) == 0.25


def _filled(
    root: Path, names: tuple[str, ...], rows: list[tuple[object, ...]], metric: str, shown: object
) -> list[float]:
    """The constants of a baseline for answers `rows`, where the sample shows `shown`."""
    folders.put(
        root / "train.csv", ("id", "a", *names), [(i, i % 5, *row) for i, row in enumerate(rows)]
    )
    folders.put(root / "test.csv", ("id", "a"), [(900, 5)])
    folders.put(root / "sample_submission.csv", ("id", *names), [(900, *[shown] * len(names))])
    source, frame = baseline(root, spec_of(root, metric))
    assert source == "prior"
    return [float(cell) for cell in frame.loc[0, list(names)]]


@pytest.mark.parametrize("names", [(1, 2), (4, 2), (-1, 1), ("no", "yes")])
def test_the_prior_of_two_labels_is_the_share_of_the_second(
    tmp_path: Path, names: tuple[object, object]
) -> None:
    rows = [(max(names, key=str) if i % 4 else min(names, key=str),) for i in range(40)]
    for metric in ("roc_auc", "log_loss"):
        assert _filled(tmp_path / "data", ("won",), rows, metric, 0.5) == [0.75]


def test_the_prior_of_votes_is_the_mean_share_of_each_column(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(8, 2, 0), (0, 1, 1), (0, 0, 0)] * 10
    assert _filled(
        tmp_path / "data", ("x", "y", "z"), rows, "kl_divergence", 1 / 3
    ) == pytest.approx([0.4, 0.35, 0.25])


def test_a_list_in_one_cell_is_no_answer_where_the_sample_shows_numbers(tmp_path: Path) -> None:
    root = tmp_path / "data"
    rows = [(f"r{i}", i, f"[{i / 7:.3f}, {i}.0]") for i in range(30)]
    folders.put(root / "train.csv", ("id", "a", "react"), rows)
    folders.put(root / "test.csv", ("id", "a"), [("t0", 5), ("t1", 6)])
    folders.put(
        root / "sample_submission.csv",
        ("id_seqpos", "react"),
        [("t0_0", 0.0), ("t0_1", 0.0), ("t1_0", 0.0)],
    )
    source, frame = baseline(root, spec_of(root))
    assert (source, frame["react"].tolist()) == ("sample", ["0.0"] * 3)
    folders.put(root / "sample_submission.csv", ("id", "react"), [("t0", "[0.0]"), ("t1", "[0.0]")])
    assert baseline(root, spec_of(root))[0] == "prior"


def test_without_a_sample_the_prior_answers_the_test_ids(tmp_path: Path) -> None:
    root = folders.real_rows(tmp_path / "data")
    (root / "sample_submission.csv").unlink()
    source, frame = baseline(root, spec_of(root, "rmse"))
    assert (source, list(frame.columns), len(frame)) == ("prior", ["id", "price"], 20)


def test_row_order_and_carried_columns_of_the_sample_stay(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path / "data")
    rows = [(i, 0.5, i * 2) for i in reversed(range(40, 60))]
    folders.put(root / "sample_submission.csv", ("id", "target", "width"), rows)
    spec = spec_of(root, "roc_auc")
    assert spec.answers.targets == ("target",)
    _, frame = baseline(root, spec)
    assert list(frame["id"]) == [str(row[0]) for row in rows]
    assert list(frame["width"]) == [str(row[2]) for row in rows]


def test_a_train_table_that_broke_since_leaves_the_sample(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path / "data")
    spec = spec_of(root)
    _torn(root)
    assert baseline(root, spec)[0] == "sample"
