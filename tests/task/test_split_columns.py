"""Rule P4: groups and time are recognised from what train and test have in common, and ids are
neither.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.task import folders
from tests.task.rule_cases import Built, build, check_rows, everything
from tests.task.view_cases import answers, table

RMSE = "## Evaluation\n\nSubmissions are scored on RMSE.\n"


def rows_of(
    root: Path,
    column: str,
    values: list[object],
    train: int,
    extra: dict[str, list[object]] | None = None,
) -> Path:
    """id, <column>, x -> y; the first `train` rows are train."""
    more = extra or {}
    names = ("id", column, "x", *more)
    rows = [
        (i, value, i % 7, *(cells[i] for cells in more.values())) for i, value in enumerate(values)
    ]
    folders.put(
        root / "train.csv",
        (*names, "y"),
        [(*row, 1.5 * (row[2] + row[0] % 3)) for row in rows[:train]],
    )
    folders.put(root / "test.csv", names, rows[train:])
    folders.put(root / "sample_submission.csv", ("id", "y"), [(row[0], 0) for row in rows[train:]])
    return root


def check_groups(made: Built, column: str) -> None:
    assert (made.split.kind, made.split.group_column) == ("group", column)
    assert "split: group, none of the" in made.notes
    check_rows(made)
    for view in made.searches:
        held = set(
            table(made.spec, view, "test")
            .set_index("id")
            .loc[answers(view)["ids"][:, 0].tolist(), column]
        )
        assert not held & set(table(made.spec, view, "train")[column])
        assert set(answers(view)["group"]) == held


def test_values_that_never_cross_from_train_to_test_are_groups(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(40)
    values = [f"P{order[i // 5]:03d}" for i in range(200)]
    made = build(rows_of(tmp_path / "data", "patient", values, 150), tmp_path / "ws", RMSE)
    check_groups(made, "patient")


def test_the_coarser_of_two_groups_counts(tmp_path: Path) -> None:
    visits, patients = [f"v{i // 2}" for i in range(200)], [f"p{i // 8}" for i in range(200)]
    made = build(
        rows_of(tmp_path / "data", "visit", visits, 160, {"patient": patients}),
        tmp_path / "ws",
        RMSE,
    )
    check_groups(made, "patient")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("session_id", [f"s{i}" for i in range(200)]),
        ("city", [f"c{i % 12}" for i in range(200)]),
        ("height", [f"{1 + i // 2 * 0.37:.2f}" for i in range(200)]),
        ("part", ["a" if i < 150 else "b" for i in range(200)]),
    ],
    ids=["one row each", "in both", "a measurement", "two values"],
)
def test_what_is_no_group(tmp_path: Path, column: str, values: list[object]) -> None:
    made = build(rows_of(tmp_path / "data", column, values, 150), tmp_path / "ws", RMSE)
    assert made.split.kind == "random"
    assert (made.spec.features.group, made.spec.features.time) == (None, None)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("date", "2021-{m:02d}-{d:02d}"),
        ("when", "2021-{m:02d}-{d:02d} 07:30:00"),
        ("week", "{n}"),
        ("day", "{d}.{m}.2021"),
    ],
)
def test_a_test_that_is_later_is_a_time_split(tmp_path: Path, column: str, cell: str) -> None:
    values: list[object] = [
        cell.format(m=1 + n // 28, d=1 + n % 28, n=n) for n in (i // 2 for i in range(240))
    ]
    data = rows_of(tmp_path / "data", column, values, 200)
    if column == "day":
        text = (data / "test.csv").read_text()
        assert "5.2021" in text
    made = build(data, tmp_path / "ws", RMSE)
    assert (made.split.kind, made.spec.features.time) == ("time", column)
    assert f"every test row is later than every train row by {column!r}" in made.notes


@pytest.mark.parametrize(("column", "rows"), [("season", 40), ("hour_index", 1)])
def test_a_few_seasons_and_numbered_hours_are_time(tmp_path: Path, column: str, rows: int) -> None:
    values: list[object] = [2010 + i // rows for i in range(320)]
    made = build(rows_of(tmp_path / "data", column, values, 240), tmp_path / "ws", RMSE)
    assert (made.split.kind, made.split.time_column) == ("time", column)
    for view in made.searches:
        train, held = table(made.spec, view, "train"), answers(view)["ids"][:, 0].tolist()
        test = table(made.spec, view, "test").set_index("id").loc[held]
        assert int(train[column].astype(int).max()) < int(test[column].astype(int).min())


def test_a_single_year_before_the_test_is_no_time_split(tmp_path: Path) -> None:
    values: list[object] = [2020 + i // 100 for i in range(200)]
    assert (
        build(rows_of(tmp_path / "data", "year", values, 100), tmp_path / "ws", RMSE).split.kind
        == "random"
    )


def test_rows_of_which_most_are_of_the_last_year_are_split_at_random(tmp_path: Path) -> None:
    values: list[object] = [*range(2000, 2006), *[2006] * 144, *[2007] * 50]
    made = build(rows_of(tmp_path / "data", "year", values, 150), tmp_path / "ws", RMSE)
    assert (made.spec.features.time, made.split.kind, made.split.holdout_rows) == (
        "year",
        "random",
        150,
    )


def test_ids_and_features_that_grow_are_no_time(tmp_path: Path) -> None:
    made = build(
        rows_of(tmp_path / "data", "mileage", [100 + 3 * i for i in range(200)], 150),
        tmp_path / "ws",
        RMSE,
    )
    assert made.split.kind == "random"


def test_the_user_decides(tmp_path: Path) -> None:
    values = [f"p{i // 5}" for i in range(200)]
    data = rows_of(tmp_path / "data", "patient", values, 150)
    assert build(data, tmp_path / "a", RMSE, split="random").split.kind == "random"
    assert build(data, tmp_path / "b", RMSE, group_column="x").split.group_column == "x"


def test_a_group_by_its_name_where_there_is_no_test_table(tmp_path: Path) -> None:
    data = folders.files_by_id(tmp_path / "data", train=60)
    text = (data / "train.csv").read_text().splitlines()
    lines = [f"{text[0]},PatientID", *(f"{line},P{i // 3}" for i, line in enumerate(text[1:]))]
    (data / "train.csv").write_text("\n".join(lines) + "\n")
    made = build(data, tmp_path / "ws")
    assert (made.split.kind, made.split.group_column) == ("group", "PatientID")
    assert "by its name" in made.notes


def test_side_tables_and_files_of_a_group_follow_it(tmp_path: Path) -> None:
    """Rule P10: films and tracks are by play, rows by play and moment."""
    plays = [f"game_{i // 6:03d}" for i in range(240)]
    data = rows_of(tmp_path / "data", "play", list(plays), 180)
    for part, names in (("train", plays[:180:6]), ("test", plays[180::6])):
        (data / part).mkdir()
        for name in names:
            (data / part / f"{name}_Endzone.mp4").write_bytes(f"film {name}".encode())
        rows = [(name, k, f"secret of {name}") for name in names for k in range(2)]
        folders.put(data / f"{part}_tracking.csv", ("play", "step", "speed"), rows)
    made = build(data, tmp_path / "ws", RMSE)
    check_groups(made, "play")
    for view in made.searches:
        shown = everything(view)
        held = set(answers(view)["group"])
        for name in held:
            assert shown[f"test/{name}_Endzone.mp4"] == f"film {name}".encode()
            assert f"train/{name}_Endzone.mp4" not in shown
            assert f"secret of {name}" not in shown["train_tracking.csv"].decode()
        kept = set(plays[:180]) - held
        assert all(f"train/{name}_Endzone.mp4" in shown for name in kept)
        assert all(f"secret of {name}" in shown["train_tracking.csv"].decode() for name in kept)


def joined_rows(
    root: Path, first: list[str], second: list[str], train: int, whole: bool = False
) -> Path:
    """store, day, x -> y, where the id is `<store>_<day>`; whole: the sample has both columns
    instead.
    """
    rows = [(s, d, i % 7) for i, (s, d) in enumerate(zip(first, second, strict=True))]
    folders.put(
        root / "train.csv",
        ("store", "day", "x", "y"),
        [(*row, 1.5 * row[2]) for row in rows[:train]],
    )
    folders.put(root / "test.csv", ("store", "day", "x"), rows[train:])
    asked = [(*row[:2], 0) if whole else (f"{row[0]}_{row[1]}", 0) for row in rows[train:]]
    folders.put(
        root / "sample_submission.csv", ("store", "day", "y") if whole else ("id", "y"), asked
    )
    return root


@pytest.mark.parametrize("whole", [False, True], ids=["joined", "two id columns"])
def test_a_later_test_counts_where_ids_are_made_of_the_time(tmp_path: Path, whole: bool) -> None:
    stores, days = (
        [f"{i % 12}" for i in range(360)],
        [f"2021-01-{1 + i // 12:02d}" for i in range(360)],
    )
    made = build(joined_rows(tmp_path / "data", stores, days, 288, whole), tmp_path / "ws", RMSE)
    assert (made.split.kind, made.spec.features.time, made.spec.features.group) == (
        "time",
        "day",
        None,
    )


def test_parts_of_ids_that_both_tables_share_are_no_groups(tmp_path: Path) -> None:
    cells = [(f"s{i}", f"n{k}") for i in range(12) for k in range(30)]
    order = np.random.default_rng(3).permutation(len(cells))
    stores, days = [cells[i][0] for i in order], [cells[i][1] for i in order]
    made = build(joined_rows(tmp_path / "data", stores, days, 280), tmp_path / "ws", RMSE)
    assert made.split.kind == "random"
    check_rows(made)


def test_a_part_of_ids_that_hardly_any_row_of_test_shares_is_a_group(tmp_path: Path) -> None:
    stores, days = [f"s{i // 6}" for i in range(360)], [f"n{i % 6}" for i in range(360)]
    stores[-1], days[-1] = "s0", "n9"
    made = build(joined_rows(tmp_path / "data", stores, days, 228), tmp_path / "ws", RMSE)
    assert (made.split.kind, made.split.group_column) == ("group", "store")
    assert "almost none of its values is in both parts" in made.notes
    check_rows(made)
