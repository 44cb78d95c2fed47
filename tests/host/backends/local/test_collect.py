"""What is brought back of a folder that may hold anything."""

from __future__ import annotations

import os
import socket
from pathlib import Path, PurePath

import pytest
from swarm_host.backends.local.collect import Collector
from swarm_host.errors import Transfer
from swarm_host.records import Collected, CollectLimits


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def collect(source: Path, into: Path, kind: str = "code", **limits: int) -> Collected:
    collector = Collector(CollectLimits(**limits))
    collector.folder(source.parent, PurePath(source.name), kind, into)
    return collector.result()


def files_of(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return sorted(str(path.relative_to(folder)) for path in paths)


def test_only_files_and_folders_come_back(source: Path, tmp_path: Path) -> None:
    (source / "a" / "empty").mkdir(parents=True)
    (source / "a" / "file").write_bytes(b"\0" * 10)
    (tmp_path / "secret").write_text("secret")
    (source / "file-link").symlink_to(tmp_path / "secret")
    (source / "folder-link").symlink_to(tmp_path)
    (source / "broken-link").symlink_to("nowhere")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(source / "socket"))
    found = collect(source, tmp_path / "into")
    assert (found.files, found.bytes) == (1, 10)
    assert files_of(tmp_path / "into") == ["code/a/file"]
    assert (tmp_path / "into" / "code" / "a" / "empty").is_dir()
    assert found.left_out == (
        "code/broken-link: a link, not a regular file",
        "code/file-link: a link, not a regular file",
        "code/folder-link: a link, not a regular file",
        "code/pipe: a named pipe, not a regular file",
        "code/socket: a socket, not a regular file",
    )


def test_the_folder_itself_is_no_link(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    (source / "file").touch()
    found = collect(tmp_path / "link", tmp_path / "into")
    assert found.files == 0
    assert found.left_out == ("code: no folder: Not a directory",)
    assert collect(tmp_path / "missing", tmp_path / "into") == Collected(0, 0, ())
    assert collect(source / "file", tmp_path / "into").left_out == (
        "code: no folder: Not a directory",
    )


def test_no_folder_on_the_way_is_a_link(source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "output").mkdir(parents=True)
    (tmp_path / "elsewhere" / "output" / "secret").touch()
    (source / "workspace").symlink_to(tmp_path / "elsewhere")
    collector = Collector(CollectLimits())
    collector.folder(source, PurePath("workspace/output"), "submission", tmp_path / "into")
    assert collector.result() == Collected(0, 0, ("submission: no folder: Not a directory",))
    (source / "workspace").unlink()
    (source / "workspace" / "output").mkdir(parents=True)
    (source / "workspace" / "output" / "own").touch()
    collector.folder(source, PurePath("workspace/output"), "submission", tmp_path / "into")
    assert files_of(tmp_path / "into") == ["submission/own"]


@pytest.mark.parametrize(
    ("limits", "kept", "words"),
    [
        ({"files": 2}, ["a", "b"], "more than 2 files"),
        ({"total_bytes": 25}, ["a", "b"], "beyond 25 in all"),
        ({"submission_bytes": 9}, [], "more than 9 of a submission"),
        ({"submission_bytes": 10, "files": 50}, ["a", "b", "c"], ""),
    ],
)
def test_limits_hold(
    source: Path, tmp_path: Path, limits: dict[str, int], kept: list[str], words: str
) -> None:
    for name in "abc":
        (source / name).write_bytes(b"x" * 10)
    found = collect(source, tmp_path / "into", "submission", **limits)
    assert files_of(tmp_path / "into" / "submission") == kept
    assert (found.files, found.bytes) == (len(kept), 10 * len(kept))
    assert len(found.left_out) == 3 - len(kept)
    assert all(words in line for line in found.left_out)


def test_a_file_that_is_all_hole_costs_nothing(source: Path, tmp_path: Path) -> None:
    (source / "hole").touch()
    os.truncate(source / "hole", 1 << 42)
    found = collect(source, tmp_path / "into", total_bytes=1 << 40)
    assert (found.files, len(found.left_out)) == (0, 1)


def test_depth_is_limited(source: Path, tmp_path: Path) -> None:
    place = source
    for _ in range(6):
        place = place / "d"
        place.mkdir()
        (place / "file").touch()
    found = collect(source, tmp_path / "into", depth=4)
    assert files_of(tmp_path / "into" / "code") == ["d/d/d/file", "d/d/file", "d/file"]
    assert found.left_out == ("code/d/d/d/d: deeper than 4 folders",)


def test_names_that_are_no_text_or_a_trick(source: Path, tmp_path: Path) -> None:
    raw = os.fsencode(source)
    for name in (b"bad\xff", b"line\nbreak", b"\x1b[31mred", b"..."):
        Path(os.fsdecode(raw + b"/" + name)).touch()
    found = collect(source, tmp_path / "into")
    assert files_of(tmp_path / "into" / "code") == ["\x1b[31mred", "...", "line\nbreak"]
    (left_out,) = found.left_out
    assert left_out == "code/bad\\udcff: its name is no text"
    for folder in ("line\nbreak2", "\x1b[31mred2"):
        (source / folder).mkdir()
        (source / folder / "link").symlink_to("x")
    left = collect(source, tmp_path / "into").left_out
    assert all(line.isprintable() for line in left)
    assert len(left) == 3


def test_many_refusals_are_counted(source: Path, tmp_path: Path) -> None:
    for number in range(150):
        (source / f"{number:03}").symlink_to("x")
    found = collect(source, tmp_path / "into")
    assert len(found.left_out) == 101
    assert found.left_out[-1] == "and 50 more"


def test_logs_of_the_host_are_not_overwritten(source: Path, tmp_path: Path) -> None:
    (tmp_path / "into" / "logs").mkdir(parents=True)
    (tmp_path / "into" / "logs" / "stdout.log").write_text("true")
    for name in ("stdout.log", "marks.json", "run.json"):
        (source / name).write_text("forged")
    found = collect(source, tmp_path / "into", "logs")
    assert (tmp_path / "into" / "logs" / "stdout.log").read_text() == "true"
    assert files_of(tmp_path / "into") == ["logs/run.json", "logs/stdout.log"]
    assert len(found.left_out) == 2


def test_a_target_that_cannot_be_written_is_a_transfer_error(source: Path, tmp_path: Path) -> None:
    (source / "file").touch()
    (tmp_path / "into").write_text("a file stands here")
    with pytest.raises(Transfer, match="cannot be written"):
        collect(source, tmp_path / "into")
