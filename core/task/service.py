"""The agent's side of core.task: asks the task worker. Light: imports no table library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.records import CompetitionSpec, SplitSpec, View
from core.task.hints import UNSET, Hints
from core.task.preview import Preview
from utils.config_schema import TaskConfig
from utils.json_records import from_json, to_json
from utils.process import WorkerProcess

# Reading or copying all data of a large competition.
_TIMEOUT_S = 7200.0


class TaskService:
    """One worker process, started at the first call. Errors of utils.errors come out as themselves."""

    def __init__(self, log: Path | None = None, stop: int | None = None) -> None:
        """log: file that takes the worker's stderr. stop: descriptor that ends a call early, with
        Interrupted.
        """
        self._worker = WorkerProcess("core.task.worker", log=log, stop=stop)

    def start(self) -> None:
        """Starts the worker before the first call needs it."""
        self._worker.start()

    def inspect(
        self,
        data_dir: Path,
        description: str,
        hints: Hints,
        workspace: Path | None = None,
    ) -> CompetitionSpec:
        """workspace: where archives are unpacked and label tables made, where the competition needs
        it.

        Raises DataError, SpecError or ConfigError (see core.task.recognise.spec).
        """
        return self._inspect("inspect", data_dir, description, hints, workspace)

    def inspect_bare(
        self,
        data_dir: Path,
        description: str,
        hints: Hints,
        workspace: Path | None,
        why: str,
    ) -> CompetitionSpec:
        """A folder of which only the sample submission is understood (see
        core.task.recognise.sample_only). why: what was not.

        Raises SpecError with `why` where there is no sample either.
        """
        return self._inspect("inspect_bare", data_dir, description, hints, workspace, why=why)

    def baseline(
        self, data_dir: Path, spec: CompetitionSpec | None, out_csv: Path
    ) -> tuple[str, int]:
        """Writes `out_csv`; returns what it is (sample or prior) and its number of rows.

        Raises SpecError when there is nothing to write, PublishError when it cannot be written.
        """
        target = str(out_csv.absolute())
        answer = self._worker.call(
            "baseline",
            timeout=_TIMEOUT_S,
            data_dir=str(data_dir),
            spec=to_json(spec),
            out_csv=target,
        )
        return str(answer["source"]), int(answer["rows"])

    def turn_rows(self, data_dir: Path, target: Path) -> None:
        """A new folder like `data_dir` whose tables have their rows in the opposite order."""
        self._worker.call(
            "turn_rows", timeout=_TIMEOUT_S, data_dir=str(data_dir), target=str(target)
        )

    def examine_tables(
        self, spec: CompetitionSpec, folders: Sequence[Path], group: str | None
    ) -> list[str]:
        """Reasons against the tables of a generated split (see core.task.views.written_tables); []
        when it may be used.
        """
        named = [str(folder) for folder in folders]
        call = self._worker.call
        return list(
            call(
                "examine_tables", timeout=_TIMEOUT_S, spec=to_json(spec), folders=named, group=group
            )
        )

    def preview(self, spec: CompetitionSpec) -> Preview:
        """A first look at tables and files, bounded in time, memory and length (see
        core.task.preview).
        """
        return from_json(
            Preview, self._worker.call("preview", timeout=_TIMEOUT_S, spec=to_json(spec))
        )

    def plan_split(
        self,
        spec: CompetitionSpec,
        seed: int,
        holdout_max_rows: int,
        task: TaskConfig = UNSET,
    ) -> SplitSpec:
        """How rows will be held out. task: what the user says of it."""
        answer = self._worker.call(
            "plan_split",
            timeout=_TIMEOUT_S,
            spec=to_json(spec),
            seed=seed,
            holdout_max_rows=holdout_max_rows,
            task=to_json(task),
        )
        return from_json(SplitSpec, answer)

    def build_views(
        self,
        spec: CompetitionSpec,
        split: SplitSpec,
        workspace: Path,
        names: Sequence[str] | None = None,
    ) -> tuple[list[View], SplitSpec]:
        """The named views (all but the final ones without names), and the split with what building
        them found.
        """
        answer = self._worker.call(
            "build_views",
            timeout=_TIMEOUT_S,
            spec=to_json(spec),
            split=to_json(split),
            workspace=str(workspace),
            names=list(names) if names is not None else None,
        )
        return [from_json(View, view) for view in answer["views"]], from_json(
            SplitSpec, answer["split"]
        )

    def _inspect(
        self,
        method: str,
        data_dir: Path,
        description: str,
        hints: Hints,
        workspace: Path | None,
        **more: str,
    ) -> CompetitionSpec:
        answer = self._worker.call(
            method,
            timeout=_TIMEOUT_S,
            data_dir=str(data_dir),
            description=description,
            hints=to_json(hints),
            workspace=str(workspace.absolute()) if workspace is not None else None,
            **more,
        )
        return from_json(CompetitionSpec, answer)

    def close(self) -> None:
        """Ends the worker."""
        self._worker.close()


def last_preview(task: TaskService, spec: CompetitionSpec) -> Preview:
    """TaskService.preview; the service is closed after it."""
    try:
        return task.preview(spec)
    finally:
        task.close()
