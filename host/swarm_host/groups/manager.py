"""The queue of units: who starts when, what becomes of units whose process died, and how all ends.

The manager starts units through an engine and looks at the store; it holds nothing that the store
does not. A killed manager is followed by another one, which goes on where the store says.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal

from swarm_host.engines.local import LocalEngine
from swarm_host.errors import HostError, StoreBusy, StoreFull
from swarm_host.groups import queueing, run_folder
from swarm_host.groups.saying import Saying
from swarm_host.life.outcomes import outcome_of_row
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.protocols import Backend, Clock, Engine
from swarm_host.records import Group, Problem, UnitRow, UnitSpec
from swarm_host.states import FINAL, LIVE
from swarm_host.store import owners
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore

_log = logging.getLogger("swarm_host")


@dataclass(frozen=True, slots=True)
class Manners:
    """How a manager behaves. Seconds and bytes."""

    # Units side by side.
    width: int = 2
    # With less free space in the folder of runs, no further unit starts.
    least_free: int = 2 * 1024**3
    # Between two looks at the store when nothing comes back.
    look_s: float = 0.5
    # Rows are read anew as often even when no event tells of a change: a lease may be over.
    reread_s: float = 5.0
    # Files of a group are written at most as often, and at the end.
    write_s: float = 1.0
    # Before a unit that a busy store sent back is taken up again.
    again_s: float = 5.0
    # As again_s, after a full disk. It is also said at most as often.
    full_s: float = 30.0
    # After a signal: for lives to let go.
    let_go_s: float = 5.0
    # After a signal that leaves runs running: for a second one, which stops them.
    second_signal_s: float = 3.0
    # The first signal stops the runs.
    stop_runs: bool = False
    # What a user types to go on later.
    command: str = "python -m swarm_host worker"


@dataclass(frozen=True, slots=True)
class Finish:
    """How a manager ended. `left`: a signal, and runs go on; `stopped`: a signal, and they were
    stopped; `blocked`: nothing can start, and nothing runs.
    """

    how: Literal["done", "left", "stopped", "blocked"]
    rows: tuple[UnitRow, ...]
    # Units that a bug of ours keeps from their end, and the error.
    broken: Mapping[str, str] = field(default_factory=dict)
    signal: int | None = None

    @property
    def status(self) -> int:
        """The exit status: 0 all units are ok, 1 not all, 3 no unit could start, 128 + n after signal n."""
        if self.signal is not None:
            return 128 + self.signal
        if self.how == "blocked" and not self.broken and not any(map(_was_started, self.rows)):
            return 3
        outcomes = {outcome_of_row(row) for row in self.rows}
        return 0 if outcomes <= {"ok"} else 1


def _was_started(row: UnitRow) -> bool:
    return row.state != "queued" or row.attempt > 0


class GroupFiles:
    """The files of run folders, kept current but not written with every change."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.changed = False
        self._say = say
        self._written_at = float("-inf")
        self._cost_s = 0.0
        # State and time of the units of each group, as its files tell them.
        self._written: dict[str, tuple[tuple[str, float], ...]] = {}

    def write_if_due(
        self, groups: Sequence[Group], rows: Sequence[UnitRow], now: float, write_s: float
    ) -> None:
        """At most every `write_s` seconds, and a tenth of the time with thousands of units."""
        if self.changed and now - self._written_at >= max(write_s, 9 * self._cost_s):
            self._written_at, began = now, time.monotonic()
            self.write(groups, rows)
            self._cost_s = time.monotonic() - began

    def write(self, groups: Sequence[Group], rows: Sequence[UnitRow]) -> None:
        """Those that changed, as far as the disk takes them: the next change tries again."""
        of_group: dict[str, list[UnitRow]] = {group.group_id: [] for group in groups}
        for row in rows:
            of_group[row.spec.group].append(row)
        for group in groups:
            mine = of_group[group.group_id]
            now = tuple((row.state, row.updated) for row in mine)
            if self._written.get(group.group_id) == now or self._is_told(group, mine):
                continue
            try:
                run_folder.write(group, mine)
            except OSError as error:
                self._say(f"{group.folder} cannot be written: {error}")
                return
            self._written[group.group_id] = now
        self.changed = False

    def _is_told(self, group: Group, rows: Sequence[UnitRow]) -> bool:
        """An old group whose files another process has written since its last change."""
        if group.group_id in self._written or not all(row.state in FINAL for row in rows):
            return False
        try:
            written = (Path(group.folder) / run_folder.LAST_FILE).stat().st_mtime
        except OSError:
            return False
        return written > max((row.updated for row in rows), default=group.created)


