"""What a run leaves for others: recorded reports are read and written again, and what cannot be read is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import get_args

import pytest

from core.contract import (
    EXIT_STATUS,
    LINE_VERSION,
    REPORT_VERSION,
    RunReport,
    RunStatus,
    StepRecord,
    TeamReport,
    parse_run,
    read_journal,
    read_run,
    read_team,
    step_of,
)
from core.journal.journal import read_lines
from core.records import Entry
from tests.house.source import ROOT
from utils.errors import DataError
from utils.json_records import to_json

# Written at commit 0b1b1bd.
LOGS = ROOT / "tests" / "recorded" / "runs_0b1b1bd" / "model" / "logs"


def recorded() -> dict[str, object]:
    found: dict[str, object] = json.loads((LOGS / "run.json").read_text())
    return found


# What reports say since those that are recorded were written.
NEW_IN_STEPS = {"extra": 0}
NEW_IN_NODES = {"hypothesis": "", "told_s": None, "extra": False, "change": "", "suspect": []}
NEW_IN_NODES |= {"p_parent": None, "unproven": False}


def test_recorded_reports_are_written_again_as_they_are() -> None:
    recorded = {
        name: json.loads((LOGS / name).read_text()) for name in ("run.json", "journal.json")
    }
    recorded["run.json"]["steps"] |= NEW_IN_STEPS
    for node in recorded["journal.json"]["nodes"]:
        node |= NEW_IN_NODES
    assert json.loads(read_run(LOGS / "run.json").text()) == recorded["run.json"]
    assert json.loads(read_journal(LOGS / "journal.json").text()) == recorded["journal.json"]
    assert read_team(LOGS / "team.json").text() == (LOGS / "team.json").read_text()


def test_lines_of_the_recorded_journal_are_its_nodes_without_code() -> None:
    lines, _ = read_lines(LOGS / "journal.jsonl")
    steps = [step_of(line) for line in lines if line["type"] == "step"]
    nodes = read_journal(LOGS / "journal.json").nodes
    assert steps == [dataclasses.replace(node, code="") for node in nodes]
    assert len(steps) == 5


def test_a_step_holds_what_an_entry_holds_and_its_code() -> None:
    names = [field.name for field in dataclasses.fields(StepRecord)]
    assert names == [*(field.name for field in dataclasses.fields(Entry)), "code"]


def test_fields_of_later_versions_are_skipped() -> None:
    report = recorded()
    report["colour"] = "blue"
    report["steps"]["skipped"] = 3  # type: ignore[index]
    assert parse_run(json.dumps(report)) == read_run(LOGS / "run.json")


def test_another_version_is_refused() -> None:
    text = json.dumps(recorded() | {"version": REPORT_VERSION + 1})
    with pytest.raises(
        DataError, match=r"r\.json is of version 2, and this program reads version 1"
    ):
        parse_run(text, "r.json")
    with pytest.raises(DataError, match="line 7 of the journal is of version 9"):
        step_of({"v": LINE_VERSION + 8, "seq": 7, "type": "step"})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}'])
def test_what_is_no_report_is_said(text: str) -> None:
    with pytest.raises(DataError, match=r"run\.json is damaged"):
        parse_run(text)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"best": []}, "missing"),
        ({"time": 3}, "int"),
        ({"steps": None}, "steps is null"),
        (
            {"time": {"elapsed_s": None, "limit_s": 1, "first_valid_s": None}},
            "time.elapsed_s is null",
        ),
    ],
)
def test_a_part_that_is_none_is_said(change: dict[str, object], why: str) -> None:
    with pytest.raises(DataError, match=f"run.json is damaged: .*{why}"):
        parse_run(json.dumps(recorded() | change))


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        read_run(tmp_path / "run.json")


def test_every_way_of_ending_has_an_exit_status() -> None:
    assert set(get_args(RunStatus)) - {"running"} <= EXIT_STATUS.keys()
    assert [EXIT_STATUS[name] for name in ("ok", "degraded", "baseline", "usage")] == [0, 0, 1, 2]


@pytest.mark.parametrize("record", [RunReport, TeamReport])
def test_the_page_names_every_field(record: type) -> None:
    page = (ROOT / "docs" / "run_json.md").read_text()
    for field in dataclasses.fields(record):
        assert f"`{field.name}`" in page, field.name


def test_numbers_without_a_value_are_null() -> None:
    report = read_run(LOGS / "run.json")
    unknown = dataclasses.replace(
        report, llm=dataclasses.replace(report.llm, cost_usd=float("nan"))
    )
    assert to_json(unknown)["llm"]["cost_usd"] is None
