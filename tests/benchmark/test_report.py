"""Tables in documents come from measurements, and say when a target is missed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmark.measures.runs import RunMeasure, utilisation
from benchmark.provenance import keep_figures
from benchmark.report import (
    BENCHMARKS,
    HOST_PAGE,
    README,
    RESULTS,
    host_results,
    results_table,
    sections,
    spread,
    with_sections,
    with_table,
)
from core.records import Outcome


def run(seed: int, private: float, best_draft: float) -> RunMeasure:
    return RunMeasure(
        seed,
        "ok",
        private,
        best_draft,
        best_draft,
        5,
        20,
        19,
        80,
        4.0,
        170.0,
        0.9,
        40.0,
        5.0,
        0.84,
        0.85,
        "mutate",
    )


def outcome(end: float, seconds: float, cpu: float) -> tuple[float, Outcome]:
    return end, Outcome(0, None, False, seconds, cpu, 0.0, None, "")


def keep(path: Path, *runs: RunMeasure) -> None:
    rows = [dataclasses.asdict(run) for run in runs]
    keep_figures(path, "command", {"reference": {"dummy": 0.5}, "runs": rows})


def test_the_readme_shows_what_the_results_say() -> None:
    assert (RESULTS / "churn.json").is_file()
    text = README.read_text(encoding="utf-8")
    assert with_table(text, results_table()) == text


def test_the_benchmarks_page_shows_what_the_results_say() -> None:
    text = BENCHMARKS.read_text(encoding="utf-8")
    assert with_sections(text) == text


def test_the_page_of_the_host_side_shows_what_the_results_say() -> None:
    text = HOST_PAGE.read_text(encoding="utf-8")
    assert with_table(text, host_results()) == text


def host_figure(name: str, value: float | None, met: bool | None, note: str) -> dict[str, object]:
    return {
        "name": name,
        "value": value,
        "unit": "s",
        "target": "<= 0.3",
        "met": met,
        "note": note,
        "busy_cores_before": 0.04,
    }


def test_a_figure_of_the_host_side_says_what_it_missed_and_why(tmp_path: Path) -> None:
    figures = [
        host_figure("start", 0.2504, True, "median of 10"),
        host_figure("end", 0.5, False, "the disk was slow"),
        host_figure("docker", None, None, "no daemon"),
    ]
    assert host_results(tmp_path) == "NOT RUN"
    keep_figures(tmp_path / "host.json", "measure", {"figures": figures, "commit": "abc, def"})
    table = host_results(tmp_path)
    assert "| start | 0.25 s | <= 0.3 | met | median of 10 |" in table
    assert (
        "| end | 0.5 s | <= 0.3 | **missed** | the disk was slow; others kept 0.0 cores busy |"
        in table
    )
    assert "| docker | NOT RUN | <= 0.3 | | no daemon |" in table
    assert "Before each measure began, others kept 0.0 cores busy at most." in table
    assert "Source: `measure` (commit abc, def)" in table


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    assert with_sections(BENCHMARKS.read_text(encoding="utf-8"), tmp_path).count(
        "\nNOT RUN\n"
    ) == len(sections())


def test_a_missed_target_is_called_missed(tmp_path: Path) -> None:
    runs = [run(0, 0.84, 0.85), run(1, 0.84, 0.85), run(2, 0.86, 0.85)]
    keep_figures(tmp_path / "replay.json", "replay", {"steps": 500, "seconds": 0.5})
    keep_figures(
        tmp_path / "faults.json", "faults", {"programs": [{"program": "sleeps", "over_s": [0.1]}]}
    )
    keep(tmp_path / "churn.json", *runs)
    assert "missed, 1 of 3 runs" in results_table(tmp_path)
    keep(tmp_path / "churn.json", run(0, 0.86, 0.85))
    assert "met, 1 of 1 runs" in results_table(tmp_path)
    kept = json.loads((tmp_path / "churn.json").read_text(encoding="utf-8"))
    assert kept["runs"][0]["private"] == 0.86
    assert kept["commit"]


def test_utilisation_is_cpu_over_workers_and_wall() -> None:
    outcomes = [outcome(12.0, 2.0, 2.0), outcome(20.0, 10.0, 8.0)]
    assert utilisation(2, outcomes) == pytest.approx(10.0 / (2 * 10.0))


def test_spread_is_median_and_range() -> None:
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 to 3.0)"
    assert spread([-0.5, 0.25], 2, sign=True) == "-0.12 (-0.50 to +0.25)"


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no results marks"):
        with_table("text", "table")
