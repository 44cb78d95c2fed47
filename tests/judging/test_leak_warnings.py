"""Lesson 5: the adversarial checks warn about leaks, and are silent on ordinary data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.judging.leaks import leak_warnings
from tests.judging.arena import make_spec

Warn = Callable[..., list[str]]
ROWS = 1200


@pytest.fixture
def warn(tmp_path: Path) -> Warn:
    """Warnings for a train table (ordinary columns, changed by `train`) and a test table (changed
    by `test`).
    """

    def run(
        metric: str = "roc_auc", train: Any = None, test: Any = None, **fields: Any
    ) -> list[str]:
        rng = np.random.default_rng(0)
        frames = [ordinary(rng, ROWS, 0), ordinary(rng, 400, ROWS).drop(columns="target")]
        if metric == "rmse":
            frames[0]["target"] = frames[0]["signal"] * 3 + rng.normal(size=ROWS)
        for frame, change, name in zip(
            frames, (train, test), ("train.csv", "test.csv"), strict=True
        ):
            if change is not None:
                change(frame, rng)
            frame.to_csv(tmp_path / name, index=False)
        return leak_warnings(make_spec(metric, tmp_path, **fields))

    return run


def ordinary(rng: np.random.Generator, rows: int, first_id: int) -> pd.DataFrame:
    signal = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "id": [f"r{first_id + number}" for number in range(rows)],
            "signal": signal,
            "kind": rng.choice(["x", "y", "z"], rows),
            "gaps": np.where(rng.random(rows) < 0.3, np.nan, rng.normal(size=rows)),
            "target": (signal + rng.normal(size=rows) > 0).astype(int),
        }
    )


def setter(**columns: Callable[[pd.DataFrame, np.random.Generator], Any]) -> Callable[..., None]:
    def change(frame: pd.DataFrame, rng: np.random.Generator) -> None:
        for name, make in columns.items():
            frame[name] = make(frame, rng)

    return change


@pytest.mark.parametrize("metric", ["roc_auc", "rmse"])
def test_ordinary_data_gives_no_warning(warn: Warn, metric: str) -> None:
    assert warn(metric) == []


def test_lesson_5_a_column_that_only_train_has(warn: Warn) -> None:
    found = warn(train=setter(outcome_note=lambda frame, rng: rng.integers(0, 9, len(frame))))
    assert found == ["train columns that test lacks: outcome_note"]


def test_lesson_5_a_column_filled_for_positives_only_and_empty_in_test(warn: Warn) -> None:
    found = warn(
        train=setter(
            reply=lambda frame, rng: np.where(
                frame["target"] == 1, rng.integers(0, 500, len(frame)), np.nan
            )
        ),
        test=setter(reply=lambda frame, rng: ""),
    )
    assert found == [
        "columns that are empty or constant in test and vary in train: reply",
        "whether a column is filled nearly gives the answer: reply",
    ]


def almost(frame: pd.DataFrame, rng: np.random.Generator) -> Any:
    return frame["target"] * 10 + rng.random(len(frame))


def test_lesson_5_a_near_perfect_number(warn: Warn) -> None:
    assert "a single column nearly gives the answer: almost" in warn(
        train=setter(almost=almost), test=setter(almost=lambda frame, rng: rng.random(len(frame)))
    )


def test_lesson_5_a_near_perfect_word(warn: Warn) -> None:
    found = warn(
        train=setter(word=lambda frame, rng: np.where(frame["target"] == 1, "won", "lost")),
        test=setter(word=lambda frame, rng: rng.choice(["won", "lost"], len(frame))),
    )
    assert found == ["a single column nearly gives the answer: word"]


def test_lesson_5_a_number_that_is_the_target_on_another_scale(warn: Warn) -> None:
    found = warn(
        "rmse",
        train=setter(log_target=lambda frame, rng: np.exp(frame["target"])),
        test=setter(log_target=lambda frame, rng: rng.random(len(frame))),
    )
    assert found == ["a single column nearly gives the answer: log_target"]


def test_lesson_5_ids_in_both_tables(warn: Warn) -> None:
    found = warn(test=setter(id=lambda frame, rng: [f"r{number}" for number in range(len(frame))]))
    assert found == ["400 ids occur in train and in test"]


@pytest.mark.parametrize("dates", [True, False])
def test_lesson_5_overlapping_times(warn: Warn, dates: bool) -> None:
    def times(first: int) -> Callable[..., Any]:
        def make(frame: pd.DataFrame, rng: np.random.Generator) -> Sequence[Any]:
            days = pd.date_range("2020-01-01", periods=3000)[first : first + len(frame)]
            return days.strftime("%Y-%m-%d") if dates else np.arange(first, first + len(frame))

        return make

    late = warn(train=setter(day=times(0)), test=setter(day=times(ROWS)), time_column="day")
    early = warn(train=setter(day=times(0)), test=setter(day=times(ROWS - 5)), time_column="day")
    assert late == []
    assert early == ["test begins before train ends by 'day': the future of test rows is in train"]


def test_lesson_5_ids_and_row_order_that_follow_the_answer(warn: Warn) -> None:
    def order(frame: pd.DataFrame, rng: np.random.Generator) -> None:
        frame[:] = frame.sort_values("target", kind="stable").to_numpy(dtype=object)

    def numbered(frame: pd.DataFrame, rng: np.random.Generator) -> None:
        order(frame, rng)
        frame["id"] = np.arange(len(frame))

    assert warn(train=order)[0].startswith("the row order of train correlates with the answer (0.8")
    assert warn(train=numbered)[0].startswith("the id 'id' correlates with the answer (0.8")


def test_rows_without_a_label_are_left_out(warn: Warn) -> None:
    """An empty label has no class code and no value."""

    def some_empty(frame: pd.DataFrame, rng: np.random.Generator) -> Sequence[Any]:
        return np.where(np.arange(len(frame)) % 7 == 0, "", frame["target"].astype(int).astype(str))

    assert warn(train=setter(target=some_empty)) == []


def test_no_train_table_no_warnings() -> None:
    assert leak_warnings(make_spec("rmse", train=None)) == []


def test_quick_on_a_large_table(tmp_path: Path) -> None:
    """50,000 x 100, read and checked within seconds on one busy core."""
    rng = np.random.default_rng(1)
    for name, rows in (("train.csv", 50_000), ("test.csv", 2000)):
        frame = pd.DataFrame(
            rng.integers(0, 1000, (rows, 100)), columns=[f"x{number}" for number in range(100)]
        )
        if name == "train.csv":
            frame["target"] = rng.integers(0, 2, rows)
        frame.insert(0, "id", [f"{name[:2]}{number}" for number in range(rows)])
        frame.to_csv(tmp_path / name, index=False)
    started = time.monotonic()
    assert leak_warnings(make_spec("roc_auc", tmp_path)) == []
    print(f"leaks {time.monotonic() - started:.2f} s")
    assert time.monotonic() - started < 15
