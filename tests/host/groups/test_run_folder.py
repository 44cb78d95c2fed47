"""The folder of a group, read by the rules of mle-bench's make_submission and grade."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from swarm_host.groups import run_folder
from swarm_host.groups.run_folder import (
    REPORT_KEYS,
    grading_report,
    metadata,
    stamp,
    summary,
    write,
)
from swarm_host.records import Grade, UnitRow, Usage

from tests.host.made import a_group, a_result, a_unit

MEDALS = {
    "gold_threshold": 0.9,
    "silver_threshold": 0.8,
    "bronze_threshold": 0.7,
    "median_threshold": 0.5,
    "any_medal": True,
    "gold_medal": False,
    "silver_medal": True,
    "bronze_medal": False,
    "above_median": True,
    "is_lower_better": False,
}


def a_row(runs: Path, number: int, grade: Grade | None, **fields: Any) -> UnitRow:
    """A unit that has ended, with its submission where it was graded."""
    spec = a_unit(runs, number)
    folder = Path(spec.folder).with_name(f"toy-{number}_0000-{number}")
    (folder / "submission").mkdir(parents=True)
    if grade is not None:
        (folder / "submission" / "submission.csv").write_text("id,x\n")
    outcome = "ok" if grade and grade.valid else "no_submission"
    spec = dataclasses.replace(spec, folder=str(folder), competition=f"toy-{number}")
    result = a_result(spec.unit_id, grade=grade, outcome=outcome, finished=1_790_000_000.25)
    row = UnitRow(spec, "done", 1, None, None, False, None, result, 0.0)
    return dataclasses.replace(row, **fields)


def two_rows(runs: Path) -> list[UnitRow]:
    return [
        a_row(runs, 1, Grade(True, 0.85, False, report=MEDALS)),
        a_row(runs, 2, Grade(True, 0.25, True, report={"beats_references": True})),
    ]


def make_submission(folder: Path) -> list[dict[str, Any]]:
    """What mle-bench's make_submission reads of a run group, rule by rule."""
    found = []
    for run_id in json.loads((folder / "metadata.json").read_text())["runs"]:
        submission = folder / run_id / "submission/submission.csv"
        competition = run_id.split("_")[0]
        path = submission.as_posix() if submission.exists() else None
        found.append({"competition_id": competition, "submission_path": path})
    return found


def test_make_submission_reads_it(tmp_path: Path) -> None:
    rows = [*two_rows(tmp_path), a_row(tmp_path, 3, None)]
    write(a_group(tmp_path), rows)
    folder = Path(a_group(tmp_path).folder)
    lines = make_submission(folder)
    assert [line["competition_id"] for line in lines] == ["toy-1", "toy-2", "toy-3"]
    assert lines[2]["submission_path"] is None
    for line in lines[:2]:
        # What `grade` takes for a submission.
        path = Path(line["submission_path"])
        assert path.is_file()
        assert path.suffix == ".csv"


def test_metadata_has_the_keys_and_times_of_mle_bench(tmp_path: Path) -> None:
    group = a_group(tmp_path, created=1_790_000_000.0)
    found = metadata(group, two_rows(tmp_path))
    assert list(found) == ["run_group", "created_at", "runs"]
    assert found["created_at"] == stamp(1_790_000_000.0) == "2026-09-21T14-13-20-GMT"
    assert [run["success"] for run in found["runs"].values()] == [True, True]


def test_a_run_that_has_not_ended_is_there_and_no_success(tmp_path: Path) -> None:
    queued = a_row(tmp_path, 1, None, state="queued", result=None)
    (run,) = metadata(a_group(tmp_path), [queued])["runs"].values()
    assert (run["success"], run["state"], run["outcome"]) == (False, "queued", None)
    assert grading_report([queued])["total_runs"] == 0


def test_a_report_has_all_keys_in_the_types_of_mle_bench(tmp_path: Path) -> None:
    report = grading_report(two_rows(tmp_path))["competition_reports"][0]
    assert list(report)[: len(REPORT_KEYS)] == list(REPORT_KEYS)
    for key in REPORT_KEYS:
        if key.endswith("_medal") or key in ("above_median", "valid_submission"):
            assert isinstance(report[key], bool), key
        elif key.endswith("_threshold") or key == "score":
            assert isinstance(report[key], float), key
    assert datetime.fromisoformat(report["created_at"]).year == 2026


