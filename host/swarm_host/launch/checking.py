"""What stands in the way of groups and units, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from swarm_host.groups.manager import preflight
from swarm_host.groups.sweep import Planned, units_of
from swarm_host.protocols import Backend
from swarm_host.records import Problem, RunConfig, UnitSpec
from swarm_host.sources.pack import PackSource, public_of
from swarm_host.words.expand import looks_secret

LOGS = ("stdout.log", "stderr.log")
# Characters. Shorter values stand in for a key where none is needed: EMPTY, none.
_LIKE_A_SECRET = 12
# Bytes of one name in a path, on all file systems in use.
_LONGEST_NAME = 255


def problems(planned: Sequence[Planned], backends: Callable[[str], Backend]) -> list[Problem]:
    """What stands in the way, each once: of this side first, then of the backends."""
    units = units_of(planned)
    found: dict[Problem, None] = {}
    for unit in units:
        found |= dict.fromkeys(_own_problems(unit))
    ready = [replace(unit, run=_without_what_comes(unit)) for unit in units]
    found |= {problem: None for _, problem in preflight(ready, backends)}
    return list(found)


def of_dry_run(found: Sequence[Problem]) -> list[Problem]:
    """The same, with a warning in place of a refusal where the machine may be ready by the time of the
    run: a dry run is for what the user wrote.
    """
    return [replace(one, refuses=one.refuses and not _may_pass(one)) for one in found]


def _may_pass(problem: Problem) -> bool:
    return problem.not_here or problem.may_come


def _without_what_comes(unit: UnitSpec) -> RunConfig:
    """Without mounts of what the run makes itself before the start: a workspace, and what an agent sees
    of a competition of the pack. As long as it is not there, it holds nothing that is secret.
    """
    made = [unit.run.workspace]
    if unit.source == PackSource.name and unit.source_root and unit.competition:
        made.append(str(public_of(Path(unit.source_root), unit.competition)))
    coming = {path for path in made if not _is_there(Path(path))}
    return replace(unit.run, mounts=tuple(m for m in unit.run.mounts if m.source not in coming))


def _own_problems(unit: UnitSpec) -> Iterator[Problem]:
    if unit.competition is None:
        yield from _workspace_problems(Path(unit.run.workspace))
    for name, value in unit.run.env.items():
        if looks_secret(name) and isinstance(value, str) and len(value) >= _LIKE_A_SECRET:
            what = f"{name} has its value in the file: records hold it, and it is not redacted"
            cure = f"write {name}: ${{{{ secrets.{name} }}}} and export it"
            yield Problem(what, cure, refuses=False)


def _is_there(path: Path) -> bool:
    """Path.exists raises for a name that is too long, or a folder that is closed to us."""
    return os.path.exists(path)  # noqa: PTH110


def _workspace_problems(workspace: Path) -> Iterator[Problem]:
    there = workspace
    while not _is_there(there) and there != there.parent:
        there = there.parent
    if max(len(os.fsencode(part)) for part in workspace.parts) > _LONGEST_NAME:
        what = f"the workspace {workspace} cannot be made: a name in it is too long"
        yield Problem(what, f"names of folders have at most {_LONGEST_NAME} bytes")
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = f"the workspace {workspace} cannot be made: {there} is no folder that takes files"
        yield Problem(what, "correct workspace")
    used = [name for name in LOGS if _is_there(workspace / name)]
    if used:
        what = f"{workspace} holds {used[0]} of another run"
        yield Problem(what, "take another workspace: ${run_id} in its path makes a new one")
