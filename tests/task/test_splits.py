"""Which rows are held out: kinds, sizes, and what must never be on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.records import SplitKind, SplitSpec
from core.task.folder.cells import parse_times
from core.task.views.splits import Part, Rows, assign, assign_final, decide
from tests.task.view_cases import numbers, planned, save, spec_of, table
from utils.errors import ConfigError

LIMIT = 50_000


def rows_of(count: int, classes: int = 2, seed: int = 3) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows(np.ones(count, dtype=bool), rng.integers(0, classes, count))


def grouped(count: int, groups: int) -> Rows:
    return replace(rows_of(count), groups=np.random.default_rng(1).integers(0, groups, count))


def timed(count: int, distinct: int) -> Rows:
    return replace(
        rows_of(count), times=np.random.default_rng(2).integers(0, distinct, count).astype(float)
    )


def every_kind(count: int) -> list[tuple[SplitSpec, Rows]]:
    kinds: list[tuple[SplitKind, Rows]] = [
        ("stratified", rows_of(count)),
        ("random", rows_of(count, 1)),
        ("group", grouped(count, 60)),
        ("time", timed(count, 500)),
    ]
    return [(decide(kind, rows, 0, LIMIT, "g", "t"), rows) for kind, rows in kinds]


@pytest.mark.parametrize("count", [200, 19_999, 20_000, 22_000])
def test_parts_are_disjoint_and_counted(count: int) -> None:
    for split, rows in every_kind(count):
        parts = assign(rows, split)
        assert len(parts) == split.folds > 0
        assert sum(int(part.holdout.sum()) for part in parts) == split.holdout_rows
        assert sum(int(part.locked.sum()) for part in parts) == split.locked_rows
        for part in parts:
            assert not (part.train & part.held).any()
            assert not (part.holdout & part.locked).any()
            assert part.train.any()
        assert max(np.sum([part.holdout for part in parts], axis=0)) == 1


def test_lesson_44_small_data_is_scored_on_every_row() -> None:
    split = decide("stratified", rows_of(7043), 0, LIMIT)
    assert (split.folds, split.holdout_rows, split.locked_rows) == (5, 7043, 0)
    assert split.why == "5 stratified folds: 7043 rows < 20000"


@pytest.mark.parametrize(
    ("count", "limit", "holdout", "locked"),
    [(20_000, LIMIT, 4_000, 2_000), (22_000, 3_000, 3_000, 2_200), (400_000, LIMIT, LIMIT, 40_000)],
)
def test_large_data_has_one_holdout_and_a_locked_part(
    count: int, limit: int, holdout: int, locked: int
) -> None:
    split = decide("stratified", rows_of(count), 0, limit)
    assert (split.folds, split.holdout_rows, split.locked_rows) == (1, holdout, locked)


def test_large_data_of_which_few_rows_can_be_held_out_keeps_most_for_training() -> None:
    rows = replace(rows_of(30_000), eligible=np.arange(30_000) < 1_000)
    split = decide("random", rows, 0, LIMIT)
    assert (split.holdout_rows, split.locked_rows) == (200, 100)


@pytest.mark.parametrize("count", [1_000, 24_000])
def test_stratified_parts_keep_the_class_shares(count: int) -> None:
    strata = np.where(np.arange(count) % 20 == 0, 1, 0)
    rows = Rows(np.ones(count, dtype=bool), strata)
    split = decide("stratified", rows, 4, LIMIT)
    for part in assign(rows, split):
        for mask in (part.train, part.holdout, part.locked):
            if mask.any():
                assert abs(strata[mask].mean() - 0.05) < 0.005


@pytest.mark.parametrize("count", [300, 21_000])
def test_a_rare_class_never_loses_all_its_training_rows(count: int) -> None:
    strata = np.zeros(count, dtype=np.int64)
    strata[:12] = [1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4]
    rows = Rows(np.ones(count, dtype=bool), strata)
    for seed in range(20):
        for part in assign(rows, decide("stratified", rows, seed, LIMIT)):
            assert set(strata[part.train]) == {0, 1, 2, 3, 4}


def test_lesson_05_groups_never_stand_on_both_sides() -> None:
    for count in (500, 25_000):
        rows = grouped(count, 70)
        assert rows.groups is not None
        split = decide("group", rows, 0, LIMIT, "g")
        for part in [*assign(rows, split), *assign_final(rows, split)]:
            assert not set(rows.groups[part.train]) & set(rows.groups[part.held])
            assert not set(rows.groups[part.holdout]) & set(rows.groups[part.locked])
            assert part.holdout.sum() > 0.08 * count


def test_a_group_with_a_row_that_cannot_be_held_out_does_not_train_either() -> None:
    rows = replace(grouped(25_000, 70), eligible=np.arange(25_000) % 3 > 0)
    (part,) = assign(rows, decide("group", rows, 0, LIMIT, "g"))
    assert rows.groups is not None
    assert not set(rows.groups[part.train]) & set(rows.groups[part.held])


def test_groups_too_large_for_a_locked_part_are_judged_on_a_new_holdout() -> None:
    rows = replace(rows_of(24_000), groups=np.arange(24_000) % 6)
    split = decide("group", rows, 0, LIMIT, "g")
    assert (split.folds, split.holdout_rows, split.locked_rows) == (1, 4_000, 0)
    assert assign_final(rows, split)[0].holdout.sum() == 4_000


@pytest.mark.parametrize("distinct", [30, 100_000])
@pytest.mark.parametrize("count", [400, 30_000])
def test_lesson_05_no_training_row_is_as_late_as_the_rows_that_score(
    count: int, distinct: int
) -> None:
    rows = timed(count, distinct)
    assert rows.times is not None
    split = decide("time", rows, 0, LIMIT, time_column="t")
    parts = assign(rows, split)
    assert len(parts) == 3
    for part in parts:
        assert rows.times[part.train].max() < rows.times[part.holdout].min()
    assert [part.locked.any() for part in parts] == [False, False, True]
    last = parts[-1]
    assert not set(rows.times[last.holdout]) & set(rows.times[last.locked])
    assert last.holdout[rows.times == rows.times.max()].all()
    assert abs(last.locked.sum() / last.held.sum() - 1 / 3) < 0.1
    assert [part.train.sum() for part in parts] == sorted(part.train.sum() for part in parts)
    assert assign_final(rows, split) == []


@pytest.mark.parametrize(
    ("horizon", "window"), [(None, 450), (300, 300), (20, 150), (4_000, 500), (0.5, 150)]
)
def test_windows_reach_the_test_and_are_as_long_as_it(horizon: float | None, window: int) -> None:
    """3,000 moments: 5 % of them at least, and half of them stay for the first training."""
    rows = replace(rows_of(3_000), times=np.arange(3_000.0))
    assert rows.times is not None
    split = decide("time", rows, 0, LIMIT, time_column="t", horizon=horizon)
    parts = assign(rows, split)
    assert [int(part.held.sum()) for part in parts] == [window] * 3
    starts = [rows.times[part.held].min() for part in parts]
    assert starts == [3_000 - 3 * window, 3_000 - 2 * window, 3_000 - window]
    assert rows.times[parts[-1].held].max() == 2_999


def test_locked_rows_lie_all_over_the_last_window() -> None:
    rows = replace(rows_of(3_000), times=np.arange(3_000.0))
    last = assign(rows, decide("time", rows, 0, LIMIT, time_column="t"))[-1]
    window = last.locked[-450:].reshape(5, 90)
    assert (window == (np.arange(90) // 30 == 1)).all()


def test_a_split_of_an_earlier_journal_holds_out_what_it_held_out_then() -> None:
    """Its windows ended where the locked rows began, at the last tenth."""
    rows = replace(rows_of(1_000), times=np.arange(1_000.0))
    assert rows.times is not None
    parts = assign(rows, SplitSpec("time", 3, 450, 100, 0, "", None, "t"))
    assert [rows.times[part.holdout].min() for part in parts] == [450, 600, 750]
    assert [rows.times[part.holdout].max() for part in parts] == [599, 749, 899]
    assert rows.times[parts[-1].locked].tolist() == list(range(900, 1_000))


@pytest.mark.parametrize("distinct", [2, 3, 4, 5, 7, 16])
def test_a_split_of_few_moments_is_assigned_as_it_was_counted(distinct: int) -> None:
    for seed in range(20):
        times = np.random.default_rng(seed).integers(0, distinct, 200).astype(float)
        rows = replace(rows_of(200), times=times)
        split = decide("time", rows, 0, LIMIT, time_column="t")
        parts = assign(rows, split)
        assert len(parts) == split.folds > 0
        assert sum(int(part.holdout.sum()) for part in parts) == split.holdout_rows
        assert sum(int(part.locked.sum()) for part in parts) == split.locked_rows
        assert all(part.train.any() and part.holdout.any() for part in parts)


def test_lesson_06_a_time_ordered_file_is_sampled_over_its_whole_length() -> None:
    rows = rows_of(22_000)
    (part,) = assign(rows, decide("random", rows, 0, LIMIT))
    thirds = np.array_split(part.holdout, 3)
    assert min(third.mean() for third in thirds) > 0.18


def same(left: list[Part], right: list[Part]) -> bool:
    return all(
        (a.holdout == b.holdout).all() and (a.locked == b.locked).all()
        for a, b in zip(left, right, strict=True)
    )


def test_the_split_alone_repeats_the_assignment_and_another_seed_changes_it() -> None:
    for split, rows in every_kind(25_000) + every_kind(300):
        assert same(assign(rows, split), assign(rows, split))
        if split.kind != "time":
            assert not same(assign(rows, split), assign(rows, replace(split, seed=1)))


def test_lesson_04_final_folds_are_a_new_assignment() -> None:
    for split, rows in every_kind(300)[:3]:
        search, final = assign(rows, split), assign_final(rows, split)
        assert len(final) == 5
        assert sum(int(part.holdout.sum()) for part in final) == 300
        overlap = max(int((a.holdout & b.holdout).sum()) for a in search for b in final)
        assert overlap < 0.8 * 60


@pytest.mark.parametrize("usable", [0, 9])
def test_too_few_rows_are_not_split(usable: int) -> None:
    rows = Rows(np.arange(50) < usable, np.zeros(50, dtype=np.int64))
    split = decide("random", rows, 0, LIMIT)
    assert (split.kind, split.folds) == ("none", 0)
    assert split.why.startswith("no holdout")
    assert assign(rows, split) == []


def test_one_group_or_one_time_cannot_be_split() -> None:
    same_time = replace(rows_of(100), times=np.zeros(100))
    one_group = replace(rows_of(100), groups=np.zeros(100, dtype=np.int64))
    assert decide("time", same_time, 0, LIMIT, time_column="t").kind == "none"
    assert decide("group", one_group, 0, LIMIT, "g").kind == "none"


@pytest.mark.parametrize(
    "texts",
    [
        ["3", "", "10", "2.5"],
        ["2021-03-01", "", "2021-10-01", "2021-02-28"],
        ["2021-03-01 10:00:00", "", "2021-10-01", "2020-01-01"],
        ["c", "", "d", "b"],
    ],
)
def test_times_are_ordered_whatever_they_look_like(texts: list[str]) -> None:
    times = parse_times(pd.Series(texts, dtype=object))
    assert np.argsort(times).tolist() == [1, 3, 0, 2]
    assert times[1] == -np.inf


# ---------------------------------------------------------------- which kind


def test_classes_are_stratified_and_real_answers_are_not(tmp_path: Path) -> None:
    assert planned(numbers(tmp_path / "a")).kind == "stratified"
    assert planned(numbers(tmp_path / "b", value_kind="real")).kind == "random"


def test_answers_that_are_nearly_all_different_are_not_stratified(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", value_kind="label")
    train = pd.DataFrame(
        {"id": [f"a{i}" for i in range(50)], "x": "1", "target": [f"w{i}" for i in range(50)]}
    )
    test = pd.DataFrame({"id": ["b1", "b2"], "x": "1"})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "w1"}))
    split = planned(spec)
    assert (split.kind, split.holdout_rows) == ("random", 50)


def test_a_class_of_one_row_and_rows_without_answer_always_train(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", value_kind="label")
    labels = ["only", "", *["a", "b"] * 29]
    train = pd.DataFrame({"id": [f"a{i}" for i in range(60)], "x": "1", "target": labels})
    test = pd.DataFrame({"id": ["b1", "b2"], "x": "1"})
    save(spec, train, test, pd.DataFrame({"id": test["id"], "target": "a"}))
    split = planned(spec)
    assert (split.kind, split.holdout_rows) == ("stratified", 58)


def test_the_configuration_decides_kind_and_columns(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    assert planned(spec, split="random").kind == "random"
    group = planned(spec, group_column="note")
    assert (group.kind, group.group_column, group.folds) == ("group", "note", 5)
    assert planned(spec, time_column="id", split=None).kind == "time"
    assert planned(spec, split="none").folds == 0
    both = planned(spec, split="time", time_column="id", group_column="note")
    assert (both.kind, both.group_column) == ("time", None)


@pytest.mark.parametrize(
    "overrides",
    [
        {"split": "magic"},
        {"split": "group"},
        {"split": "time"},
        {"group_column": "nothing"},
        {"group_column": "note", "time_column": "id"},
    ],
)
def test_a_contradictory_configuration_is_refused(
    tmp_path: Path, overrides: dict[str, str]
) -> None:
    spec = numbers(tmp_path / "data")
    with pytest.raises(ConfigError):
        planned(spec, **overrides)


def test_groups_come_from_the_table(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    assert planned(spec, group_column="note").why == "5 group folds by note: 60 rows < 20000"
    assert table(spec, None, "train")["note"].nunique() > 5
