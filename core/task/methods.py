"""What the task worker answers about a folder as a whole, with records as JSON. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.records import CompetitionSpec, from_json, to_json
from core.task.bare import inspect_bare as bare
from core.task.baseline import write_baseline
from core.task.inspect import inspect_competition
from core.task.preview_look import look
from core.task.written_tables import faults
from core.task.written_tables import turn_rows as turn
from utils.errors import PublishError


def inspect(data_dir: str, description: str, overrides: dict[str, Any], workspace: str | None = None) -> Any:
    """JSON of the CompetitionSpec."""
    return to_json(inspect_competition(Path(data_dir), description, overrides, Path(workspace) if workspace else None))


def inspect_bare(
    data_dir: str, description: str, overrides: dict[str, Any], workspace: str | None = None, why: str = ""
) -> Any:
    """JSON of the CompetitionSpec of a folder that is not understood."""
    return to_json(bare(Path(data_dir), description, overrides, Path(workspace) if workspace else None, why))


def turn_rows(data_dir: str, target: str) -> None:
    """A copy whose tables have their rows in the opposite order (see core.task.written_tables)."""
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


METHODS: dict[str, Callable[..., Any]] = {
    "inspect": inspect,
    "inspect_bare": inspect_bare,
    "turn_rows": turn_rows,
    "examine_tables": examine_tables,
    "baseline": baseline,
    "preview": preview,
}
