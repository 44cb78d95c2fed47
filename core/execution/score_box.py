"""Runs a generated `score` in the same box as candidates; neither the agent nor a worker ever imports it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.execution import output
from core.execution.box import candidate_user
from core.execution.environment import allowed
from core.execution.leases import thread_variables
from core.execution.rules import landlock_rules
from core.execution.runner import interpreter_folders
from core.execution.supervised import SupervisorJob, supervise
from core.execution.weights_trial import TrialBox

DRIVER = Path(__file__).with_name("score_driver.py")
_REASON_CHARS = 300
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ScoreCase:
    """A pair of csv files, id columns first. units: one number per answers row; draws: values that leave one out."""

    answers: Path
    submission: Path
    units: tuple[int, ...] = ()
    draws: int = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """values: of the whole, then of each draw; () with an error. A value that is not finite is None."""

    values: tuple[float | None, ...]
    error: str = ""

    @property
    def whole(self) -> float | None:
        return self.values[0] if self.values else None


def run_scores(program: str, cases: Sequence[ScoreCase], ids: int, box: TrialBox) -> list[Scored]:
    """What `program` says of each case; whatever goes wrong in the box is an error of every case.

    ids: number of id columns. Raises WorkerError when the box itself does not work, OSError when the workspace cannot
    be written.
    """
    folder = Path(tempfile.mkdtemp(prefix=".score-", dir=box.workspace))
    try:
        _fill(folder, program, cases, ids)
        result = supervise(_job(folder, box), _environ(folder, box), box.stop, Path(os.devnull))
        return _read(folder, result, cases)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, program: str, cases: Sequence[ScoreCase], ids: int) -> None:
    plan = []
    for number, case in enumerate(cases):
        names = {"answers": f"answers{number}.csv", "submission": f"submission{number}.csv"}
        shutil.copyfile(case.answers, folder / names["answers"])
        shutil.copyfile(case.submission, folder / names["submission"])
        plan.append({**names, "units": case.units, "draws": case.draws})
    (folder / "score.py").write_text(program, encoding="utf-8")
    (folder / "plan.json").write_text(json.dumps({"ids": ids, "cases": plan}), encoding="utf-8")
    shutil.copyfile(DRIVER, folder / "driver.py")


def _job(folder: Path, box: TrialBox) -> SupervisorJob:
    user = candidate_user() if box.box.user_switch else None
    if user is not None:
        os.chown(folder, *user)
    opened = (*interpreter_folders(), Path(box.interpreter).parent.parent)
    return SupervisorJob(
        argv=(box.interpreter, "driver.py"),
        cwd=str(folder),
        limit_s=box.limit_s,
        poll_s=0.1,
        memory_mb=box.memory_mb,
        processes=64,
        disk_mb=1024,
        file_mb=512,
        uid=user[0] if user else None,
        gid=user[1] if user else None,
        landlock=landlock_rules((*box.protected, box.workspace), opened, folder) if box.box.landlock else None,
    )


def _environ(folder: Path, box: TrialBox) -> dict[str, str]:
    homes = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"), str(folder))
    return {**allowed(box.environ), **thread_variables(1), **homes, "CUDA_VISIBLE_DEVICES": "", "USER": "candidate"}


def _read(folder: Path, result: dict[str, Any] | None, cases: Sequence[ScoreCase]) -> list[Scored]:
    """Nothing about results.json is trusted: a program may have written it itself."""
    path = folder / "results.json"
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("there are no results")
        found = [Scored(_values(row["values"]), str(row["error"])[:_REASON_CHARS]) for row in _rows(path)]
        if len(found) == len(cases):
            return found
        raise ValueError("there are other results than cases")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        why = _ending(result) or str(error)
    return [Scored((), why)] * len(cases)


def _rows(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _values(values: Any) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(value) for value in values)


def _ending(result: dict[str, Any] | None) -> str:
    """How a run without results ended."""
    if result is None or "error" in result:
        return "its supervisor was lost" if result is None else str(result["error"])[:_REASON_CHARS]
    text = output.clean(output.join_log(result["head"], result["tail"], result["dropped"]))
    error = output.classify(text, result["exit_code"], result["signal"], result["killed_for"])
    return "" if error is None else f"{error.type}: {error.message}"[:_REASON_CHARS]
