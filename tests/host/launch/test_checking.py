"""What stands in the way is told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from swarm_host.groups.sweep import Planned
from swarm_host.launch import checking
from swarm_host.launch.bench import Bench
from swarm_host.records import Mount, Problem, Secret

from tests.host.launch.units import planned
from tests.host.made import a_run

KEY = "sk-0123456789abcdef"


def told(work: Bench, units: list[Planned]) -> list[str]:
    return [problem.what for problem in checking.problems(units, work.backends)]


def test_what_many_units_have_in_common_is_told_once(work: Bench) -> None:
    bad = planned(work, 3, run=a_run(command=()))
    assert checking.problems(bad, work.backends) == [Problem("no command", "write one")]
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
    found = checking.problems(planned(work, run=a_run(env=env)), work.backends)
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
    checking.problems(units, work.backends)
    Path(unit.run.workspace).mkdir(parents=True)
    checking.problems(units, work.backends)
    assert seen == [[mounts[1].source], [mount.source for mount in mounts]]


@pytest.mark.parametrize("source", ["pack", "mlebench"])
def test_a_dry_run_takes_data_that_the_run_prepares_for_no_fault(
    work: Bench, tmp_path: Path, source: str
) -> None:
    """Only the pack prepares what an agent sees; elsewhere a user has to."""
    public = tmp_path / "data" / "churn" / "prepared" / "public"
    run = a_run(mounts=(Mount(str(public), "/home/data", True),))
    fields = {"competition": "churn", "source": source, "source_root": str(tmp_path / "data")}
    units = planned(work, run=run, **fields)
    seen: list[Any] = []
    work.backends("fake").preflight = lambda run: seen.append(run.mounts) or []  # type: ignore
    checking.problems(units, work.backends)
    public.mkdir(parents=True)
    checking.problems(units, work.backends)
    assert seen == [() if source == "pack" else run.mounts, run.mounts]


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
