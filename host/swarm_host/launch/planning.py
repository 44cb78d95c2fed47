"""Groups and units of a specification, and the commands that they stand for. Starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from swarm_host.groups.sweep import (
    MakeFolder,
    Planned,
    Resolve,
    imagined_group_folder,
    plan_matrix,
    plan_run,
    units_of,
)
from swarm_host.launch.bench import Bench
from swarm_host.protocols import Backend, Source
from swarm_host.records import Competition, RunConfig, UnitSpec
from swarm_host.sources.pack import PackSource, public_of
from swarm_host.sources.sets import competition_set
from swarm_host.sources.table import Sources
from swarm_host.spec.loading import Spec
from swarm_host.spec.matrix_keys import Matrix
from swarm_host.spec.run_keys import Overlay
from swarm_host.words.mle_bench import CHECKOUT
from swarm_host.words.names import known_name


def plan(
    spec: Spec,
    run_id: str,
    work: Bench,
    prepare: bool = True,
    make_folder: MakeFolder = imagined_group_folder,
) -> list[Planned]:
    """Groups and units. Agents are looked up before a competition is prepared.

    prepare: False makes and downloads nothing; mounts then may not be there yet. make_folder: where
    groups lie. Raises UsageError and its kinds.
    """
    now = work.clock()
    if spec.matrix is None:
        return [plan_run(spec, run_id, work.runs, now, work.new_hex, make_folder)]
    matrix = spec.matrix
    # Told in each unit: it is graded later, maybe by another process.
    root = matrix.source_root or str(work.sources.root(matrix.source))
    rooted = replace(spec, matrix=replace(matrix, source_root=root))
    resolve = _resolver(matrix, work.environ)
    ready = _competitions(matrix, root, work.sources, prepare)
    return plan_matrix(rooted, ready, resolve, work.runs, now, work.new_hex, make_folder)


def _competitions(matrix: Matrix, root: str, sources: Sources, prepare: bool) -> list[Competition]:
    source, wanted = sources(matrix.source, root), matrix.competitions
    names = competition_set(wanted) if isinstance(wanted, str) else wanted
    if prepare:
        return [source.prepare(name) for name in names]
    return [_imagined(source, root, name) for name in names]


def _imagined(source: Source, root: str, name: str) -> Competition:
    """A competition as it will be once it is prepared. Raises UnknownName."""
    if source.name != PackSource.name:
        return source.prepare(name)
    known_name(name, source.names(), "competition")
    return Competition(name, source.name, str(public_of(Path(root), name)))


def _resolver(matrix: Matrix, environ: Mapping[str, str]) -> Resolve:
    # A plain run needs none of them.
    from swarm_host.agents.known import AgentLimits
    from swarm_host.agents.registry import Agents

    checkout = environ.get(CHECKOUT)
    agents = Agents(checkout=Path(checkout) if checkout else None)
    for agent_id in matrix.agents:
        agents.find(agent_id)

    def resolve(agent: str, competition: Competition, seed: int, overlay: Overlay) -> RunConfig:
        limits = AgentLimits(overlay.timeout, matrix.steps)
        return agents.resolve(agent, competition, seed, overlay.backend, limits, matrix.build)

    return resolve


def commands(
    planned: Sequence[Planned], backends: Callable[[str], Backend]
) -> list[tuple[UnitSpec, list[list[str]]]]:
    """What would be run for each unit, secrets by name."""
    found: list[tuple[UnitSpec, list[list[str]]]] = []
    for unit in units_of(planned):
        words = backends(unit.run.backend).plan(unit, 1)
        found.append((unit, [list(command) for command in words]))
    return found
