"""What counts as read by a model."""

from __future__ import annotations

from benchmark.measures.overlap import characters, overlap_table


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
