"""Runs a generated `score` in the same box as candidates; neither the agent nor a worker ever
imports it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.execution.box import BoxLimits
from core.execution.supervised import BoxResult
from core.execution.trial_box import REASON_CHARS, TrialBox, failure_of
from utils.files import UntrustedFileError, read_untrusted

DRIVER = Path(__file__).with_name("score_driver.py")
_LIMITS = BoxLimits(poll_s=0.1, processes=64, disk_mb=1024, file_mb=512, nice=0)
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ScoreCase:
    """A pair of csv files, id columns first. units: one number per answers row; draws: values that
    leave one out.
    """

    answers: Path
    submission: Path
    units: tuple[int, ...] = ()
    draws: int = 0


@dataclass(frozen=True, slots=True)
class ScoreValues:
    """values: of the whole, then of each draw; () with an error. A value that is not finite is
    None.
    """

    values: tuple[float | None, ...]
    error: str = ""

    @property
    def whole(self) -> float | None:
        return next(iter(self.values), None)


def run_scores(
    program: str, cases: Sequence[ScoreCase], ids: int, box: TrialBox
) -> list[ScoreValues]:
    """What `program` says of each case; whatever goes wrong in the box is an error of every case.

    ids: number of id columns. Raises WorkerError when the box itself does not work, OSError when
    the workspace cannot be written.
    """
    with box.folder("score") as folder:
        _fill(folder, program, cases, ids)
        return _read(folder, box.run(folder, "driver.py", _LIMITS), cases)


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


def _read(folder: Path, result: BoxResult, cases: Sequence[ScoreCase]) -> list[ScoreValues]:
    """Nothing about results.json is trusted: a program may have written it itself."""
    try:
        found = _found(folder / "results.json")
        if len(found) == len(cases):
            return found
        why = "there are other results than cases"
    except (OSError, UntrustedFileError):
        why = "there are no results"
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = str(error)
    return [ScoreValues((), failure_of(result) or why)] * len(cases)


def _found(path: Path) -> list[ScoreValues]:
    rows = json.loads(read_untrusted(path, _MOST_BYTES).decode())
    return [ScoreValues(_values(row["values"]), str(row["error"])[:REASON_CHARS]) for row in rows]


def _values(values: Any) -> tuple[float | None, ...]:
    return tuple(map(_number, values))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    return float(value)
