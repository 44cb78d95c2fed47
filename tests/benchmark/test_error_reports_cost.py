"""Reports on held-out errors are measured beside the scoring of the same rows."""

from __future__ import annotations

from dataclasses import asdict

from benchmark.measures.error_reports import METRICS, ReportCost, measure_reports, reports_table


def test_a_real_judge_is_timed() -> None:
    costs = list(measure_reports(rows=3000, columns=20, repeats=2))
    assert [cost.metric for cost in costs] == list(METRICS)
    for cost in costs:
        assert (cost.rows, cost.columns) == (3000, 20)
        assert min(cost.scoring_s, cost.first_s, cost.report_s) > 0


def test_the_table_says_what_misses_its_target() -> None:
    good = ReportCost("rmse", 1000, 5, 0.5, 0.9, 0.25)
    bad = ReportCost("roc_auc", 1000, 5, 0.5, 0.9, 1.25)
    lines = reports_table({"costs": [asdict(good), asdict(bad)]}).splitlines()
    assert lines[2] == "| rmse | 1000 x 5 | 0.50 | 0.90 | 0.25 | 0.50 | <= 2 |"
    assert lines[3] == "| roc_auc | 1000 x 5 | 0.50 | 0.90 | 1.25 | 2.50 (missed) | <= 2 |"
