"""What is published beside a solution is what it needs, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.publishing.harness import SOLUTION, copy_harness, harness_files
from tests.house.source import closure, modules

WORKERS = ("core.task.worker", "core.judging.worker")


def test_the_harness_holds_what_a_solution_imports_and_nothing_else() -> None:
    solution = SOLUTION.removesuffix(".py").replace("/", ".")
    needed: set[str] = set()
    for name in (solution, *WORKERS):
        needed |= closure(name)
    # The solution itself is a file beside the harness.
    own = {name for name in needed if name.startswith("core.publishing")}
    assert {str(modules()[name]) for name in needed - own} == set(harness_files())


def test_a_harness_of_another_version_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "code" / "harness"
    copy_harness(target)
    (target / "digest.txt").write_text("another")
    (target / "core" / "old.py").touch()
    copy_harness(target)
    assert not (target / "core" / "old.py").exists()
    before = (target / "core" / "records.py").stat().st_ino
    copy_harness(target)
    assert (target / "core" / "records.py").stat().st_ino == before


def test_the_workers_start_out_of_the_harness(tmp_path: Path) -> None:
    copy_harness(tmp_path / "harness")
    for name in WORKERS:
        command = [sys.executable, "-c", f"import {name}"]
        done = subprocess.run(command, cwd=tmp_path / "harness", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
