"""Copies this agent into a checkout of mle-bench, under the name that its config.yaml has."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swarm_host.agents.mle_bench import require_checkout
from swarm_host.errors import UsageError
from swarm_host.words.places import ROOT

NAME = "swarm-evo"
# The host side is no part of the agent.
_LEFT_OUT = ("host/", "tests/host/")
_GIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Installed:
    """files: how many there are. backup: where what stood there before was put, outside of the folder
    that mle-bench reads. changed: False where the same files stood there already.
    """

    folder: Path
    files: int
    backup: Path | None
    changed: bool = True

    @property
    def message(self) -> str:
        lines = [f"{self.files} files in {self.folder}"]
        if not self.changed:
            lines[0] += ", all of them as they were: nothing is copied"
        if self.backup is not None:
            lines.append(f"what was there before is in {self.backup}")
        lines.append(
            f"build: docker build --platform=linux/amd64 -t {NAME} {self.folder}"
            " --build-arg SUBMISSION_DIR=/home/submission --build-arg LOGS_DIR=/home/logs"
            " --build-arg CODE_DIR=/home/code --build-arg AGENT_DIR=/home/agent"
        )
        return "\n".join(lines)


def install(into: Path, root: Path = ROOT, now: float | None = None) -> Installed:
    """Copies the files that git tracks, as they are now, to <into>/agents/swarm-evo. What is the same
    there already is left alone.

    Raises UsageError when `into` is no checkout of mle-bench, when one of the two folders holds the
    other, when git does not know the files, or when something cannot be written.
    """
    into = into.absolute()
    require_checkout(into)
    target, real = into / "agents" / NAME, root.resolve()
    for folder in (into.resolve(), target.resolve()):
        if folder == real or folder.is_relative_to(real):
            raise UsageError(f"{into} lies inside of this checkout, {root}")
    if real.is_relative_to(into.resolve()):
        raise UsageError(f"this checkout, {root}, lies inside of {into} already")
    names = tracked(root)
    if _is_same(root, names, target):
        return Installed(target, len(names), None, changed=False)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    # Beside the agents' folder: mle-bench looks for every config.yaml below that.
    draft, backup = into / f".{NAME}-{stamp}-{os.getpid()}", into / f"{NAME}.before-{stamp}"
    try:
        for name in names:
            _copy(root / name, draft / name)
        kept = _set_aside(target, backup)
        draft.replace(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise UsageError(f"{into} cannot be written: {error.strerror}") from error
    return Installed(target, len(names), kept)


def tracked(root: Path) -> Sequence[str]:
    """Names of the files that belong to the agent. Raises UsageError where git does not know."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--full-name", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"git is needed to tell which files belong to the agent: {error}"
        ) from error
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"{root} is no git checkout of this project: {complaint}")
    names = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    found = [name for name in names if name and not name.startswith(_LEFT_OUT)]
    return [name for name in found if (root / name).is_file() and not (root / name).is_symlink()]


def _is_same(root: Path, names: Sequence[str], target: Path) -> bool:
    """The target has these files, with the same bytes and rights, and no others."""
    if target.is_symlink() or not target.is_dir():
        return False
    found = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
    if found != set(names) or any((target / name).is_symlink() for name in names):
        return False
    return all(_is_copy(root / name, target / name) for name in names)


def _is_copy(one: Path, other: Path) -> bool:
    return one.stat().st_mode == other.stat().st_mode and filecmp.cmp(one, other, shallow=False)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _set_aside(target: Path, backup: Path) -> Path | None:
    """Moves what is there, a link itself and not what it leads to."""
    if not (target.exists() or target.is_symlink()):
        return None
    number = 1
    while backup.exists():
        backup = backup.with_name(f"{backup.name}-{number}")
        number += 1
    target.replace(backup)
    return backup
