"""A mapping of a file whose keys are taken one by one: what nobody took is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from swarm_host.errors import SpecError
from swarm_host.spec.values import entries
from swarm_host.words.names import nearest
from swarm_host.words.yaml_lines import Field, wrong

T = TypeVar("T")
D = TypeVar("D")


class Section:
    """Collects problems instead of stopping at the first one, so that a user mends a file once."""

    def __init__(self, field: Field, problems: list[str]) -> None:
        self.field = field
        self._problems = problems
        self._known: set[str] = set()
        try:
            self._fields = entries(field)
        except SpecError as error:
            problems.append(str(error))
            self._fields = {}

    def has(self, key: str) -> bool:
        """Whether the file gives a value. An empty one is none."""
        return key in self._fields and self._fields[key].value is not None

    def take(self, key: str, convert: Callable[[Field], T], default: D) -> T | D:
        """The value, or the default where there is none or it is wrong."""
        self._known.add(key)
        if not self.has(key):
            return default
        try:
            return convert(self._fields[key])
        except SpecError as error:
            self._problems.append(str(error))
            return default

    def take_null(self, key: str, convert: Callable[[Field], T], default: D) -> T | D | None:
        """As take, where an empty value means something: None."""
        if key in self._fields and self._fields[key].value is None:
            self._known.add(key)
            return None
        return self.take(key, convert, default)

    def section(self, key: str) -> Section | None:
        self._known.add(key)
        return Section(self._fields[key], self._problems) if self.has(key) else None

    def refuse(self, key: str, message: str) -> None:
        """A key that is known and not allowed here."""
        self._known.add(key)
        if self.has(key):
            self._problems.append(str(wrong(self._fields[key], message)))

    def need(self, key: str, why: str) -> None:
        if not self.has(key):
            self._problems.append(str(wrong(self.field, f"{key} is missing: {why}")))

    def close(self) -> None:
        """Tells of every key that nobody took."""
        for key, field in self._fields.items():
            if key not in self._known:
                known = ", ".join(sorted(self._known))
                near = nearest(key, self._known) or f"; known: {known}"
                self._problems.append(str(wrong(field, f"unknown key{near}")))
