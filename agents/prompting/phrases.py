"""Short texts with places (prompts/phrases.toml), for values of the templates beside them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from utils.prompt_manager import render


class Phrases:
    """phrases(group, name, place=value, ...): the phrase of that name with its places filled."""

    def __init__(self, folder: Path) -> None:
        """folder: that of the templates. Raises FileNotFoundError where it has no phrases."""
        text = (folder / "phrases.toml").read_text(encoding="utf-8")
        self._phrases: dict[str, dict[str, str]] = tomllib.loads(text)

    def __call__(self, group: str, name: str, **values: str) -> str:
        """Raises KeyError for an unknown phrase, ValueError for values that it does not fit."""
        return render(self._phrases[group][name], values)
