"""The sample submission as a last resort: what is published where a run cannot come as far as its baseline."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from core.events import BaselineWritten
from core.finish import status
from core.journal.history import History
from core.results import Folders, RunReport
from core.task.service import TaskService
from utils.errors import SwarmError
from utils.files import sha256_file

log = logging.getLogger(__name__)


def sample_as_baseline(data_dir: Path, target: Path) -> tuple[str, int, str]:
    """Puts the sample submission in place; returns what it is, its rows and sha256. Raises SwarmError, OSError."""
    task = TaskService()
    try:
        source, rows = task.baseline(data_dir, None, target)
        return source, rows, sha256_file(target)
    finally:
        task.close()


def rescue(data_dir: Path, folders: Folders, reason: str) -> None:
    """The sample submission and a report, where a run cannot even be configured. What lies there already stays."""
    if folders.submission_csv.exists() or folders.journal.exists():
        return
    history = History(lambda key: "")
    try:
        history.baseline = BaselineWritten(*sample_as_baseline(data_dir, folders.submission_csv))
    except (SwarmError, OSError) as error:
        log.warning("no baseline: %s", error)
    with contextlib.suppress(OSError):
        made = RunReport(history, folders, lambda: 0.0)
        made.reasons.append(reason)
        made.write(status(history, made.reasons))
