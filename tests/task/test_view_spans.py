"""What a search view holds out, in words that are true of its answers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd

from core.records import View
from core.task.folder.times import Times
from tests.task.view_cases import answers, built, numbers, save, search_views, spec_of, table
from utils.json_records import from_json, to_json


def dated(folder: Path, step: str) -> object:
    """240 rows at this distance, the last 60 to predict."""
    stamps = pd.date_range("2014-01-01", periods=240, freq=step).strftime("%Y-%m-%d %H:%M:%S")
    frame = pd.DataFrame({"id": range(240), "at": stamps, "target": [i % 7 for i in range(240)]})
    frame = frame.astype(str)
    spec = spec_of(folder, value_kind="real", feature_columns=("at",))
    test = frame.iloc[180:].drop(columns="target")
    save(spec, frame.iloc[:180], test, test[["id"]].assign(target="0"))
    return spec


def test_windows_of_time_say_from_when_to_when(tmp_path: Path) -> None:
    spec = dated(tmp_path / "data", "30min")
    views = built(spec, tmp_path / "ws", time_column="at")  # type: ignore[arg-type]
    stamps = table(spec, None, "train").set_index("id")["at"]  # type: ignore[arg-type]
    for view in search_views(views):
        found = answers(view)
        held = stamps.loc[found["ids"][found["part"] == "holdout", 0]]
        first, last = str(held.min())[:16], str(held.max())[:16]
        # 60 rows are asked for, of 180: windows as long as half of the rows allow.
        said = f"{first} .. {last} (14.5 hours), {view.rows_holdout} rows"
        if view.name == "search2":
            said += ", 67 % of those in this span"
            assert (found["part"] == "locked").sum() == 10
        assert view.span == said
    assert len({view.span for view in search_views(views)}) > 1
    assert views["full"].span == "2014-01-04 18:00 .. 2014-01-05 23:30 (29.5 hours), 60 rows"
    assert views["probe"].span == ""


def test_days_are_written_without_a_time_and_numbers_with_their_column(tmp_path: Path) -> None:
    days = built(dated(tmp_path / "a", "1D"), tmp_path / "ws", time_column="at")  # type: ignore[arg-type]
    assert re.fullmatch(
        r"2014-\d\d-\d\d \.\. 2014-\d\d-\d\d \([\d.]+ days\), \d+ rows", search_views(days)[0].span
    )
    spec = numbers(tmp_path / "b")
    counted = built(spec, tmp_path / "ws2", time_column="size")
    assert re.fullmatch(r"size [-\d.]+ \.\. [-\d.]+, \d+ rows", search_views(counted)[0].span)


def test_the_last_window_ends_at_the_last_train_row(tmp_path: Path) -> None:
    spec = dated(tmp_path / "data", "1D")
    last = search_views(built(spec, tmp_path / "ws", time_column="at"))[-1]  # type: ignore[arg-type]
    stamps = table(spec, None, "train")["at"]  # type: ignore[arg-type]
    assert last.span.startswith(f"2014-05-31 .. {str(stamps.max())[:10]} (29.0 days)")


def test_groups_are_counted(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    notes = table(spec, None, "train").set_index("id")["note"]
    for view in search_views(built(spec, tmp_path / "ws", group_column="note")):
        held = notes.loc[answers(view)["ids"][:, 0]]
        assert view.span == f"{held.nunique()} groups of note, {len(held)} rows"


def test_random_folds_say_their_rows(tmp_path: Path) -> None:
    views = built(numbers(tmp_path / "data"), tmp_path / "ws")
    assert {view.span for view in search_views(views)} == {"12 rows"}
    assert views["full"].span == "30 rows"


def test_a_view_of_an_old_journal_has_no_span(tmp_path: Path) -> None:
    view = built(numbers(tmp_path / "data"), tmp_path / "ws")["search0"]
    old = {key: value for key, value in to_json(view).items() if key != "span"}
    assert from_json(View, old) == dataclasses.replace(view, span="")
    assert from_json(View, to_json(view)) == view


def test_times_are_told_from_ranks_and_numbers() -> None:
    dates = Times.of(pd.Series(["2020-03-01", "", "2019-12-31"], dtype=object))
    assert (dates.dates, dates.span()) == (True, "2019-12-31 .. 2020-03-01")
    index = Times.of(pd.Series(["15417", "15418", "0"], dtype=object))
    assert (index.dates, index.span()) == (False, "0 .. 15418")
    words = Times.of(pd.Series(["week b", "week a"], dtype=object))
    assert (words.dates, words.span()) == (False, "week a .. week b")
    assert Times.of(pd.Series([""], dtype=object)).span() == ""
