"""From a specification to groups and units, with their ids and folders. Decides; makes only folders."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from swarm_host.errors import SpecError, UsageError
from swarm_host.groups.run_folder import stamp
from swarm_host.records import Competition, Group, RunConfig, UnitSpec
from swarm_host.spec.loading import Spec
from swarm_host.spec.matrix_keys import MOST_UNITS, Matrix
from swarm_host.spec.run_keys import Overlay

# Random bits as 32 hexadecimal digits, a new one for each call: uuid.uuid4().hex, or of a test.
NewHex = Callable[[], str]
# Folder of runs, agent, time -> the group's folder.
MakeFolder = Callable[[Path, str, float], Path]
# How many groups of one agent may begin in one second.
_MOST_IN_A_SECOND = 1_000
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Planned:
    """A group and what is in it, ready for the store."""

    group: Group
    units: tuple[UnitSpec, ...]


def units_of(planned: Sequence[Planned]) -> list[UnitSpec]:
    found: list[UnitSpec] = []
    for group in planned:
        found += group.units
    return found


class Resolve(Protocol):
    """How an agent runs on a competition: the registry of agents knows."""

    def __call__(
        self, agent: str, competition: Competition, seed: int, overlay: Overlay
    ) -> RunConfig: ...


def new_run_id(now: float, new_hex: NewHex) -> str:
    """Lower-case letters, digits and hyphens; two of one second differ."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{new_hex()[:6]}"


def slug(name: str) -> str:
    """The name with nothing but lower-case letters, digits and hyphens, for ids and folders.

    It has no underscore: mle-bench cuts ids of runs there.
    """
    found = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    return found[:_LONGEST_NAME].rstrip("-") or "x"


def in_folders(competition: str) -> str:
    """The competition as the name of a run's folder begins: whole and in its own letters, since
    mle-bench reads it from there (`AI4Code_...`), but for characters that it cuts at or that no folder
    has.
    """
    return re.sub("[^A-Za-z0-9.-]+", "-", competition)


def group_name(agent: str, now: float) -> str:
    """As mle-bench calls its folder of a run group."""
    return f"{stamp(now)}_run-group_{slug(agent)}"


def make_group_folder(runs: Path, agent: str, now: float) -> Path:
    """A folder that nobody had before: the name, or the name with a number behind it.

    Raises UsageError when the folder of runs cannot be written.
    """
    name = group_name(agent, now)
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_IN_A_SECOND):
            folder = runs / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder.absolute()
    except OSError as error:
        raise UsageError(
            f"{error.filename}: {error.strerror}; --runs names another folder"
        ) from None
    raise UsageError(f"{runs}: {_MOST_IN_A_SECOND} groups of {agent} in one second")


def imagined_group_folder(runs: Path, agent: str, now: float) -> Path:
    """As make_group_folder where nothing shall be made: for a dry run."""
    return (runs / group_name(agent, now)).absolute()


def plan_run(
    spec: Spec,
    run_id: str,
    runs: Path,
    now: float,
    new_hex: NewHex,
    make_folder: MakeFolder = make_group_folder,
) -> Planned:
    """The one unit of a plain run, in a group of its own. Raises UsageError."""
    assert spec.run is not None
    agent = spec.run.agent_image or Path(spec.run.command[0]).name
    group = _group(spec, agent, make_folder(runs, agent, now), now, sweep=None)
    unit = UnitSpec(
        unit_id=run_id,
        group=group.group_id,
        agent=agent,
        competition=None,
        seed=0,
        folder=str(Path(group.folder) / f"run_{uuid.UUID(new_hex())}"),
        run=spec.run,
    )
    return Planned(group, (unit,))


def plan_matrix(
    spec: Spec,
    competitions: Sequence[Competition],
    resolve: Resolve,
    runs: Path,
    now: float,
    new_hex: NewHex,
    make_folder: MakeFolder = make_group_folder,
) -> list[Planned]:
    """A group for each agent. `competitions` are those of the matrix, prepared.

    Whatever can be wrong with the specification is found before the first folder is made. Raises
    SpecError, UnknownName, UsageError.
    """
    matrix = spec.matrix
    assert matrix is not None
    if len(competitions) * len(matrix.seeds) > MOST_UNITS:
        raise SpecError(f"more than {MOST_UNITS} units for each agent")
    runs_of = {agent: _runs(spec, agent, competitions, resolve) for agent in matrix.agents}
    sweep = new_run_id(now, new_hex)
    planned: list[Planned] = []
    for agent, configs in runs_of.items():
        group = _group(spec, agent, make_folder(runs, agent, now), now, sweep)
        units = [_unit(group, matrix, *key, run, new_hex) for key, run in configs.items()]
        planned.append(Planned(group, tuple(units)))
    return planned


def _runs(
    spec: Spec, agent: str, competitions: Sequence[Competition], resolve: Resolve
) -> Mapping[tuple[str, int], RunConfig]:
    """By competition, then seed: what is started together is compared together."""
    assert spec.matrix is not None
    found: dict[tuple[str, int], RunConfig] = {}
    for seed in spec.matrix.seeds:
        for competition in competitions:
            overlay = spec.overlay(agent, competition.name, seed)
            run = resolve(agent, competition, seed, overlay)
            found[competition.name, seed] = overlay.over(run)
    return found


def _unit(
    group: Group, matrix: Matrix, competition: str, seed: int, run: RunConfig, new_hex: NewHex
) -> UnitSpec:
    bits = new_hex()
    folder = str(Path(group.folder) / f"{in_folders(competition)}_{uuid.UUID(bits)}")
    return UnitSpec(
        unit_id=f"{slug(competition)}-{bits[:12]}",
        group=group.group_id,
        agent=group.agent,
        competition=competition,
        seed=seed,
        folder=folder,
        run=replace(run, workspace=folder),
        source=matrix.source,
        source_root=matrix.source_root,
    )


def _group(spec: Spec, agent: str, folder: Path, now: float, sweep: str | None) -> Group:
    place = spec.placement
    return Group(
        group_id=folder.name,
        agent=agent,
        folder=str(folder),
        created=now,
        sweep=sweep,
        notes=place.notes,
        budget_hours=place.budget_hours,
        budget_usd=place.budget_usd,
        budget_tokens=place.budget_tokens,
    )
