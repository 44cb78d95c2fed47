"""A specification becomes groups and units: ids, folders, and what stands in each run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from swarm_host.errors import SpecError, UnknownName, UsageError
from swarm_host.groups.sweep import (
    Planned,
    group_name,
    imagined_group_folder,
    in_folders,
    make_group_folder,
    new_run_id,
    plan_matrix,
    plan_run,
    slug,
)
from swarm_host.records import Competition, RunConfig
from swarm_host.spec.loading import Spec, parse
from swarm_host.spec.run_keys import Overlay
from swarm_host.words.expand import Scope

NOW = 1_790_000_000.5
COMPETITIONS = [
    Competition("house-price", "pack", "/public/house-price"),
    Competition("My_Own.Data", "pack", "/public/own"),
]


def numbered() -> Callable[[], str]:
    count = itertools.count(1)
    return lambda: f"{next(count):012x}" + "0" * 20


def spec_of(text: str) -> Spec:
    return parse(text.encode(), "x.yaml", (), Scope({"run_id": "r"}, {}, "/home", "/here"))


MATRIX = """\
matrix: {agents: [swarm-evo/dev, dummy], competitions: [house-price, My_Own.Data], seeds: [3, 1]}
env: {LABEL: "${agent}:${competition}:${seed}"}
budget: {hours: 2}
notes: a note
backend: local
"""


def resolve(agent: str, competition: Competition, seed: int, overlay: Overlay) -> RunConfig:
    if agent == "nobody":
        raise UnknownName("nobody")
    return RunConfig(None, (agent, competition.public, str(seed)), workspace="")


def planned_in(runs: Path, text: str = MATRIX) -> list[Planned]:
    return plan_matrix(spec_of(text), COMPETITIONS, resolve, runs, NOW, numbered())


def test_names() -> None:
    assert new_run_id(NOW, numbered()) == "20260921-141320-000000"
    assert group_name("swarm-evo/dev", NOW) == "2026-09-21T14-13-20-GMT_run-group_swarm-evo-dev"
    assert [slug(name) for name in ("A_b.C/d:1", "", "___", "x" * 90)] == [
        "a-b-c-d-1",
        "x",
        "x",
        "x" * 40,
    ]


def test_a_matrix_has_a_group_for_each_agent(tmp_path: Path) -> None:
    dev, dummy = planned_in(tmp_path)
    assert (dev.group.agent, dummy.group.agent) == ("swarm-evo/dev", "dummy")
    assert dev.group.sweep == dummy.group.sweep is not None
    assert (dev.group.budget_hours, dev.group.notes, dev.group.created) == (2.0, "a note", NOW)
    assert Path(dev.group.folder).is_dir()
    assert Path(dev.group.folder).name == dev.group.group_id
    assert [(u.competition, u.seed) for u in dev.units] == [
        ("house-price", 3),
        ("My_Own.Data", 3),
        ("house-price", 1),
        ("My_Own.Data", 1),
    ]


def test_units_have_ids_and_folders_of_their_own(tmp_path: Path) -> None:
    units = [unit for planned in planned_in(tmp_path) for unit in planned.units]
    assert len({unit.unit_id for unit in units}) == len({unit.folder for unit in units}) == 8
    for unit in units:
        assert re.fullmatch("[a-z0-9][a-z0-9-]*", unit.unit_id)
        # mle-bench takes the competition from what stands before the first underscore.
        assert re.fullmatch(r"(house-price|My-Own.Data)_[0-9a-f-]{36}", Path(unit.folder).name)
        assert unit.run.workspace == unit.folder
        assert unit.run.command == (unit.agent, *unit.run.command[1:2], str(unit.seed))
        assert unit.run.env == {"LABEL": f"{unit.agent}:{unit.competition}:{unit.seed}"}
        assert (unit.run.backend, unit.source, unit.group) == (
            "local",
            "pack",
            Path(unit.folder).parent.name,
        )


def test_the_folder_of_a_run_tells_mle_bench_the_competition() -> None:
    long = "the-icml-2013-whale-challenge-right-whale-redux"
    assert [in_folders(name) for name in (long, "AI4Code", "my_own/data")] == [
        long,
        "AI4Code",
        "my-own-data",
    ]


def test_a_mistake_is_found_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        planned_in(tmp_path / "runs", MATRIX.replace("dummy", "nobody"))
    many = MATRIX.replace("[3, 1]", "1500")
    with pytest.raises(SpecError, match="2000"):
        planned_in(tmp_path / "runs", many.replace("[house-price, My_Own.Data]", "all"))
    assert not (tmp_path / "runs").exists()


def test_a_plain_run_is_a_group_of_one(tmp_path: Path) -> None:
    spec = spec_of("agent_image: My-Agent:latest\nworkspace: ./runs/${run_id}\n")
    planned = plan_run(spec, "20260921-1-a", tmp_path, NOW, numbered())
    (unit,) = planned.units
    assert planned.group.group_id.endswith("_run-group_my-agent-latest")
    assert (unit.unit_id, unit.competition, unit.run) == ("20260921-1-a", None, spec.run)
    assert Path(unit.folder).parent == Path(planned.group.folder)


def test_groups_of_one_second_do_not_meet(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: make_group_folder(tmp_path, "a", NOW), range(40)))
    assert len(set(folders)) == 40
    assert all(folder.is_dir() for folder in folders)
    first, second = planned_in(tmp_path), planned_in(tmp_path)
    assert first[0].group.group_id != second[0].group.group_id


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    spec = spec_of("backend: local\ncommand: [go]\nworkspace: w\n")
    runs = tmp_path / "runs"
    planned = plan_run(spec, "r", runs, NOW, numbered(), imagined_group_folder)
    assert planned.group.folder == str(runs / group_name("go", NOW))
    assert not runs.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file.*--runs"):
        make_group_folder(tmp_path / "file" / "runs", "a", NOW)


def test_an_overlay_does_not_change_what_it_does_not_name(tmp_path: Path) -> None:
    (unit, *_), _ = (planned.units for planned in planned_in(tmp_path))
    plain = resolve(unit.agent, COMPETITIONS[0], unit.seed, Overlay.__new__(Overlay))
    assert replace(unit.run, env={}, workspace="", backend="docker") == plain
