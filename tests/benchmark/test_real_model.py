"""What a run with a model is measured by."""

from __future__ import annotations

from pathlib import Path

from benchmark.measures.real_model import best, briefs, is_over, ran
from core.doubles import entry
from core.events import LlmCall
from core.records import Best
from tests.benchmark.made_up import leave_report, run_report


def test_the_best_is_complete_where_any_is() -> None:
    cut, whole, failed = entry("s1", 0.9, complete=False), entry("s2", 0.7), entry("s3", None)
    assert best([cut, whole, failed], "maximize") == 0.7
    assert best([cut, failed], "maximize") == 0.9
    assert best([failed], "maximize") is None


def test_a_program_ran_when_one_execution_ended_by_itself() -> None:
    assert ran(entry("s1", 0.9))
    assert not ran(entry("s2", None))


def test_several_calls_for_one_step_are_one_brief() -> None:
    calls = [
        LlmCall("code", "m", True, 1.0, 9, 0, 9, None, purpose)
        for purpose in ("s0002 draft", "s0002 repair", "s0003 draft", "")
    ]
    assert briefs(calls) == {"s0002", "s0003"}


def test_a_run_is_over_with_its_final_pick(tmp_path: Path) -> None:
    assert not is_over(tmp_path)
    for pick in (None, 0.8):
        best = Best("s0001", "draft", 0.7, 0.01, "holdout", pick)
        leave_report(tmp_path, run_report(tmp_path, best=best))
        assert is_over(tmp_path) == (pick is not None)