class Manager:
    """Leads the units of some groups to their ends. Used by one thread; see `managing`."""

    def __init__(
        self,
        store: SqliteStore,
        engine: Engine,
        owner: str,
        halt: threading.Event,
        manners: Manners = Manners(),
        clock: Clock = time.time,
        say: Callable[[str], None] = lambda text: None,
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        """halt: set, it makes the lives of units let go. say: takes sentences for people. free: bytes
        that are free where a folder lies.
        """
        self.store = store
        self.engine = engine
        self._owner = owner
        self._halt = halt
        self._manners = manners
        self._clock = clock
        self._say = say
        self._saying = Saying(say, manners.full_s)
        self._free = free
        # Signals, as their handler counts them: it may interrupt any line of ours and does no more.
        self._signals: list[int] = []
        self._wanted: frozenset[str] | None = None
        self._groups: tuple[Group, ...] = ()
        self._rows: tuple[UnitRow, ...] = ()
        self._seen = -1
        self._read_at = float("-inf")
        self._files = GroupFiles(self._saying.once)
        self._not_before: dict[str, float] = {}
        self._broken: dict[str, str] = {}

    # ------------------------------------------------------------ what users ask for

    def add(self, group: Group, units: Sequence[UnitSpec]) -> None:
        """Queues a group. Its folder is readable by mle-bench's tools from now on."""
        self.store.add_group(group, units)
        run_folder.write(group, self.store.units(group.group_id))

    def cancel_group(self, group_id: str, reason: str = "") -> None:
        """Raises UnknownName."""
        self.store.group(group_id)
        for row in self.store.units(group_id):
            self.store.ask_cancel(row.spec.unit_id, reason)

    def interrupt(self, number: int) -> None:
        """A signal came. Safe to call from its handler."""
        self._signals.append(number)

    def run(self, groups: Iterable[str] | None = None, stay: bool = False) -> Finish:
        """Until all units of these groups have ended, or a signal comes.

        groups: None for all groups, also those that are added meanwhile. stay: wait for more units
        instead of ending. Raises UnknownName, StoreBusy at the start. Later, units wait while the store
        is busy.
        """
        self._wanted = None if groups is None else frozenset(groups)
        for name in self._wanted or ():
            self.store.group(name)
        while True:
            if self._signals:
                return self._after_signal()
            try:
                how = self._round()
            except (StoreBusy, StoreFull) as error:
                self._saying.put_off("the store is asked again later", error, self._clock())
                how = None
            if how is not None and not stay:
                return self._finish(how)
            self._wait()

    # ------------------------------------------------------------ one round

    def _round(self) -> Literal["done", "blocked"] | None:
        """Looks and starts what can start. None: there is more to do. Raises StoreBusy, StoreFull."""
        # Before the rows: of a unit that is not away, they tell what became of it.
        away = self.engine.pending()
        self._read()
        if not away and self._is_over():
            return "done"
        if self._stop_spending():
            return None
        started = self._start(away)
        if not started and not away and self._is_blocked():
            return "blocked"
        return None

    def _read(self) -> None:
        """Rows and files, when something has changed or may have. Raises StoreBusy."""
        for unit_id, error in self.engine.failures().items():
            self._came_back_by(unit_id, error)
        now = self._clock()
        newest = self.store.last_seq()
        if newest != self._seen or now - self._read_at >= self._manners.reread_s:
            self._release_the_dead()
            rows: list[UnitRow] = []
            self._groups = self._groups_of_now()
            for group in self._groups:
                rows += self.store.units(group.group_id)
            self._rows, self._read_at, self._seen = tuple(rows), now, newest
            self._files.changed = True
        self._files.write_if_due(self._groups, self._rows, now, self._manners.write_s)

    def _groups_of_now(self) -> tuple[Group, ...]:
        groups, wanted = self.store.groups(), self._wanted
        return tuple(group for group in groups if wanted is None or group.group_id in wanted)

    def _release_the_dead(self) -> None:
        """Units whose process is known to be gone can be adopted at once."""
        for name in owners.dead(self.store.state):
            if count := self.store.release(name):
                self._say(f"{count} units of {name}, which is gone, are taken over")
            owners.forget(self.store.state, name)

    def _came_back_by(self, unit_id: str, error: BaseException) -> None:
        if isinstance(error, HostError):
            # A disk does not become free as soon as a lock does.
            full = isinstance(error, StoreFull)
            pause = self._manners.full_s if full else self._manners.again_s
            self._not_before[unit_id] = self._clock() + pause
            self._saying.put_off(f"{unit_id} is taken up again later", error, self._clock())
            return
        _log.error("%s: a bug of ours", unit_id, exc_info=error)
        self._broken[unit_id] = f"{type(error).__name__}: {error}"
        self._say(f"{unit_id} cannot go on, which is a bug of ours: {self._broken[unit_id]}")

    def _is_over(self) -> bool:
        open_units = {row.spec.unit_id for row in self._rows if row.state not in FINAL}
        return not (open_units - self._broken.keys())

    def _stop_spending(self) -> bool:
        """Units that a budget leaves no room for are cancelled, and it is said: True then."""
        stopped = False
        for group in self._groups:
            rows = [row for row in self._rows if row.spec.group == group.group_id]
            reason = queueing.spent(group, rows)
            waiting = [row for row in rows if row.state == "queued"]
            if reason is None or not waiting:
                continue
            self._say(f"{len(waiting)} units of {group.group_id} do not start: {reason}")
            for row in waiting:
                self.store.ask_cancel(row.spec.unit_id, reason)
            stopped = True
        return stopped

    def _start(self, pending: frozenset[str]) -> int:
        """How many units were handed to the engine."""
        held = {unit for unit, at in self._not_before.items() if at > self._clock()}
        away = pending | held | self._broken.keys()
        room = self._manners.width - len(pending)
        due = queueing.due(self._rows, away, self._clock(), self._owner)[: max(0, room)]
        started = 0
        for row in due:
            # What runs already needs no more room than it has.
            if row.state == "queued" and not self._has_disk():
                continue
            self.engine.submit(row.spec.unit_id)
            started += 1
        return started

    def _has_disk(self) -> bool:
        free = self._free(self.store.runs)
        if free >= self._manners.least_free:
            return True
        self._saying.once(
            f"no further unit starts: {free / 1024**3:.1f} GiB are free in the folder of runs, and "
            f"{self._manners.least_free / 1024**3:.1f} GiB are kept free; free some, then "
            f"`{self._manners.command}` goes on"
        )
        return False

    def _is_blocked(self) -> bool:
        """Nothing of ours runs, nothing can start, and nobody else leads a unit either."""
        waiting = [row for row in self._rows if row.state == "queued"]
        others = [row for row in self._rows if row.state in LIVE]
        open_others = [row for row in others if row.spec.unit_id not in self._broken]
        held = any(at > self._clock() for at in self._not_before.values())
        return bool(waiting) and not open_others and not held

    def _wait(self) -> None:
        if self.engine.pending():
            self.engine.wait(self._manners.look_s)
        else:
            self._halt.wait(self._manners.look_s)

    # ------------------------------------------------------------ the end

    def _after_signal(self) -> Finish:
        number = self._signals[0]
        self._read_anew()
        if not self._manners.stop_runs:
            self._let_go()
            running = self._running()
            if running:
                self._say(
                    f"{len(running)} runs go on without this process; {self._manners.command} goes on "
                    "with them"
                )
            if not running or not self._is_signalled_again():
                return self._finish("left", number)
        self._stop_all()
        return self._finish("stopped", number)

    def _let_go(self) -> None:
        """Lives leave their units as they are."""
        self._halt.set()
        until = time.monotonic() + self._manners.let_go_s
        while self.engine.pending() and time.monotonic() < until:
            self.engine.wait(self._manners.look_s)
        # What cannot be given back now is given back when the block of `managing` ends.
        with contextlib.suppress(StoreBusy, StoreFull):
            self.store.release(self._owner)
        self._read_anew()

    def _is_signalled_again(self) -> bool:
        seconds = self._manners.second_signal_s
        if seconds > 0:
            self._say(f"another signal within {seconds:g} s stops them")
        until = time.monotonic() + seconds
        while len(self._signals) < 2 and time.monotonic() < until:
            # Not on `halt`, which is set: an event of nobody is a wait that a signal may interrupt.
            threading.Event().wait(0.1)
        return len(self._signals) >= 2

    def _stop_all(self) -> None:
        """Running units are cancelled: stopped, collected, graded. Waiting ones keep waiting."""
        self._halt.clear()
        seen = len(self._signals)
        for row in self._running():
            self.engine.submit(row.spec.unit_id)
        while self.engine.pending() and len(self._signals) == seen:
            # Again and again: a unit may have been about to start.
            for row in self._running():
                self.store.ask_cancel(row.spec.unit_id, "stopped by a signal")
            self.engine.wait(self._manners.look_s)
            self._read_anew()

    def _read_anew(self) -> None:
        self._read_at = float("-inf")
        # The rows of before do as well.
        with contextlib.suppress(StoreBusy, StoreFull):
            self._read()

    def _running(self) -> list[UnitRow]:
        pending = self.engine.pending()
        ours = {self._owner, None}
        live = [row for row in self._rows if row.state in LIVE]
        return [row for row in live if row.owner in ours or row.spec.unit_id in pending]

    def _finish(
        self, how: Literal["done", "left", "stopped", "blocked"], number: int | None = None
    ) -> Finish:
        self._files.write(self._groups, self._rows)
        return Finish(how, self._rows, dict(self._broken), number)


# ---------------------------------------------------------------- composition


@contextlib.contextmanager
def managing(
    world: World,
    owner: Owner,
    store: SqliteStore,
    manners: Manners = Manners(),
    engine: Engine | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Manager]:
    """A manager for one block, which lets go of all its units at the end.

    engine: None for this machine. world.halt must be an event of the manager's own.
    """
    halt = world.halt
    if not isinstance(halt, threading.Event):
        raise TypeError("a manager sets `halt` itself: it must be a threading.Event")
    placed = engine or LocalEngine(functools.partial(run_unit, world, owner.name), manners.width)
    try:
        yield Manager(store, placed, owner.name, halt, manners, world.clock, say)
    finally:
        halt.set()
        placed.shutdown()
        let_go(store, owner)


def let_go(store: SqliteStore, owner: Owner) -> None:
    """Of all units of this process, which ends. Others may take them up; where the store cannot be
    written, they see that this process is gone, as after kill -9.
    """
    try:
        store.release(owner.name)
    except (StoreBusy, StoreFull):
        owner.leave_behind()


@contextlib.contextmanager
def signals_to(manager: Manager) -> Iterator[None]:
    """SIGINT and SIGTERM go to this manager while the block runs. Only in the main thread."""

    def handler(number: int, frame: FrameType | None) -> None:
        manager.interrupt(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def preflight(
    units: Sequence[UnitSpec], backends: Callable[[str], Backend]
) -> Sequence[tuple[UnitSpec, Problem]]:
    """What stands in the way of these units, each problem once with the first unit that has it.

    Raises UnknownName for a backend that does not exist.
    """
    found: dict[Problem, UnitSpec] = {}
    for unit in units:
        for problem in backends(unit.run.backend).preflight(unit.run):
            found.setdefault(problem, unit)
    return [(unit, problem) for problem, unit in found.items()]
