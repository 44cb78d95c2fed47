"""Which model has the second role on the command line: the one that the user names."""

from __future__ import annotations

import pytest

from main import configured, parse


def feedback(*words: str) -> str | None:
    return configured(parse(words)).llm.feedback.model


@pytest.mark.parametrize(
    ("words", "environ", "model"),
    [
        ([], None, "glm-4.6"),
        ([], "gpt-4o", "gpt-4o"),
        (["llm.code.model=mine"], "gpt-4o", "mine"),
        (["llm.feedback.model=small"], "gpt-4o", "small"),
        (["llm.feedback.base_url=http://127.0.0.1:1/v1"], "gpt-4o", "glm-4.6"),
    ],
)
def test_the_feedback_model_follows_the_one_that_is_named(
    words: list[str], environ: str | None, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLM_MODEL", raising=False)
    if environ is not None:
        monkeypatch.setenv("LLM_MODEL", environ)
    assert feedback(*words) == model
