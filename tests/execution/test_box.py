"""What the box finds out about the machine, and the switch to another user with real children."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.execution.box import candidate_user
from core.execution.detection import detect, network
from core.execution.rules import landlock_rules
from core.records import BoxFacts
from tests.execution.harness import Bench
from tests.house.source import ROOT
from utils.process import become_subreaper, prctl

SYSTEM_PYTHON = "/usr/bin/python3"
PR_SET_CHILD_SUBREAPER = 36

needs_switch = pytest.mark.skipif(
    os.geteuid() != 0 or not Path(SYSTEM_PYTHON).exists(),
    reason="needs root and a Python that everybody can run",
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Unlike tmp_path, a folder that other users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="box-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def switched(open_folder: Path, facts: BoxFacts) -> Iterator[Bench]:
    """A bench whose programs run as another user, without Landlock."""
    become_subreaper()
    bench = Bench(open_folder, BoxFacts(False, True), SYSTEM_PYTHON)
    yield bench
    assert bench.left_over() == []
    bench.stop.close()
    prctl(PR_SET_CHILD_SUBREAPER, 0)


@needs_switch
def test_the_switch_works_where_the_user_can_run_the_interpreter(open_folder: Path) -> None:
    box = detect(open_folder, [], [], os.environ, SYSTEM_PYTHON)
    assert box.user_switch
    assert list(open_folder.iterdir()) == []


@needs_switch
def test_the_switch_is_refused_where_the_user_cannot_enter(open_folder: Path) -> None:
    workspace = open_folder / "closed" / "workspace"
    workspace.mkdir(parents=True)
    workspace.parent.chmod(0o700)
    box = detect(workspace, [], [], os.environ, SYSTEM_PYTHON)
    assert not box.user_switch
    assert any(note.startswith("user switch: ") for note in box.notes)


@needs_switch
def test_the_switch_is_refused_where_the_views_are_closed(open_folder: Path) -> None:
    (open_folder / "data").mkdir(mode=0o700)
    assert not detect(
        open_folder, [], [open_folder / "data"], os.environ, SYSTEM_PYTHON
    ).user_switch


@needs_switch
def test_a_program_of_another_user_cannot_kill_its_parent(switched: Bench) -> None:
    outcome = switched.run("kills_parent")
    assert outcome.tail.strip() == "may not kill"
    assert outcome.submission is not None
    assert Path(outcome.submission).stat().st_uid == candidate_user()[0]


@needs_switch
def test_a_program_of_another_user_can_be_limited_killed_and_removed(switched: Bench) -> None:
    assert switched.run("forked_children_setsid", 1.0).killed_for == "deadline"
    assert switched.run("memory_in_children").killed_for == "memory"
    job = switched.job("closed_folders")
    assert switched.runner.run(job).submission is not None
    switched.runner.release(job)
    assert not any((switched.base / "ws" / "working").iterdir())


def test_without_interfaces_there_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "lo").mkdir()
    assert network(tmp_path) == "none"
    (tmp_path / "eth0").mkdir()
    assert network(tmp_path) == "shared"
    assert network(tmp_path / "missing") == "shared"


def test_landlock_is_refused_where_it_closes_the_interpreter_out(
    tmp_path: Path, landlock: BoxFacts
) -> None:
    interpreter = Path(sys.executable).resolve()
    open_to_read = [
        path
        for path in map(Path, ("/lib", "/lib64", "/etc"))
        if not interpreter.is_relative_to(path)
    ]
    box = detect(tmp_path, open_to_read, [], os.environ)
    assert not box.landlock
    assert any(note.startswith("Landlock: ") for note in box.notes)


def test_rules_allow_the_siblings_and_open_the_view_again(tmp_path: Path) -> None:
    for name in ("ws/views/search0", "ws/working/p1", "data/deep", "code"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    view, own = tmp_path / "ws" / "views" / "search0", tmp_path / "ws" / "working" / "p1"
    closed = [tmp_path / "ws", tmp_path / "ws" / "views", tmp_path / "data", tmp_path / "missing"]
    rules = landlock_rules(closed, [view, tmp_path / "code"], own)
    here = sorted(path for path in rules["read"] if path.startswith(str(tmp_path)))
    assert here == [str(tmp_path / "code"), str(view)]
    assert "/usr" in rules["read"]
    assert "/" not in rules["read"]
    assert rules["write"][0] == str(own)
    assert "/dev" in rules["device"]


def test_rules_without_protected_folders_allow_reading_everything(tmp_path: Path) -> None:
    assert landlock_rules([], [], tmp_path)["read"] == ["/"]


def test_rules_never_open_devices_around_a_protected_folder(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        rules = landlock_rules([Path(folder)], [], tmp_path)
    assert "/dev" not in rules["device"]
    assert rules["write"] == [str(tmp_path)]


IN_A_BOX = """
import os, sys
from pathlib import Path
from core.execution import supervisor
from core.execution.detection import detect
from core.execution.rules import landlock_rules
own, closed = map(Path, sys.argv[1:])
supervisor.apply_landlock(landlock_rules([closed], [], own), supervisor.landlock_abi())
try:
    os.listdir("/")
except PermissionError:
    print("closed around", detect(own, [], [], os.environ).landlock)
"""


def test_a_box_works_inside_of_a_box(landlock: BoxFacts, tmp_path: Path) -> None:
    """The outer one lets no folder be listed that lies on the way to what it protects."""
    own, closed = tmp_path / "own", tmp_path / "closed"
    own.mkdir()
    closed.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", IN_A_BOX, own, closed],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "closed around True\n", done.stderr


def test_root_that_may_not_give_files_away_does_not_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", refused)
    box = detect(tmp_path, [], [], os.environ)
    assert not box.user_switch
    assert "user switch: [Errno 1] Operation not permitted" in box.notes
