"""The run's workspace: links to the data, and the folders that a run fills. Never deletes what a
run wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from utils.errors import DataError, UsageError

FOLDERS = ("working", "submission", "best_solution", "logs")
TABLES = (".csv", ".zip", ".parquet")


def validate_dataset(data_dir: Path) -> None:
    """Raises DataError unless the folder can be read and holds a csv, zip or parquet file or a
    sub-folder.
    """
    try:
        entries = list(data_dir.iterdir())
    except OSError as error:
        raise DataError(f"cannot read the data folder {data_dir}: {error.strerror}") from error
    if not entries:
        raise DataError(f"the data folder {data_dir} is empty")
    if (data_dir / "prepared" / "public").is_dir():
        raise DataError(
            f"{data_dir} holds the private answers too: give {data_dir / 'prepared' / 'public'} instead"
        )
    if not any(entry.is_dir() or entry.suffix.lower() in TABLES for entry in entries):
        raise DataError(
            f"the data folder {data_dir} holds no csv, zip or parquet file and no sub-folder"
        )


def build_workspace(
    data_dir: Path, workspace_dir: Path, link: Literal["entries", "whole"] = "entries"
) -> None:
    """Makes input, working, submission, best_solution and logs below `workspace_dir`; may be called
    again.

    link: `entries` makes input a folder with one link per file and sub-folder of the data; `whole`
    makes input itself a link. Links of an earlier call that are out of date are replaced; real
    files and folders stay. Raises UsageError when the workspace lies inside the data or `input`
    holds real files, OSError from the disk.
    """
    source = data_dir.resolve()
    if workspace_dir.resolve().is_relative_to(source):
        raise UsageError(f"the workspace {workspace_dir} lies inside the data folder {data_dir}")
    for name in FOLDERS:
        (workspace_dir / name).mkdir(parents=True, exist_ok=True)
    target = workspace_dir / "input"
    if link == "whole":
        _unlink_all(target)
        _link(target, source)
    else:
        _link_entries(target, source)


def _link_entries(target: Path, source: Path) -> None:
    if target.is_symlink():
        target.unlink()
    target.mkdir(exist_ok=True)
    entries = {entry.name: entry for entry in source.iterdir()}
    for old in target.iterdir():
        if old.is_symlink() and old.name not in entries:
            old.unlink()
    for name, entry in entries.items():
        _link(target / name, entry)


def _unlink_all(folder: Path) -> None:
    """Removes a folder of links, so that a link can take its place."""
    if folder.is_symlink() or not folder.exists():
        return
    for entry in folder.iterdir():
        if not entry.is_symlink():
            raise UsageError(
                f"{folder} holds real files ({entry.name}); it should hold links to the data only"
            )
    for entry in folder.iterdir():
        entry.unlink()
    folder.rmdir()


def _link(path: Path, source: Path) -> None:
    if path.is_symlink():
        if path.readlink() == source:
            return
        path.unlink()
    elif path.exists():
        raise UsageError(f"{path} is a real file; it should be a link to {source}")
    path.symlink_to(source, target_is_directory=source.is_dir())
