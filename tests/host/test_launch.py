"""What commands share: planned without an act, checked at once, led to an end, left tidy."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from swarm_host import launch
from swarm_host.errors import StoreBusy, UnknownName, UsageError
from swarm_host.groups.manager import Manners
from swarm_host.groups.sweep import Planned
from swarm_host.launch import Bench
from swarm_host.records import Competition, Mount, Problem, Secret, UnitSpec
from swarm_host.show.live import LiveLine
from swarm_host.spec.loading import Spec, parse
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.expand import Scope

from tests.host.fakes import LEAVES, FakeBackend, FakeSource, one_backend
from tests.host.made import a_group, a_run, a_unit

KEY = "sk-0123456789abcdef"
# As fast as a test of real processes may be.
BRISK = Manners(look_s=0.02, write_s=0.0, again_s=0.0, least_free=0, let_go_s=0.0)


class Silent:
    """A display that keeps what it is told."""

    shows_scores = False

    def __init__(self) -> None:
        self.shown: list[LiveLine] = []
        self.closed = False

    def show(self, lines: Sequence[LiveLine]) -> None:
        self.shown = list(lines)

    def say(self, text: str) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Made:
    """Sources that have one competition, and say what was prepared."""

    def __init__(self) -> None:
        self.source = FakeSource()
        self.prepared: list[str] = []

    def __call__(self, name: str | None, root: str | None = None) -> Made:
        self.name = name or ""
        return self

    def root(self, name: str) -> Path:
        return Path("/data") / name

    def names(self) -> Sequence[str]:
        return ["toy"]

    def prepare(self, name: str) -> Competition:
        self.prepared.append(name)
        return Competition(name, self.name, f"/prepared/{name}")

    def grade(self, competition: str, submission: Path) -> Any:
        return self.source.grade(competition, submission)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[FakeBackend]:
    backend = FakeBackend(tmp_path / "fake")
    yield backend
    for handle in backend.find():
        backend.remove(handle)


@pytest.fixture
def work(tmp_path: Path, backend: FakeBackend) -> Bench:
    count = itertools.count(1)
    return Bench(
        runs=tmp_path / "runs",
        environ={},
        backends=one_backend(backend),  # type: ignore[arg-type]
        sources=Made(),  # type: ignore[arg-type]
        new_hex=lambda: f"{next(count):032x}",
    )


def planned(work: Bench, count: int = 1, **fields: Any) -> list[Planned]:
    """One group of units that submit, without a competition unless it is given."""
    fields = {"competition": None, "run": a_run(command=LEAVES)} | fields
    units = []
    for number in range(1, count + 1):
        unit = a_unit(work.runs, number, **fields)
        folder = str(work.runs.parent / "ws" / str(number))
        units.append(dataclasses.replace(unit, run=dataclasses.replace(unit.run, workspace=folder)))
    return [Planned(a_group(work.runs), tuple(units))]


def told(work: Bench, units: list[Planned]) -> list[str]:
    return [problem.what for problem in launch.problems(units, work.backends)]


# ---------------------------------------------------------------- plans


def matrix(**changes: str) -> Spec:
    keys = {"agents": "[dummy]", "competitions": "[toy]", "source": "pack"} | changes
    text = ", ".join(f"{key}: {value}" for key, value in keys.items())
    scope = Scope({"run_id": "r"}, {}, "/home", "/here")
    return parse(f"backend: local\nmatrix: {{{text}}}".encode(), "x.yaml", (), scope)


def test_a_plan_that_is_only_looked_at_prepares_nothing(work: Bench) -> None:
    (group,) = launch.plan(matrix(), "r", work, prepare=False)
    (unit,) = group.units
    assert work.sources.prepared == []  # type: ignore[attr-defined]
    assert not work.runs.exists()
    # A later process grades it by the same data.
    assert (unit.competition, unit.source, unit.source_root) == ("toy", "pack", "/data/pack")


def test_an_agent_is_looked_up_before_a_competition_is_prepared(work: Bench) -> None:
    with pytest.raises(UnknownName, match="unknown agent 'dummi'; nearest: dummy"):
        launch.plan(matrix(agents="[dummi]"), "r", work)
    assert work.sources.prepared == []  # type: ignore[attr-defined]
    launch.plan(matrix(), "r", work)
    assert work.sources.prepared == ["toy"]  # type: ignore[attr-defined]


def test_a_competition_of_the_pack_is_known_before_it_is_prepared(work: Bench) -> None:
    with pytest.raises(UnknownName, match="'toyy'"):
        launch.plan(matrix(competitions="[toyy]"), "r", work, prepare=False)


# ---------------------------------------------------------------- problems


def test_what_many_units_have_in_common_is_told_once(work: Bench) -> None:
    bad = planned(work, 3, run=a_run(command=()))
    assert launch.problems(bad, work.backends) == [Problem("no command", "write one")]
    assert told(work, planned(work, 3)) == []


@pytest.mark.parametrize(
    ("env", "warned"),
    [
        ({"MY_API_KEY": KEY}, True),
        ({"MY_API_KEY": Secret("MY_API_KEY")}, False),
        # Stands in where no key is needed.
        ({"MY_API_KEY": "none"}, False),
        ({"LABEL": "twelve letters and more"}, False),
    ],
    ids=str,
)
def test_a_key_in_a_file_is_warned_of_and_not_repeated(
    work: Bench, env: dict[str, Any], warned: bool
) -> None:
    found = launch.problems(planned(work, run=a_run(env=env)), work.backends)
    assert [problem.refuses for problem in found] == [False] * warned
    assert KEY not in str(found)


def test_a_mount_of_a_workspace_that_is_made_later_is_no_fault(work: Bench, tmp_path: Path) -> None:
    """A backend sees such a mount only when its source is there."""
    (group,) = planned(work)
    (unit,) = group.units
    mounts = tuple(Mount(source, "/x", True) for source in (unit.run.workspace, str(tmp_path)))
    seen: list[list[str]] = []

    def preflight(run: Any) -> list[Problem]:
        seen.append([mount.source for mount in run.mounts])
        return []

    work.backends("fake").preflight = preflight  # type: ignore[method-assign]
    ready = dataclasses.replace(unit, run=dataclasses.replace(unit.run, mounts=mounts))
    units = [dataclasses.replace(group, units=(ready,))]
    launch.problems(units, work.backends)
    Path(unit.run.workspace).mkdir(parents=True)
    launch.problems(units, work.backends)
    assert seen == [[mounts[1].source], [mount.source for mount in mounts]]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder.mkdir(), None),
        (lambda folder: folder.write_text(""), "is no folder that takes files"),
        (lambda folder: (folder.mkdir(), (folder / "stderr.log").touch()), "holds stderr.log"),
        (lambda folder: folder.symlink_to("nowhere"), None),
    ],
)
def test_workspaces_that_are_there(
    work: Bench, make: Callable[[Path], object], says: str | None
) -> None:
    units = planned(work)
    folder = Path(units[0].units[0].run.workspace)
    folder.parent.mkdir()
    make(folder)
    found = told(work, units)
    assert [says in what for what in found if says] == [True] * bool(says)
    assert bool(found) == bool(says)
    # A unit of a matrix has its group's folder, whatever stands in workspace.
    assert told(work, planned(work, competition="toy")) == []


# ---------------------------------------------------------------- runs


def test_a_run_is_led_shown_and_reported(work: Bench) -> None:
    display = Silent()
    finish = launch.lead(planned(work, 2), work, BRISK, display)
    assert (finish.how, finish.status) == ("done", 0)
    assert [line.phase for line in display.shown] == ["ok", "ok"]
    assert display.closed
    report = launch.finish_facts(finish)
    assert [unit["outcome"] for unit in report["units"]] == ["ok", "ok"]
    assert all(Path(unit["workspace"], "stdout.log").is_file() for unit in report["units"])


def test_an_engine_that_is_not_there_leaves_no_group_and_no_unit(work: Bench) -> None:
    units = planned(work)
    Path(units[0].group.folder).mkdir(parents=True)

    def engine(*_: object) -> None:
        raise UsageError("no cluster answers")

    display = Silent()
    with pytest.raises(UsageError, match="no cluster answers"):
        launch.lead(units, work, BRISK, display, engine)
    assert display.closed
    assert not Path(units[0].group.folder).exists()
    assert not Path(units[0].units[0].run.workspace).exists()
    store = SqliteStore(work.runs)
    assert (store.groups(), store.units()) == ([], [])
    store.close()


def test_a_workspace_that_cannot_be_made_queues_nothing(work: Bench) -> None:
    units = planned(work, 2)
    second = Path(units[0].units[1].run.workspace)
    second.parent.mkdir()
    second.write_text("")
    with pytest.raises(UsageError, match="File exists"):
        launch.lead(units, work, BRISK, Silent())
    store = SqliteStore(work.runs)
    assert (store.groups(), store.units()) == ([], [])
    store.close()


def test_an_unknown_group_is_told_and_the_display_is_closed(work: Bench) -> None:
    display = Silent()
    with pytest.raises(UnknownName):
        launch.go_on(["g7"], work, BRISK, display)
    assert display.closed


# ---------------------------------------------------------------- units of the dead


@pytest.fixture
def store(work: Bench) -> Iterator[SqliteStore]:
    store = SqliteStore(work.runs)
    yield store
    store.close()


def queued(work: Bench, store: SqliteStore, count: int) -> list[UnitSpec]:
    (group,) = planned(work, count, competition="toy")
    store.add_group(group.group, group.units)
    return list(group.units)


def dead_owner(store: SqliteStore) -> str:
    """The name of a killed process of this machine: its file is there, and nobody locks it."""
    owner = Owner(store.state)
    owner.close()
    (store.state / "owners" / owner.name).touch()
    return owner.name


def test_units_of_a_dead_process_are_led_to_their_end_here(work: Bench, store: SqliteStore) -> None:
    one, two = queued(work, store, 2)
    gone = dead_owner(store)
    assert store.claim(gone, 3600, one.unit_id) is not None
    launch.finish_units(store, work, [one.unit_id, two.unit_id])
    assert [(row.state, row.owner) for row in store.units()] == [("done", None)] * 2


def test_a_unit_of_a_living_process_is_left_to_it(work: Bench, store: SqliteStore) -> None:
    (unit,) = queued(work, store, 1)
    living = Owner(store.state)
    assert store.claim(living.name, 3600, unit.unit_id) is not None
    launch.finish_units(store, work, [unit.unit_id])
    assert (store.unit(unit.unit_id).state, store.unit(unit.unit_id).owner) == (
        "claimed",
        living.name,
    )
    living.close()


def test_a_store_that_fails_leaves_no_unit_to_a_process_that_has_gone(
    work: Bench, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (unit,) = queued(work, store, 1)
    move = store.move

    def moved(unit_id: str, owner: str, to: str, *rest: Any, **more: Any) -> None:
        if to == "running":
            raise StoreBusy("locked")
        move(unit_id, owner, to, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "move", moved)
    with pytest.raises(StoreBusy):
        launch.finish_units(store, work, [unit.unit_id])
    row = store.unit(unit.unit_id)
    assert (row.state, row.owner, row.lease_until) == ("starting", None, None)
    assert list((store.state / "owners").iterdir()) == []


def test_nothing_to_finish_makes_no_owner(work: Bench, store: SqliteStore) -> None:
    launch.finish_units(store, work, [])
    assert not (store.state / "owners").exists() or not any((store.state / "owners").iterdir())


# ---------------------------------------------------------------- the end


def test_what_is_not_known_yet_is_null_and_each_key_is_there(
    work: Bench, store: SqliteStore
) -> None:
    waits, ended = queued(work, store, 2)
    launch.finish_units(store, work, [ended.unit_id])
    before, after = (launch.unit_facts(store.unit(unit.unit_id)) for unit in (waits, ended))
    assert before.keys() == after.keys()
    assert (before["outcome"], before["score"], before["exit_code"]) == (None, None, None)
    assert (after["outcome"], after["score"], after["exit_code"]) == ("ok", 0.5, 0)
    store.ask_cancel(waits.unit_id)
    assert launch.unit_facts(store.unit(waits.unit_id))["outcome"] == "cancelled"
