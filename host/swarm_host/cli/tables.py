"""Text in columns, and JSON, on standard output."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from swarm_host.words import jsonio
from swarm_host.words.terminal import printable


def print_json(value: object) -> None:
    """Records, mappings and lists, indented."""
    print(json.dumps(jsonio.to_json(value), indent=2, allow_nan=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Any]], right: str = "") -> None:
    """right: titles of columns whose cells stand at their right edge, parted by spaces."""
    shown = [list(map(cell_text, row)) for row in rows]
    widths = [len(title) for title in titles]
    for row in shown:
        widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    at_right = [title in right.split() for title in titles]
    for row in [list(titles), *shown]:
        print(_line(row, widths, at_right))


def _line(cells: Sequence[str], widths: Sequence[int], at_right: Sequence[bool]) -> str:
    parts = []
    for cell, width, right in zip(cells, widths, at_right, strict=True):
        parts.append(cell.rjust(width) if right else cell.ljust(width))
    return "  ".join(parts).rstrip()


def picked(facts: Iterable[Mapping[str, Any]], titles: Sequence[str]) -> list[list[Any]]:
    """Rows of a table: of each mapping the values that the titles name."""
    return [list(map(fact.__getitem__, titles)) for fact in facts]


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """name: value, those without a value left out."""
    kept = [(name, cell_text(value)) for name, value in pairs if value not in (None, "", (), [])]
    width = max((len(name) for name, _ in kept), default=0)
    for name, value in kept:
        print(f"{name.ljust(width)}  {value}")


def cell_text(value: Any) -> str:
    """What agents wrote must not steer a terminal. None is a dash."""
    if value is None:
        return "-"
    return printable(f"{value:.6g}" if isinstance(value, float) else str(value))


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
