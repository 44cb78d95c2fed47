"""Runs a generated `split` in the same box as candidates; neither the agent nor a worker ever
imports it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from core.execution.box import BoxLimits
from core.execution.trial_box import TrialBox, failure_of
from utils.files import UntrustedFileError, check_untrusted

DRIVER = Path(__file__).with_name("split_driver.py")
TABLES = ("train.csv", "test.csv")
# MiB of one table, and of all that it writes.
_FILE_MB, _DISK_MB = 128, 512
_LIMITS = BoxLimits(poll_s=0.1, processes=64, disk_mb=_DISK_MB, file_mb=_FILE_MB, nice=0)


def run_split(program: str, data: Path, readable: Sequence[Path], box: TrialBox, into: Path) -> str:
    """Puts the two tables that `program` makes of the folder `data` into the new folder `into`; why
    not, else "".

    readable: further folders that links below `data` point into. Raises WorkerError when the box
    itself does not work, OSError when the workspace cannot be written.
    """
    with box.folder("split") as folder:
        (folder / "split.py").write_text(program, encoding="utf-8")
        (folder / "plan.json").write_text(json.dumps({"folder": str(data)}), encoding="utf-8")
        shutil.copyfile(DRIVER, folder / "driver.py")
        result = box.run(folder, "driver.py", _LIMITS, (data, *readable))
        if why := failure_of(result):
            return why
        return _take(folder, into)


def _take(folder: Path, into: Path) -> str:
    """Nothing about the tables is trusted yet but that they are files."""
    for name in TABLES:
        try:
            check_untrusted(folder / name, _FILE_MB << 20)
        except OSError:
            return f"it wrote no {name}"
        except UntrustedFileError:
            return f"{name} is no file of sensible size"
    into.mkdir(parents=True)
    for name in TABLES:
        (folder / name).chmod(0o644)
        shutil.copyfile(folder / name, into / name)
    return ""
