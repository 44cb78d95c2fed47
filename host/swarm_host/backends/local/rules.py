"""Which folders an agent may reach, where the kernel has Landlock."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.execution.rules import landlock_rules
from swarm_host.records import Problem, RunConfig, UnitSpec
from swarm_host.words import mounts, places

# What an agent has no business with, below the user's home.
_KEYS = (".kaggle", ".ssh", ".aws", ".config/gcloud", ".modal.toml", ".docker", ".netrc")


def closed_folders(protected: Sequence[Path], environ: Mapping[str, str]) -> list[Path]:
    """Folders with answers and keys, as far as they are known without a unit. environ: of this side."""
    keys = [places.home(environ) / name for name in _KEYS]
    return [*protected, *mounts.data_roots(environ), *keys]


def answers(run: RunConfig) -> list[Path]:
    """Answers that lie beside what a run shows, which are closed as well. None where the user allows to
    show them.
    """
    return [] if run.allow_private else mounts.answers_beside(run.mounts)


def landlock(
    unit: UnitSpec, runs: Path, closed: Sequence[Path], work: Path
) -> dict[str, list[str]]:
    """Paths by right, as core.execution.rules has them. work: the agent's own folder."""
    protected = [*closed, *answers(unit.run)]
    if unit.source_root is not None:
        protected.append(Path(unit.source_root))
    readable = [Path(mount.source) for mount in unit.run.mounts]
    readable += [Path(sys.prefix), Path(sys.base_prefix)]
    found = landlock_rules([runs, *protected], readable, work)
    return found | {"list": _around(runs, unit.run.command or (), protected)}


def _around(runs: Path, command: Sequence[str], protected: Sequence[Path]) -> list[str]:
    """Folders of programs of a command that hold the folder of runs, as a checkout holds ./runs.
    Python lists a folder to find the modules in it, which the box forbids for those around a closed
    one. Names of files in runs can be seen then, and nothing else of them. A folder around answers or
    keys, or inside of them, stays unlisted.
    """
    around = _program_folders(command) & set(runs.resolve().parents)
    closed = [path.resolve() for path in protected if path.exists()]
    return [str(folder) for folder in sorted(around) if _apart(folder, closed)]


def _program_folders(command: Sequence[str]) -> set[Path]:
    # A word may be a whole script: Path.is_file raises for a name that is too long.
    programs = [word for word in command if word.startswith("/") and os.path.isfile(word)]  # noqa: PTH113
    return {Path(program).resolve().parent for program in programs}


def _apart(folder: Path, others: Sequence[Path]) -> bool:
    """None of the others lies inside of the folder or around it."""
    return not any(one.is_relative_to(folder) or folder.is_relative_to(one) for one in others)


def without_modules(command: Sequence[str], protected: Sequence[Path]) -> list[Problem]:
    """Programs that will not find modules beside themselves: their folder holds what is closed."""
    found: dict[Problem, None] = {}
    for path in (path.resolve() for path in protected if path.exists()):
        for folder in sorted(_program_folders(command) & set(path.parents)):
            # Not the path itself: a folder of competitions has answers in each of them.
            inside = folder / path.relative_to(folder).parts[0]
            what = (
                f"what is closed to the agent lies in {inside}: Python finds no modules in {folder}"
            )
            found[Problem(what, f"move {inside} out of {folder}", refuses=False)] = None
    return list(found)
