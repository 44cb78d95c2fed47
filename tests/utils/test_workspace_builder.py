"""utils/workspace_builder.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from utils.errors import DataError, UsageError
from utils.workspace_builder import FOLDERS, build_workspace, validate_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "1.png").write_text("x")
    (folder / "train.csv").write_text("id\n1\n")
    return folder


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "b.zip", "c.parquet", "folder/x"])
def test_data_are_tables_archives_or_folders(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x")
    validate_dataset(tmp_path)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        validate_dataset(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="no csv, zip or parquet"):
        validate_dataset(tmp_path)
    with pytest.raises(DataError, match="cannot read"):
        validate_dataset(tmp_path / "none")
    with pytest.raises(DataError, match="cannot read"):
        validate_dataset(tmp_path / "notes.txt")


def test_files_and_folders_are_linked(data: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    build_workspace(data, workspace)
    assert {path.name for path in workspace.iterdir()} == {"input", *FOLDERS}
    assert all(path.is_symlink() for path in (workspace / "input").iterdir())
    assert (workspace / "input/images/1.png").read_text() == "x"
    assert not (workspace / "input").is_symlink()


def test_the_whole_folder_is_one_link(data: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    for link in ("whole", "entries", "whole"):
        build_workspace(data, workspace, link)  # type: ignore[arg-type]
        assert (workspace / "input").is_symlink() == (link == "whole")
        assert (workspace / "input/train.csv").read_text() == "id\n1\n"


def test_relative_data_are_linked_by_full_path(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build_workspace(Path("data"), Path("some/workspace"))
    assert (tmp_path / "some/workspace/input/train.csv").read_text() == "id\n1\n"


def test_lesson_34_a_second_call_keeps_what_the_run_wrote(data: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    build_workspace(data, workspace)
    written = [
        workspace / "logs/journal.jsonl",
        workspace / "submission/submission.csv",
        workspace / "working/s1/a.py",
    ]
    for path in written:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (data / "train.csv").unlink()
    (data / "test.csv").write_text("id\n2\n")
    build_workspace(data, workspace)
    assert [path.read_text() for path in written] == ["mine"] * 3
    assert sorted(os.listdir(workspace / "input")) == ["images", "test.csv"]  # noqa: PTH208


def test_real_files_in_input_are_never_removed(data: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    build_workspace(data, workspace)
    (workspace / "input/mine.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"holds real files \(mine.csv\)"):
        build_workspace(data, workspace, "whole")
    (data / "mine.csv").write_text("theirs")
    with pytest.raises(UsageError, match="is a real file"):
        build_workspace(data, workspace)
    assert (workspace / "input/mine.csv").read_text() == "mine"
    assert (workspace / "input/train.csv").is_symlink()


def test_a_workspace_inside_the_data_is_refused(data: Path) -> None:
    with pytest.raises(UsageError, match="inside the data folder"):
        build_workspace(data, data / "workspace")
    assert not (data / "workspace").exists()


def test_a_folder_with_the_private_answers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prepared" / "public").mkdir(parents=True)
    (tmp_path / "prepared" / "private").mkdir()
    with pytest.raises(DataError, match="prepared/public"):
        validate_dataset(tmp_path)
