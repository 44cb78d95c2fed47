"""What counts as read by a model."""

from __future__ import annotations

from benchmark.overlap import characters


def test_the_texts_of_both_vendors_count_and_nothing_else() -> None:
    openai = {"model": "m", "messages": [{"role": "system", "content": "abc"}, {"role": "user", "content": "de"}]}
    anthropic = {
        "model": "m",
        "system": [{"type": "text", "text": "abc", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "de"}]}],
    }
    assert characters(openai) == characters(anthropic) == 5
