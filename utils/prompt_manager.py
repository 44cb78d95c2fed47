"""Prompts are files: `{{ name }}` stands for a value. Strict: a missing, surplus or misspelt name
is an error.
"""

from __future__ import annotations

import re
from pathlib import Path

_PLACE = re.compile(r"\{\{\s*([a-z_][a-z0-9_]*)\s*\}\}")
_STRAY = re.compile(r"\{\{[^{}\n]*\}\}")


def variables(template: str) -> frozenset[str]:
    """The names that a template wants. Raises ValueError for a place whose name cannot be one."""
    for stray in _STRAY.findall(template):
        if not _PLACE.fullmatch(stray):
            raise ValueError(f"malformed place {stray!r}")
    return frozenset(_PLACE.findall(template))


def render(template: str, values: dict[str, str]) -> str:
    """The template with every place filled once; places inside values are left alone.

    Raises ValueError unless `values` has exactly the names that the template wants.
    """
    wanted = variables(template)
    if missing := sorted(wanted - values.keys()):
        raise ValueError(f"no value for {', '.join(missing)}")
    if surplus := sorted(values.keys() - wanted):
        raise ValueError(f"the template does not use {', '.join(surplus)}")
    return _PLACE.sub(lambda match: values[match.group(1)], template)


class PromptManager:
    """The templates `<folder>/<name>.md`, read when first used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in self._folder.glob("*.md")))

    def places(self, name: str) -> frozenset[str]:
        """The values that the named template wants. Raises as `render` does."""
        try:
            return variables(self._template(name))
        except ValueError as error:
            raise ValueError(f"prompt {name}: {error}") from error

    def render(self, name: str, **values: str) -> str:
        """The named template, filled strictly. Raises FileNotFoundError for an unknown name,
        ValueError as `render`.
        """
        try:
            return render(self._template(name), values)
        except ValueError as error:
            raise ValueError(f"prompt {name}: {error}") from error

    def _template(self, name: str) -> str:
        if name not in self._read:
            self._read[name] = (self._folder / f"{name}.md").read_text(encoding="utf-8")
        return self._read[name]
