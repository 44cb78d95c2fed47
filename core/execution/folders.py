"""The folder of one execution: made fresh, looked into with suspicion, removed whatever the program
did to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from core.records import Job
from utils.files import UntrustedFileError, check_untrusted
from utils.process import CHILDREN

_SUBMISSION = Path("submission") / "submission.csv"


def job_folder(workspace: Path, job: Job) -> Path:
    return workspace.resolve() / "working" / f"{job.proposal_id}-{job.view.name}"


def make_folder(folder: Path, job: Job) -> None:
    """Creates the folder anew: solution.py, ./input (a link to the view), ./working, ./submission.

    Raises OSError when an old one cannot be removed.
    """
    remove_folder(folder)
    for name in ("working", "submission"):
        (folder / name).mkdir(parents=True)
    (folder / "input").symlink_to(Path(job.view.path).resolve())
    (folder / "solution.py").write_text(job.program, encoding="utf-8")


def find_submission(folder: Path) -> str | None:
    """Path of the submission, when it is a real file in a real folder: no link, FIFO or device."""
    path = folder / _SUBMISSION
    try:
        if not stat.S_ISDIR(path.parent.lstat().st_mode):
            return None
        path.parent.chmod(0o755)
        check_untrusted(path)
        path.chmod(0o644)
    except (OSError, UntrustedFileError):
        return None
    return str(path)


def remove_folder(folder: Path) -> None:
    """Removes a folder with closed sub-folders and any depth. Raises OSError when something
    remains.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    with contextlib.suppress(OSError, RecursionError):
        _open_folders(folder)
        shutil.rmtree(folder)
    if os.path.lexists(folder):
        # Unlike shutil, rm goes deeper than Python's recursion limit and the longest path.
        process = CHILDREN.spawn(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL)
        process.wait()
        CHILDREN.forget(process)
    if os.path.lexists(folder):
        raise OSError(f"cannot remove {folder}")


def _open_folders(folder: Path) -> None:
    """Gives the owner all rights on every folder below, so that its entries can be removed."""
    folder.chmod(0o700)
    # Top down: a folder is opened before the walk enters it.
    for parent, names, _ in os.walk(folder):
        for path in (Path(parent) / name for name in names):
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
