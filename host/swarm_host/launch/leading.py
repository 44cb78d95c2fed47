"""Groups are led to their end, which is shown while it comes about."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from swarm_host.engines.placed import lead_alone
from swarm_host.engines.table import MakeEngine, this_machine
from swarm_host.errors import HostError, UsageError
from swarm_host.groups.manager import Finish, Manager, Manners, let_go, managing, signals_to
from swarm_host.groups.sweep import Planned, units_of
from swarm_host.launch.bench import Bench
from swarm_host.life.world import World
from swarm_host.protocols import Backend, Peeking
from swarm_host.records import Handle
from swarm_host.show.live import Display, Passed, Watch, watch
from swarm_host.show.scores import LARGEST_REPORT, Peek
from swarm_host.states import FINAL
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore


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
    later. stay: wait for more until a signal comes. Units that had ended before are neither shown nor
    in what is returned. Raises UnknownName.
    """
    with _managed(work, manners, display, engine) as manager:
        ended = [row for row in manager.store.units() if row.state in FINAL]
        passed = frozenset((row.spec.unit_id, row.attempt) for row in ended)
        if stay:
            display.say("units that come later are led, too, until a signal comes")
        finish = _run(manager, groups, work, display, stay, passed)
    mine = [row for row in finish.rows if (row.spec.unit_id, row.attempt) not in passed]
    return replace(finish, rows=tuple(mine))


def finish_units(store: SqliteStore, work: Bench, unit_ids: Sequence[str]) -> None:
    """Leads units that nobody follows to their end in this thread, one after another."""
    if not unit_ids:
        return
    owner, world = Owner(store.state), _world(store, work)
    try:
        for unit_id in unit_ids:
            lead_alone(world, store, owner, unit_id)
    finally:
        let_go(store, owner)
        owner.close()


def _run(
    manager: Manager,
    groups: Sequence[str] | None,
    work: Bench,
    display: Display,
    stay: bool = False,
    passed: Passed = frozenset(),
) -> Finish:
    peek = _peek(work.backends) if display.shows_scores else None
    look = Watch(work.runs, work.clock, peek, passed)
    with _shown(manager.store, groups, look, display):
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
        placed = engine(store, display.say)
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
