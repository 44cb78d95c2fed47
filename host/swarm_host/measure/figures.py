"""Figures, what is promised of each, and whether the promise is kept. Pure."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}


class NotRun(Exception):
    """This machine lacks what a measure needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One figure of a measure, and the bound that it must keep."""

    name: str
    # "" for a count.
    unit: str
    # <=, < or =
    sign: str
    bound: float

    @property
    def target(self) -> str:
        return f"{self.sign} {self.bound:g}"

    def is_kept(self, value: float) -> bool:
        return _SIGNS[self.sign](value, self.bound)


@dataclass(frozen=True, slots=True)
class Found:
    """What a measure found: a value for each of its promises, in their order, or why none.

    note: what one must know to read the values; of a target that is missed also the cause.
    """

    values: tuple[float, ...] | None
    note: str

    def text(self) -> str:
        """For another process, on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Found:
        """Raises ValueError, KeyError."""
        found = json.loads(text)
        values = found["values"]
        return cls(None if values is None else tuple(values), found["note"])


def figures_of(
    measure: str, promises: Sequence[Promise], found: Found, source: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """JSON values, one for each promise. A value of null was not measured; `note` then says why.

    source: what else is kept with each of them, such as the commit.
    """
    values = found.values or (None,) * len(promises)
    return [
        _figure(measure, promise, value, found.note) | dict(source)
        for promise, value in zip(promises, values, strict=True)
    ]


def _figure(measure: str, promise: Promise, value: float | None, note: str) -> dict[str, Any]:
    return {
        "measure": measure,
        "name": promise.name,
        "value": value,
        "unit": promise.unit,
        "target": promise.target,
        "met": None if value is None else promise.is_kept(value),
        "note": note,
    }


def merged(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], order: Sequence[str]
) -> list[Mapping[str, Any]]:
    """The figures of both in the order of their measures; what was measured again counts once."""
    again = {figure["measure"] for figure in now}
    kept = [figure for figure in before if figure["measure"] not in again]
    known = [figure for figure in (*kept, *now) if figure["measure"] in order]
    return sorted(known, key=lambda figure: order.index(figure["measure"]))
