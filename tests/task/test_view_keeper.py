"""Damage to a view is seen and mended, whichever way it was done; and the worker answers about
views.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.protocols import Views
from core.records import CompetitionSpec, View
from core.task.hints import UNSET
from core.task.keeper import ViewKeeper
from core.task.view_digest import view_digest
from core.task.views.build import build_views
from core.task.worker import METHODS
from tests.task.view_cases import animals, built, contents, numbers, planned
from utils.json_records import from_json, to_json
from utils.process import WorkerProcess


def edit(path: Path) -> None:
    """Changes one byte and puts size and time back."""
    facts = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    path.chmod(0o444)


def delete(path: Path) -> None:
    path.parent.chmod(0o755)
    path.unlink()


def add(path: Path) -> None:
    path.parent.chmod(0o755)
    (path.parent / "more.txt").write_text("more")


def replace_file(path: Path) -> None:
    """An equal copy under the same name."""
    content, facts = path.read_bytes(), path.stat()
    delete(path)
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def add_folder(path: Path) -> None:
    path.parent.chmod(0o755)
    (path.parent / "empty").mkdir()


def link_elsewhere(path: Path) -> None:
    delete(path)
    path.symlink_to("/dev/null")


DAMAGE = [edit, delete, add, replace_file, add_folder, link_elsewhere]


class Rebuilder:
    """Builds views of one competition and counts."""

    def __init__(self, spec: CompetitionSpec, workspace: Path) -> None:
        self.spec, self.workspace, self.split = spec, workspace, planned(spec)
        self.names: list[str] = []

    def __call__(self, name: str) -> View:
        self.names.append(name)
        return build_views(self.spec, self.split, self.workspace, [name])[0][0]


def kept(
    root: Path, make: Callable[[Path], CompetitionSpec] = numbers
) -> tuple[ViewKeeper, Rebuilder]:
    spec = make(root / "data")
    return ViewKeeper(
        built(spec, root / "ws").values(), rebuild := Rebuilder(spec, root / "ws")
    ), rebuild


def test_lookups(tmp_path: Path) -> None:
    keeper: Views
    keeper, _ = kept(tmp_path)
    assert [view.name for view in keeper.search()] == [f"search{k}" for k in range(5)]
    assert keeper.get("probe").kind == "probe"
    with pytest.raises(KeyError):
        keeper.get("final0")


def test_lesson_10_reading_leaves_a_view_intact(tmp_path: Path) -> None:
    keeper, rebuild = kept(tmp_path, animals)
    for view in keeper.search():
        contents(Path(view.path))
        assert keeper.intact(view)
    assert rebuild.names == []


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_lesson_10_damage_is_seen_and_mended_before_the_next_candidate(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    keeper, rebuild = kept(tmp_path)
    view = keeper.get("search1")
    before = contents(Path(view.path))
    damage(Path(view.path, "train.csv"))
    assert not keeper.intact(view)
    assert contents(Path(view.path)) == before
    assert rebuild.names == ["search1"]
    assert keeper.intact(keeper.get("search1"))
    assert keeper.intact(keeper.get("search0"))


def test_lesson_10_a_job_that_started_before_the_damage_is_not_trusted(tmp_path: Path) -> None:
    keeper, rebuild = kept(tmp_path)
    first = second = keeper.get("search0")
    edit(Path(first.path, "test.csv"))
    assert not keeper.intact(first)
    assert not keeper.intact(second)
    assert rebuild.names == ["search0"]


def test_lesson_10_writing_through_a_link_is_seen_and_mended_in_every_view(tmp_path: Path) -> None:
    keeper, _ = kept(tmp_path, animals)
    before = {view.name: contents(Path(view.path)) for view in keeper.search()}
    picture = next(Path(keeper.get("search0").path, "test").iterdir())
    edit(picture.resolve())
    assert not keeper.intact(keeper.get("search0"))
    for view in keeper.search():
        keeper.intact(view)
    assert {view.name: contents(Path(view.path)) for view in keeper.search()} == before


def test_many_threads_rebuild_once(tmp_path: Path) -> None:
    keeper, rebuild = kept(tmp_path)
    view = keeper.get("search2")
    edit(Path(view.path, "train.csv"))
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(keeper.intact(view))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [False] * 6
    assert rebuild.names == ["search2"]


def test_a_resumed_run_rebuilds_what_is_broken_or_missing(tmp_path: Path) -> None:
    keeper, rebuild = kept(tmp_path)
    records = [
        from_json(View, to_json(keeper.get(name)))
        for name in ("probe", "search0", "search1", "search2")
    ]
    edit(Path(records[1].path, "train.csv"))
    assert records[2].answers is not None
    Path(records[2].answers).unlink()
    resumed = ViewKeeper(records, rebuild)
    assert resumed.repair() == ["search0", "search1"]
    assert resumed.repair() == []
    assert Path(records[2].answers).is_file()


def test_views_that_come_later_are_kept_too(tmp_path: Path) -> None:
    keeper, rebuild = kept(tmp_path)
    keeper.add([rebuild("final0")])
    assert keeper.intact(keeper.get("final0"))
    assert [view.name for view in keeper.search()] == [f"search{k}" for k in range(5)]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_the_digest_changes(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    (tmp_path / "v" / "sub").mkdir(parents=True)
    path = tmp_path / "v" / "sub" / "a.csv"
    path.write_text("abc")
    before = view_digest(tmp_path / "v")
    assert view_digest(tmp_path / "v") == before
    damage(path)
    assert view_digest(tmp_path / "v") != before


def test_a_missing_folder_and_a_broken_link_have_digests(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "nothing")
    assert (
        len({view_digest(tmp_path / name) for name in ("a", "missing")} | {view_digest(tmp_path)})
        == 3
    )


def test_the_agents_side_is_light() -> None:
    heavy = "{'numpy', 'pandas', 'sklearn', 'scipy', 'pyarrow'}"
    code = f"import sys, core.task.keeper, core.task.view_digest; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_worker_builds_views(tmp_path: Path) -> None:
    """The real worker process, as the agent starts it."""
    spec = numbers(tmp_path / "data")
    worker = WorkerProcess("core.task.worker", log=tmp_path / "log.txt")
    try:
        plan = worker.call(
            "plan_split",
            spec=to_json(spec),
            seed=3,
            holdout_max_rows=1000,
            task=to_json(UNSET),
        )
        made = worker.call(
            "build_views",
            spec=to_json(spec),
            split=plan,
            workspace=str(tmp_path / "ws"),
            names=None,
        )
    finally:
        worker.close()
    views = [from_json(View, view) for view in made["views"]]
    assert made["split"]["why"] == plan["why"] == "5 stratified folds: 60 rows < 20000"
    assert all(view.digest == view_digest(view.path) for view in views)
    split = METHODS["plan_split"](to_json(spec), 3, 1000, to_json(UNSET))
    assert split == plan
