"""The tables of docs/shapes.md, made from the JSON of a measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.provenance import ROOT
from benchmark.report import with_table
from tests.shapes.registry import BY_NAME

DOCUMENT = ROOT / "docs" / "shapes.md"
RESULTS = ROOT / "docs" / "results" / "shapes.json"


def shapes_table(measured: dict[str, Any]) -> str:
    """One line per folder, and how many are scored by a holdout."""
    rows = [_row(result) for result in measured["shapes"]]
    head = (
        "folder",
        "structure",
        "metric",
        "split",
        "baseline",
        "holdout",
        "private",
        "scored by",
        "why not, or how",
    )
    lines = [
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    scored = sum(result["scored_by"] == "holdout" for result in measured["shapes"])
    better = sum(result["beats_baseline"] for result in measured["shapes"])
    told = f"{scored} of {len(rows)} are scored by a holdout, {better} beat their baseline on the private answers."
    return "\n".join([*lines, "", told, _source(measured)])


def unforeseen_table(measured: dict[str, Any]) -> str:
    head = ("folder", "exit", "status", "published", "scored by", "reason")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for run in measured["unforeseen"]:
        cells = (
            run["name"],
            str(run["exit"]),
            run["status"],
            run["published"],
            run["scored_by"],
            _cell(run["reason"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _source(measured)])


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    scores = (_score(result[key]) for key in ("baseline", "holdout", "private"))
    sign = "higher" if result["direction"] == "maximize" else "lower"
    told = _cell(result["reason"] or result["plan"])
    quirk = BY_NAME[result["name"]].quirk
    return (
        result["name"],
        quirk,
        f"{result['metric']} ({sign})",
        result["split"],
        *scores,
        result["scored_by"],
        told,
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _cell(text: str) -> str:
    """One line that breaks no table."""
    plain = " ".join(text.split()).replace("|", "/")
    return plain if len(plain) <= 160 else plain[:157] + "..."


def _source(measured: dict[str, Any]) -> str:
    where = f"{measured['machine']}, {measured['date']}"
    return f"Source: `{measured['command']}` (commit {measured['commit']}); {where}."


def with_tables(text: str, results: Path = RESULTS) -> str:
    """The document with both tables."""
    measured = json.loads(results.read_text(encoding="utf-8"))
    text = with_table(text, shapes_table(measured), "shapes")
    return with_table(text, unforeseen_table(measured), "unforeseen")
