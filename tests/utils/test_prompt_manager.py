"""utils/prompt_manager.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.prompt_manager import PromptManager, render, variables


def test_places_are_filled_once() -> None:
    assert variables("{{ a }} {{b}} {{ a }} {c} ${d}") == {"a", "b"}
    assert render("{{ a }}-{{b}} {c}", {"a": "{{ b }}", "b": "$x"}) == "{{ b }}-$x {c}"


@pytest.mark.parametrize(
    ("template", "values", "said"),
    [
        ("{{ a }} {{ b }}", {"a": "1"}, "no value for b"),
        ("{{ a }}", {"a": "1", "c": "2"}, "does not use c"),
        ("{{ A b }}", {}, "malformed place"),
    ],
)
def test_templates_are_strict(template: str, values: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        render(template, values)


def test_prompts_are_files(tmp_path: Path) -> None:
    (tmp_path / "draft.md").write_text("Solve {{ task }}.")
    prompts = PromptManager(tmp_path)
    assert prompts.names() == ("draft",)
    assert prompts.render("draft", task="it") == "Solve it."
    with pytest.raises(ValueError, match="prompt draft: no value for task"):
        prompts.render("draft")
    with pytest.raises(FileNotFoundError):
        prompts.render("drft", task="it")
