"""What counts as read by a model."""

from __future__ import annotations

import pytest

from benchmark.measures.overlap import characters, open_share, overlap_table, stale


def test_the_texts_of_both_vendors_count_and_nothing_else() -> None:
    openai = {
        "model": "m",
        "messages": [{"role": "system", "content": "abc"}, {"role": "user", "content": "de"}],
    }
    anthropic = {
        "model": "m",
        "system": [{"type": "text", "text": "abc", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "de"}]}],
    }
    assert characters(openai) == characters(anthropic) == 5


def test_a_figure_beyond_its_target_says_so() -> None:
    good = {
        "vendor": "a",
        "steps": 9,
        "model_steps": 7,
        "first_request_s": 2.9,
        "utilisation": 0.8,
        "wall_s": 60.0,
    }
    good |= {
        "requests": 1.3,
        "prompt_tokens": 4000.0,
        "late_prompt_tokens": 100.0,
        "agent_peak_mb": 180.0,
    }
    worse = good | {"vendor": "b", "first_request_s": 3.96, "utilisation": 0.79}
    lines = overlap_table({"runs": [good, worse]}).splitlines()
    assert [line for line in lines if "missed" in line] == [
        "| process start to first request, s | 2.9 | 4.0 (missed) | <= 3 |",
        "| CPU seconds of candidates / (workers x wall) | 0.80 | 0.79 (missed) | >= 0.8 |",
    ]


def test_time_with_a_request_open_counts_once_and_ends_with_the_last_program() -> None:
    assert open_share([(0.0, 4.0), (2.0, 5.0), (8.0, 20.0)], 10.0) == pytest.approx(0.7)
    assert open_share([(3.0, 6.0)], 6.0) == 1.0


def test_a_parent_is_overtaken_between_the_request_and_the_end_of_its_program() -> None:
    settled = [
        (10.0, "s0000", True),
        (20.0, "s0001", True),
        (25.0, "x0000", True),
        (30.0, "s0002", False),
        (40.0, "s0003", True),
    ]
    asked = {"s0001": 12.0, "s0002": 15.0, "s0003": 26.0}
    # 1 took the lead itself; 2 was asked for before 1 and the extra did; 3 after both.
    assert stale(asked, asked, settled) == {"s0002"}


def test_an_earlier_agent_stands_beside_and_old_figures_have_fewer_lines() -> None:
    run = {
        "vendor": "openai",
        "steps": 9,
        "model_steps": 7,
        "first_request_s": 2.9,
        "utilisation": 0.8,
        "wall_s": 60.0,
        "requests": 1.3,
        "prompt_tokens": 4000.0,
        "late_prompt_tokens": 100.0,
        "agent_peak_mb": 180.0,
    }
    assert "overtaken" not in overlap_table({"runs": [run]})
    new = run | {"extras": 4, "stale": 2, "open_share": 0.9}
    earlier = run | {"extras": 0, "stale": 3, "open_share": 0.59}
    lines = overlap_table({"before": [earlier], "runs": [new]}).splitlines()
    assert lines[0] == "| | openai, before | openai | target |"
    assert "| wall time with a request open, share | 0.59 (missed) | 0.90 | >= 0.85 |" in lines
    assert "| steps whose parent was overtaken | 3 | 2 | |" in lines