def test_without_a_leaderboard_a_medal_is_null(tmp_path: Path) -> None:
    rows = two_rows(tmp_path)
    report = grading_report(rows)
    with_board, without = report["competition_reports"]
    assert (with_board["silver_medal"], with_board["beats_references"]) == (True, None)
    assert (without["any_medal"], without["gold_threshold"]) == (None, None)
    assert (without["beats_references"], without["is_lower_better"]) == (True, True)
    assert (report["total_medals"], report["total_silver_medals"]) == (1, 1)
    assert grading_report(rows[1:])["total_medals"] is None


def test_no_submission_gets_no_medal_where_there_is_a_leaderboard(tmp_path: Path) -> None:
    """As mle-bench reports it: thresholds are those of the competition."""
    with_board, without = two_rows(tmp_path)
    nothing = a_row(tmp_path, 3, None)
    for row, gold, medal in ((with_board, 0.9, False), (without, None, None)):
        spec = dataclasses.replace(nothing.spec, competition=row.spec.competition)
        rows = [row, dataclasses.replace(nothing, spec=spec)]
        report = grading_report(rows)["competition_reports"][1]
        assert (report["gold_threshold"], report["any_medal"]) == (gold, medal)
        assert (report["score"], report["submission_path"]) == (None, None)


def test_what_an_earlier_attempt_left_is_no_submission_of_one_cancelled_in_the_queue(
    tmp_path: Path,
) -> None:
    graded = a_row(tmp_path, 1, Grade(True, 0.85, False, report=MEDALS))
    row = dataclasses.replace(graded, state="cancelled", result=None)
    report = grading_report([row])
    (one,) = report["competition_reports"]
    assert (one["submission_path"], one["submission_exists"]) == (None, False)
    assert report["total_runs_with_submissions"] == 0


def test_totals_count_what_is_there(tmp_path: Path) -> None:
    rows = [
        *two_rows(tmp_path),
        a_row(tmp_path, 3, None),
        a_row(tmp_path, 4, Grade(False, None, True, "no")),
    ]
    report = grading_report(rows)
    assert report["total_runs"] == 4
    assert report["total_runs_with_submissions"] == 3
    assert report["total_valid_submissions"] == 2


@pytest.mark.parametrize(
    ("grade", "beats"),
    [
        (Grade(True, 0.1, True, passed=True), True),
        (Grade(True, 0.1, True), None),
        (Grade(False, None, True, report={"beats_references": True}), None),
        (Grade(True, 0.1, True, report={"beats_references": "yes"}), None),
        (
            Grade(True, 0.1, True, passed=False, report={"beats_references": {"a": 1, "b": False}}),
            {"a": True, "b": False},
        ),
        (Grade(True, 0.1, True, passed=True, report={"any_medal": True}), None),
    ],
)
def test_better_than_the_references(
    tmp_path: Path, grade: Grade, beats: bool | dict[str, bool] | None
) -> None:
    assert run_folder.report(a_row(tmp_path, 1, grade))["beats_references"] == beats


def test_a_summary_tells_of_every_unit(tmp_path: Path) -> None:
    cancelled = a_row(tmp_path, 3, None, state="cancelled", result=None)
    running = a_row(tmp_path, 4, None, state="running", result=None)
    found = summary(a_group(tmp_path), [*two_rows(tmp_path), cancelled, running])
    assert found["status"] == "running"
    assert found["states"] == {"done": 2, "cancelled": 1, "running": 1}
    assert found["outcomes"] == {"ok": 2, "cancelled": 1}
    assert [unit["score"] for unit in found["units"]] == [0.85, 0.25, None, None]


def test_usage_is_a_sum_of_what_is_known(tmp_path: Path) -> None:
    rows = two_rows(tmp_path)
    assert rows[0].result is not None
    told = dataclasses.replace(rows[0].result, usage=Usage(2.0, 1.5))
    silent = dataclasses.replace(rows[0].result, usage=Usage(3.0))
    rows = [dataclasses.replace(rows[0], result=result) for result in (told, silent)]
    assert run_folder.used(rows) == {"seconds": 5.0, "usd": 1.5, "tokens": None, "requests": None}


def test_a_score_that_is_no_number_is_null_in_files(tmp_path: Path) -> None:
    row = a_row(tmp_path, 1, Grade(True, float("nan"), True, report={"x": float("inf")}))
    write(a_group(tmp_path), [row])
    text = (Path(a_group(tmp_path).folder) / "grading_report.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["competition_reports"][0]["score"] is None
