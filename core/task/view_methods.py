"""What the task worker answers about splits and views, with records as JSON. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.records import CompetitionSpec, SplitSpec, from_json, to_json
from core.task.bare import bare_split, bare_view
from core.task.source import load
from core.task.view_cuts import plan
from core.task.views import build_views as build


def plan_split(spec: dict[str, Any], seed: int, holdout_max_rows: int, overrides: dict[str, Any]) -> Any:
    """JSON of the SplitSpec."""
    known = from_json(CompetitionSpec, spec)
    if known.train is None:
        return to_json(bare_split(known, seed))
    source = load(known)
    return to_json(plan(source, seed, holdout_max_rows, overrides))


def build_views(
    spec: dict[str, Any], split: dict[str, Any], workspace: str, names: list[str] | None = None
) -> dict[str, Any]:
    """{"views": [...], "split": SplitSpec whose why names what was left out}."""
    known, decided = from_json(CompetitionSpec, spec), from_json(SplitSpec, split)
    if known.train is None:
        return {"views": [to_json(bare_view(known))], "split": to_json(decided)}
    views, final = build(known, decided, Path(workspace), names)
    return {"views": [to_json(view) for view in views], "split": to_json(final)}


METHODS: dict[str, Callable[..., Any]] = {"plan_split": plan_split, "build_views": build_views}
