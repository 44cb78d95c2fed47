"""Competitions whose label table is made by a rule: whole runs, and the published code rebuilds the
submission.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import read_csv, solve
from tests.shapes.registry import BY_NAME
from tests.shapes.writing import Folder


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    ["image_labels_in_file_names", "audio_ragged_labels_composite_ids", "denoising_pixel_rows"],
)
def test_solution_py_makes_the_prepared_folder_again(name: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "made", name)
    BY_NAME[name].write(folder)
    (folder.public / "description.md").write_text(BY_NAME[name].description, encoding="utf-8")
    before = sorted(path.relative_to(folder.public) for path in folder.public.rglob("*"))
    ended = solve(folder.public, tmp_path / "out", "--steps", 2, "--time", "120s", agent="main.py")
    assert ended.code == 0, ended.stderr
    assert ended.report["best"]["scored_by"] == "holdout"
    again = tmp_path / "again.csv"
    command = [sys.executable, "solution.py", "--data", str(folder.public), "--out", str(again)]
    made = subprocess.run(
        command, cwd=ended.out / "code", capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr
    assert read_csv(again) == read_csv(ended.submission)
    assert sorted(path.relative_to(folder.public) for path in folder.public.rglob("*")) == before
