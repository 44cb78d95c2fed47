"""What a preview says of rows that follow each other in time, on folders on disk."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.look.columns import Course, column_facts
from core.task.preview_text import preview_text
from core.task.recognise.spec import inspect_competition
from utils.rhythm import autocorrelation, grid_of, means_on, season_lags

HALF_HOURS = 5 * 336


def spec_of(root: Path, metric: str = "rmse") -> CompetitionSpec:
    return inspect_competition(root, "", Hints.of(metric=metric))


def write(root: Path, frame: pd.DataFrame, train: int | np.ndarray, target: str = "y") -> Path:
    """train: how many rows, or which."""
    root.mkdir(parents=True, exist_ok=True)
    if isinstance(train, int):
        train = np.arange(len(frame)) < train
    frame[train].to_csv(root / "train.csv", index=False)
    frame[~train].drop(columns=target).to_csv(root / "test.csv", index=False)
    frame[~train][["id"]].assign(**{target: 0}).to_csv(root / "sample_submission.csv", index=False)
    return root


def demand(count: int = HALF_HOURS) -> np.ndarray:
    """A wave of 48 steps, lower on two days of seven, with noise."""
    steps = np.arange(count)
    waves = 800 * np.sin(2 * np.pi * steps / 48)
    return (5000 + waves - 600 * ((steps // 48) % 7 >= 5)).round(2) + np.random.default_rng(
        0
    ).normal(0, 20, count).round(2)


def lines_of(spec: CompetitionSpec) -> str:
    return "\n".join(look(spec).series)


def test_an_index_tells_its_lags_and_its_horizon(tmp_path: Path) -> None:
    count = HALF_HOURS
    frame = pd.DataFrame({"id": range(1, count + 1), "half_hour": range(count), "y": demand()})
    preview = look(spec_of(write(tmp_path, frame, count - 200)))
    said = "\n".join(preview.series)
    last = count - 201
    assert (
        f"half_hour: train 0 .. {last}; test {last + 1} .. {count - 1}: all of test is later"
        in said
    )
    assert f"one row per step of 1; {count - 200:,} steps, none missing" in said
    assert "test ends 200 steps after train" in said
    assert " at 48, " in said
    assert " at 336" in said
    assert "mean answer by step modulo 48, in 24 equal parts: " in said
    assert "mean answer by step modulo 336, in 7 equal parts: " in said
    assert "mean answer by tenths of time: " in said
    # The index is time, and no drift.
    assert preview.train is not None
    assert [facts.drift for facts in preview.train.columns if facts.name == "half_hour"] == [""]
    text = preview_text(preview, 4000)
    assert "e+0" not in text
    assert len(text) <= 4000


def test_dates_tell_hours_weekdays_and_missing_steps(tmp_path: Path) -> None:
    stamps = pd.date_range("2014-01-01", periods=HALF_HOURS, freq="30min")
    frame = pd.DataFrame({"id": range(HALF_HOURS), "at": stamps.astype(str), "y": demand()})
    frame = frame.drop(index=range(100, 110)).reset_index(drop=True)
    said = lines_of(spec_of(write(tmp_path, frame, len(frame) - 100)))
    assert "per step of 30 minutes" in said
    assert "10 of them without a row" in said
    assert "at 48 (1 day)" in said
    assert "at 336 (1 week)" in said
    assert said.count(" by hour 0 .. 23: ") == 1
    weekdays = said.split(" by weekday Mon .. Sun: ")[1].split("\n")[0].split()
    values = [float(value) for value in weekdays]
    # 2014-01-01 was a Wednesday: the two low days are Monday and Tuesday.
    assert max(values[:2]) < min(values[2:])


def test_several_series_are_told_apart_by_a_column(tmp_path: Path) -> None:
    days = pd.date_range("2015-01-01", periods=120).strftime("%Y-%m-%d")
    rng = np.random.default_rng(1)
    rows = [(day, store, 10 * store + i % 7) for i, day in enumerate(days) for store in range(8)]
    frame = pd.DataFrame(rows, columns=["day", "store", "y"]).assign(promo=rng.integers(0, 2, 960))
    frame.insert(0, "id", range(len(frame)))
    said = lines_of(spec_of(write(tmp_path, frame, 800)))
    assert "8 rows per step of 1 day; 100 steps, none missing" in said
    assert "8 series, one per `store`, of 100 .. 100 rows" in said
    assert "1.00 at 7 (1 week)" in said


def test_months_are_steps(tmp_path: Path) -> None:
    months = pd.date_range("1990-01-01", periods=200, freq="MS").strftime("%Y-%m-%d")
    wave = np.sin(np.arange(200) / 12 * 2 * np.pi).round(4)
    frame = pd.DataFrame({"id": range(200), "month": months, "y": wave})
    said = lines_of(spec_of(write(tmp_path, frame, 170)))
    assert "one row per step of 1 month; 170 steps, none missing; test ends 30 steps" in said
    assert " at 12" in said
    assert "weekday" not in said


def test_a_test_between_the_rows_of_train_is_told(tmp_path: Path) -> None:
    stamps = pd.date_range("2011-01-01", periods=1872, freq="h")
    frame = pd.DataFrame({"id": range(1872), "at": stamps.astype(str), "y": demand(1872)})
    said = lines_of(spec_of(write(tmp_path, frame, np.asarray(stamps.day <= 19))))
    assert "test lies within train's time, 0 % of test at moments that train has too" in said


def test_shares_of_a_class_follow_calendar_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"id": range(600), "hour": rng.integers(0, 24, 600), "x": rng.normal(size=600)}
    )
    frame["y"] = (frame["hour"] >= 12).astype(int)
    said = lines_of(spec_of(write(tmp_path, frame, 400), "roc_auc"))
    assert said == "share of 1 by hour 0 .. 23: " + " ".join(["0.00"] * 12 + ["1.00"] * 12)


def test_rows_without_an_order_have_no_series(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    # Like dates at a glance: three numbers with points.
    uids = [f"1.2.{a}.0.{b}" for a, b in rng.integers(100, 999, (300, 2))]
    frame = pd.DataFrame(
        {"id": range(300), "uid": uids, "a": rng.normal(size=300), "y": rng.normal(size=300)}
    )
    preview = look(spec_of(write(tmp_path, frame, 200)))
    assert preview.series == ()
    assert preview.train is not None
    assert {facts.kind for facts in preview.train.columns} == {"identifier", "number"}


def test_what_grows_with_time_is_no_drift() -> None:
    moments = np.arange(500.0)
    train = pd.Series([str(1000 + i // 3) for i in range(500)], dtype=object)
    test = pd.Series([str(1170 + i // 3) for i in range(300)], dtype=object)
    assert "test differs" in column_facts("week", train, test).drift
    facts = column_facts("week", train, test, course=Course("day", moments))
    assert facts.drift == ""
    assert facts.summary == "1000 .. 1166, median 1083, follows day; test 1170 .. 1269"
    # What differs for another reason is still flagged.
    noise = pd.Series(np.random.default_rng(0).normal(size=500).round(3).astype(str), dtype=object)
    moved = pd.Series(np.random.default_rng(1).normal(3, 1, 300).round(3).astype(str), dtype=object)
    assert "test differs" in column_facts("x", noise, moved, course=Course("day", moments)).drift


def test_gaps_count_as_nothing_in_the_autocorrelation() -> None:
    steps = np.arange(600.0)
    wave = np.sin(2 * np.pi * steps / 24)
    there = np.random.default_rng(4).random(600) < 0.7
    grid = grid_of(np.where(there, steps, np.nan), dates=False)
    assert grid is not None
    correlation = autocorrelation(means_on(grid, wave))
    assert season_lags(correlation) == [24]
    assert correlation[24] > 0.95
    assert correlation[12] < -0.9


def test_noise_has_no_season_and_no_regular_step() -> None:
    rng = np.random.default_rng(5)
    assert season_lags(autocorrelation(rng.normal(size=3000))) == []
    assert grid_of(rng.exponential(size=500).cumsum(), dates=False) is None
    assert len(autocorrelation(np.ones(100))) == 0


def test_a_look_at_half_a_million_rows_stays_quick(tmp_path: Path) -> None:
    rows = 500_000
    stamps = pd.date_range("2020-01-01", periods=rows, freq="min").astype(str)
    frame = pd.DataFrame({"id": range(rows), "at": stamps, "x": np.arange(rows) % 97})
    frame["y"] = np.sin(np.arange(rows) / 1440 * 2 * np.pi).round(4)
    spec = spec_of(write(tmp_path, frame, 400_000))
    before = resource.getrusage(resource.RUSAGE_SELF)
    preview = look(spec)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert "400,000 steps, none missing" in "\n".join(preview.series)
    assert "at 1440 (1 day)" in "\n".join(preview.series)
    # The whole look, of which about one second is as old as the preview. CPU time.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 5
