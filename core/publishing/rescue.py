"""The first submission of a run: the prior where it is valid, and the sample submission as a last
resort.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from pathlib import Path

from core.contract import Folders
from core.events import BaselineWritten
from core.journal.history import History
from core.judging.service import HoldoutJudge
from core.publishing.reasons import status
from core.publishing.report import ReportKeeper
from core.records import CompetitionSpec
from core.task.service import TaskService
from utils.errors import SwarmError
from utils.files import copy_atomic, sha256_file
from utils.process import WorkerProcess

log = logging.getLogger(__name__)


def checked_baseline(
    task: TaskService, spec: CompetitionSpec, target: Path, worker: WorkerProcess
) -> tuple[str, int]:
    """Writes `target`; returns what it is (sample or prior) and its rows.

    A prior that the submission check refuses makes room for the sample submission, where that is
    not refused as well. worker: see HoldoutJudge. Raises what TaskService.baseline raises; a check
    that fails refuses nothing.
    """
    made = task.baseline(Path(spec.data_dir), spec, target)
    if made[0] != "prior" or spec.tables.sample is None:
        return made
    with contextlib.suppress(SwarmError, OSError), tempfile.TemporaryDirectory() as folder:
        judge, sample = (
            HoldoutJudge(spec, Path(folder), worker=worker),
            Path(folder) / "submission.csv",
        )
        if reasons := judge.check_file(target):
            found = task.baseline(Path(spec.data_dir), spec.changed(train=None), sample)
            if not judge.check_file(sample):
                copy_atomic(sample, target)
                log.warning(
                    "the baseline is the sample submission; of the prior: %s", "; ".join(reasons)
                )
                return found
    return made


def sample_as_baseline(data_dir: Path, target: Path) -> tuple[str, int, str]:
    """Puts the sample submission in place; returns what it is, its rows and sha256. Raises
    SwarmError, OSError.
    """
    task = TaskService()
    try:
        source, rows = task.baseline(data_dir, None, target)
        return source, rows, sha256_file(target)
    finally:
        task.close()


def rescue(data_dir: Path, folders: Folders, reason: str) -> None:
    """The sample submission and a report, where a run cannot even be configured. What lies there
    already stays.
    """
    if folders.submission_csv.exists() or folders.journal.exists():
        return
    history = History(lambda key: "")
    try:
        history.baseline = BaselineWritten(*sample_as_baseline(data_dir, folders.submission_csv))
    except (SwarmError, OSError) as error:
        log.warning("no baseline: %s", error)
    with contextlib.suppress(OSError):
        report = ReportKeeper(history, folders, lambda: 0.0)
        report.reasons.append(reason)
        report.write(status(history, report.reasons))
