"""The task worker: `python -m core.task.worker` answers core.task.service, with records as JSON.

Runs in a worker process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.records import CompetitionSpec, SplitSpec
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.recognise.baseline import write_baseline
from core.task.recognise.sample_only import bare_split, bare_view
from core.task.recognise.sample_only import inspect_bare as bare
from core.task.recognise.spec import inspect_competition
from core.task.views.build import build_views as build
from core.task.views.cuts import plan
from core.task.views.last_source import forget, load_once
from core.task.views.written_tables import faults
from core.task.views.written_tables import turn_rows as turn
from utils.config_schema import TaskConfig
from utils.errors import PublishError
from utils.json_records import from_json, to_json
from utils.process import serve


def inspect(
    data_dir: str, description: str, hints: dict[str, Any], workspace: str | None = None
) -> Any:
    """JSON of the CompetitionSpec."""
    return to_json(
        inspect_competition(
            Path(data_dir), description, from_json(Hints, hints), _folder(workspace)
        )
    )


def inspect_bare(
    data_dir: str,
    description: str,
    hints: dict[str, Any],
    workspace: str | None = None,
    why: str = "",
) -> Any:
    """JSON of the CompetitionSpec of a folder that is not understood."""
    return to_json(
        bare(Path(data_dir), description, from_json(Hints, hints), _folder(workspace), why)
    )


def turn_rows(data_dir: str, target: str) -> None:
    """A copy whose tables have their rows in the opposite order (see
    core.task.views.written_tables).
    """
    turn(Path(data_dir), Path(target))


def examine_tables(spec: dict[str, Any], folders: list[str], group: str | None) -> list[str]:
    """Reasons against the tables of a generated split."""
    return faults(from_json(CompetitionSpec, spec), [Path(folder) for folder in folders], group)


def baseline(data_dir: str, spec: dict[str, Any] | None, out_csv: str) -> dict[str, Any]:
    """{"source", "rows"}. Raises PublishError when the file cannot be written."""
    known = from_json(CompetitionSpec, spec) if spec is not None else None
    try:
        return write_baseline(Path(data_dir), known, Path(out_csv))
    except OSError as error:
        raise PublishError(f"the baseline cannot be written to {out_csv}: {error}") from error


def preview(spec: dict[str, Any]) -> Any:
    """JSON of the Preview."""
    return to_json(look(from_json(CompetitionSpec, spec)))


def plan_split(spec: dict[str, Any], seed: int, holdout_max_rows: int, task: dict[str, Any]) -> Any:
    """JSON of the SplitSpec."""
    known = from_json(CompetitionSpec, spec)
    if known.tables.train is None:
        return to_json(bare_split(known, seed))
    return to_json(plan(load_once(known), seed, holdout_max_rows, from_json(TaskConfig, task)))


def build_views(
    spec: dict[str, Any], split: dict[str, Any], workspace: str, names: list[str] | None = None
) -> dict[str, Any]:
    """{"views": [...], "split": SplitSpec whose why names what was left out}.

    The tables that the plan was made with serve once more; then their memory is free.
    """
    known, decided = from_json(CompetitionSpec, spec), from_json(SplitSpec, split)
    if known.tables.train is None:
        return {"views": [to_json(bare_view(known))], "split": to_json(decided)}
    try:
        views, final = build(known, decided, Path(workspace), names)
    finally:
        forget()
    return {"views": [to_json(view) for view in views], "split": to_json(final)}


def _folder(path: str | None) -> Path | None:
    return Path(path) if path else None


METHODS: dict[str, Callable[..., Any]] = {
    "inspect": inspect,
    "inspect_bare": inspect_bare,
    "turn_rows": turn_rows,
    "examine_tables": examine_tables,
    "baseline": baseline,
    "preview": preview,
    "plan_split": plan_split,
    "build_views": build_views,
}

if __name__ == "__main__":
    serve(METHODS)
