"""Brought-back files take their places in the folder of a unit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from swarm_host.disk.sink import MARKS, read_marks

SUBMISSION = Path("submission") / "submission.csv"
STAGING = ".collected"
# What an attempt leaves in the folder of its unit.
OF_ATTEMPT = ("submission", "code", "logs", "result.json")
_MOST_ARTEFACTS = 1000
_OUR_LOGS = frozenset({MARKS, "stdout.log", "stderr.log", "build.log"})


def staging(folder: Path) -> Path:
    """An empty folder that a backend collects into: what is half collected is never taken for all."""
    path = folder / STAGING
    _remove(path)
    path.mkdir(parents=True)
    return path


def settle(folder: Path) -> None:
    """Moves what was collected to its places: submission and code as a whole, logs beside ours.

    A log of the agent that has the name of one of ours is kept as `agent_<name>`. Raises OSError; it
    can be asked for again after another collection.
    """
    collected = folder / STAGING
    for name in ("submission", "code"):
        _remove(folder / name)
        if (collected / name).is_dir():
            (collected / name).rename(folder / name)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    ours = _ours(logs)
    for path in _children(collected / "logs"):
        hidden = path.name in ours or path.name.startswith(".")
        target = logs / (f"agent_{path.name}" if hidden else path.name)
        _remove(target)
        path.rename(target)
    _remove(collected)


def put_away(folder: Path, attempt: int) -> None:
    """Moves what an earlier attempt left into attempts/<attempt>/. Twice is once."""
    for name in OF_ATTEMPT:
        path = folder / name
        if path.exists():
            target = folder / "attempts" / str(attempt) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove(target)
            path.rename(target)


def hand_over(folder: Path, workspace: Path) -> None:
    """Copies the submission into the workspace of a plain run, which its user looks at.

    Raises OSError.
    """
    source, target = folder / "submission", workspace / "submission"
    # Whatever the agent left there, a link as well, is the agent's and stays.
    if source.is_dir() and not os.path.lexists(target):
        shutil.copytree(source, target, symlinks=True)


def artefacts(folder: Path) -> tuple[str, ...]:
    """Paths of files below a unit's folder, at most a thousand, in order."""
    found = []
    for path in _files(folder):
        found.append(str(path.relative_to(folder)))
        if len(found) == _MOST_ARTEFACTS:
            break
    return tuple(sorted(found))


def _files(folder: Path) -> Iterator[Path]:
    for name in ("submission", "logs", "code"):
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != MARKS:
                yield path


def _ours(logs: Path) -> frozenset[str]:
    """Names in the folder of logs that are the sink's own: entrypoint.log only where it wrote one."""
    positions = read_marks(logs).positions.items()
    return _OUR_LOGS | {f"{stream}.log" for stream, position in positions if position.head}


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
