"""From a specification to its end: planned, checked, queued, shown. What commands share."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swarm_host.backends.table import Backends
from swarm_host.engines.placed import lead_alone
from swarm_host.engines.table import MakeEngine, this_machine
from swarm_host.errors import HostError, UsageError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.groups.manager import Finish, Manager, Manners, managing, preflight, signals_to
from swarm_host.groups.sweep import (
    MakeFolder,
    NewHex,
    Planned,
    Resolve,
    imagined_group_folder,
    plan_matrix,
    plan_run,
)
from swarm_host.life.outcomes import outcome_of_row
from swarm_host.life.world import World
from swarm_host.protocols import Backend, Clock, Peeking, Source
from swarm_host.records import (
    Competition,
    Handle,
    Problem,
    RunConfig,
    UnitResult,
    UnitRow,
    UnitSpec,
)
from swarm_host.show.live import Display, Watch, watch
from swarm_host.show.scores import LARGEST_REPORT, Peek
from swarm_host.sources.sets import competition_set
from swarm_host.sources.table import Sources
from swarm_host.spec.loading import Spec
from swarm_host.spec.matrix_keys import Matrix
from swarm_host.spec.run_keys import Overlay
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.expand import looks_secret
from swarm_host.words.mle_bench import CHECKOUT
from swarm_host.words.names import known_name
from swarm_host.words.places import STATE_FOLDER

LOGS = ("stdout.log", "stderr.log")
# Characters. Shorter values stand in for a key where none is needed: EMPTY, none.
_LIKE_A_SECRET = 12
# Bytes of one name in a path, on all file systems in use.
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Bench:
    """What one command works with."""

    runs: Path
    environ: Mapping[str, str]
    backends: Backends
    sources: Sources
    new_hex: NewHex
    clock: Clock = time.time


@contextlib.contextmanager
def bench(
    runs: Path, environ: Mapping[str, str], new_hex: NewHex, clock: Clock = time.time
) -> Iterator[Bench]:
    """Backends, sources and graders of one command; graders end with the block. Makes no folder."""
    with GradingWorkers(runs / STATE_FOLDER / "grading", environ) as graders:
        yield Bench(
            runs=runs,
            environ=environ,
            backends=Backends(runs, environ, clock),
            sources=Sources(graders, environ),
            new_hex=new_hex,
            clock=clock,
        )


# ---------------------------------------------------------------- before anything starts


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
    if source.name != "pack":
        return source.prepare(name)
    known_name(name, source.names(), "competition")
    return Competition(name, source.name, str(Path(root) / name / "prepared" / "public"))


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


def units_of(planned: Sequence[Planned]) -> list[UnitSpec]:
    found: list[UnitSpec] = []
    for group in planned:
        found += group.units
    return found


def problems(planned: Sequence[Planned], backends: Callable[[str], Backend]) -> list[Problem]:
    """What stands in the way, each once: of this side first, then of the backends."""
    units = units_of(planned)
    found: dict[Problem, None] = {}
    for unit in units:
        found |= dict.fromkeys(_own_problems(unit))
    ready = [replace(unit, run=_without_new_workspace(unit.run)) for unit in units]
    found |= {problem: None for _, problem in preflight(ready, backends)}
    return list(found)


def _without_new_workspace(run: RunConfig) -> RunConfig:
    """A workspace that is not there yet is made before the start, and holds nothing that is secret."""
    if _is_there(Path(run.workspace)):
        return run
    return replace(run, mounts=tuple(m for m in run.mounts if m.source != run.workspace))


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


def commands(
    planned: Sequence[Planned], backends: Callable[[str], Backend]
) -> list[tuple[UnitSpec, list[list[str]]]]:
    """What would be run for each unit, secrets by name."""
    found: list[tuple[UnitSpec, list[list[str]]]] = []
    for unit in units_of(planned):
        words = backends(unit.run.backend).plan(unit, 1)
        found.append((unit, [list(command) for command in words]))
    return found


# ---------------------------------------------------------------- the run


def lead(
    planned: Sequence[Planned],
    work: Bench,
    manners: Manners,
    display: Display,
    engine: MakeEngine = this_machine,
) -> Finish:
    """Queues the groups and leads them to their end, which is shown while it comes about.

    SIGINT and SIGTERM are heard in the main thread only. Raises UsageError, StoreBusy, StoreFull.
    """
    try:
        with _managed(work, manners, display, engine) as manager:
            _make_workspaces(planned)
            for group in planned:
                manager.add(group.group, group.units)
            return _run(manager, [group.group.group_id for group in planned], work, display)
    except UsageError:
        # A cluster does not answer, for example. Folders that are still empty go, others stay.
        for group in planned:
            with contextlib.suppress(OSError):
                Path(group.group.folder).rmdir()
        raise


def go_on(
    groups: Sequence[str] | None,
    work: Bench,
    manners: Manners,
    display: Display,
    engine: MakeEngine = this_machine,
    stay: bool = False,
) -> Finish:
    """As lead, for groups that are in the store already; None for all of them, also those that come
    later. stay: wait for more until a signal comes. Raises UnknownName.
    """
    with _managed(work, manners, display, engine) as manager:
        return _run(manager, groups, work, display, stay)


def finish_units(store: SqliteStore, work: Bench, unit_ids: Sequence[str]) -> None:
    """Leads units that nobody follows to their end in this thread, one after another."""
    if not unit_ids:
        return
    owner = Owner(store.state)
    try:
        for unit_id in unit_ids:
            lead_alone(_world(store, work), store, owner, unit_id)
    finally:
        store.release(owner.name)
        owner.close()


def _run(
    manager: Manager,
    groups: Sequence[str] | None,
    work: Bench,
    display: Display,
    stay: bool = False,
) -> Finish:
    peek = _peek(work.backends) if display.shows_scores else None
    with _shown(manager.store, groups, Watch(work.runs, work.clock, peek), display):
        return manager.run(groups, stay)


def _peek(backends: Callable[[str], Backend]) -> Peek:
    """Into containers of backends that can, and of this machine's daemon: it does not know those that
    an engine placed elsewhere.
    """

    def peek(handle: Handle, path: str) -> bytes | None:
        with contextlib.suppress(HostError):
            backend = backends(handle.backend)
            if isinstance(backend, Peeking):
                return backend.peek(handle, path, LARGEST_REPORT)
        return None

    return peek


@contextlib.contextmanager
def _managed(
    work: Bench, manners: Manners, display: Display, engine: MakeEngine
) -> Iterator[Manager]:
    """A manager on the store of the folder of runs, which hears signals."""
    with contextlib.ExitStack() as stack:
        store = SqliteStore(work.runs, clock=work.clock)
        stack.callback(store.close)
        owner = Owner(store.state)
        stack.callback(owner.close)
        world = _world(store, work)
        stack.callback(display.close)
        placed = engine(store, world, display.say)
        manager = stack.enter_context(
            managing(world, owner, store, manners, placed, say=display.say)
        )
        if threading.current_thread() is threading.main_thread():
            stack.enter_context(signals_to(manager))
        yield manager


def _world(store: SqliteStore, work: Bench) -> World:
    return World(
        store=store,
        backends=work.backends,
        sources=work.sources,
        clock=work.clock,
        halt=threading.Event(),
        environment=work.environ,
    )


def _make_workspaces(planned: Sequence[Planned]) -> None:
    for unit in units_of(planned):
        try:
            Path(unit.run.workspace).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"workspace {unit.run.workspace}: {error.strerror}") from None


@contextlib.contextmanager
def _shown(
    store: SqliteStore, names: Sequence[str] | None, look: Watch, display: Display
) -> Iterator[None]:
    """Lines are drawn in a thread of their own; the last state is drawn at the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(
        target=watch, args=(store, names, look, display, stop), name="display", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# ---------------------------------------------------------------- the end


def finish_facts(finish: Finish) -> dict[str, Any]:
    """How it ended, for other programs: JSON values."""
    return {
        "how": finish.how,
        "status": finish.status,
        "units": [unit_facts(row) for row in finish.rows],
    }


def unit_facts(row: UnitRow) -> dict[str, Any]:
    """One unit, for other programs. What is not known yet is null."""
    spec = row.spec
    known: dict[str, Any] = {
        "unit": spec.unit_id,
        "group": spec.group,
        "agent": spec.agent,
        "competition": spec.competition,
        "seed": spec.seed,
        "state": row.state,
        "outcome": outcome_of_row(row),
        "folder": spec.folder,
        "workspace": spec.run.workspace,
    }
    return known | _end_of(row.result)


def _end_of(result: UnitResult | None) -> dict[str, Any]:
    if result is None:
        return dict.fromkeys(("message", "exit_code", "seconds", "score", "isolation"))
    return {
        "message": result.message,
        "exit_code": getattr(result.ending, "exit_code", None),
        "seconds": result.usage.seconds,
        "score": getattr(result.grade, "score", None),
        "isolation": result.isolation,
    }
