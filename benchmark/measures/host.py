"""The table of host/README.md, from what `python -m swarm_host.measure` kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.measure import Figures, markdown

_WORDS: Mapping[bool | None, str] = {True: "met", False: "**missed**", None: ""}


def host_table(measured: Figures) -> str:
    """One line per figure, with its target, whether it is met, and what belongs to it."""
    figures = measured["figures"]
    rows = [
        (figure["name"], _value(figure), figure["target"], _WORDS[figure["met"]], _note(figure))
        for figure in figures
    ]
    busy = max(figure["busy_cores_before"] for figure in figures)
    table = markdown(("figure", "measured", "target", "", "what it is of"), rows)
    return f"{table}\n\nBefore each measure began, others kept {busy:.1f} cores busy at most."


def _value(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "NOT RUN"
    return f"{figure['value']:.3g} {figure['unit']}".rstrip()


def _note(figure: Mapping[str, Any]) -> str:
    """With what may have made a figure miss its target."""
    note = str(figure["note"])
    if figure["met"] is False:
        note = f"{note}; others kept {figure['busy_cores_before']:.1f} cores busy"
    return note
