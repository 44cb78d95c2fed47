"""Files are whole or as they were, also on a full disk and after a torn write."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from swarm_host.disk import files


class FullDisk:
    """os.write with so many bytes of room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, handle: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        piece = bytes(data)[: self.room]
        self.room -= len(piece)
        return self.write(handle, piece)


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    files.write_atomic(path, "old")
    files.write_atomic(path, "new", mode=0o600)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    files.write_atomic(path, "old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def append(path: Path, *lines: str) -> None:
    with files.locked(path) as handle:
        files.append_lines(handle, list(lines))


def test_a_torn_line_is_closed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("one\ntw")
    append(path, "three", "four")
    assert path.read_text() == "one\ntw\nthree\nfour\n"


@pytest.mark.parametrize("room", [0, 1, 7])
def test_a_full_disk_appends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "events"
    append(path, "one")
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", FullDisk(room))
        with pytest.raises(OSError, match="No space"):
            append(path, "two, which is longer")
    assert path.read_text() == "one\n"
    append(path, "two")
    assert path.read_text() == "one\ntwo\n"


def test_the_last_lines_of_a_long_file_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("".join(f"{number:07d}\n" for number in range(20_000)) + "half")
    with files.locked(path) as handle:
        lines = files.last_lines(handle)
    assert lines[-1] == b"0019999"
    assert {len(line) for line in lines} == {7}
    assert 8_000 < len(lines) < 20_000


def test_no_line_of_many_writers_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "events"

    def write(letter: str) -> None:
        for _ in range(50):
            append(path, letter * 500, letter * 500)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 400
    assert all(
        one == two and len(set(one)) == 1 for one, two in zip(lines[::2], lines[1::2], strict=True)
    )


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert files.read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        files.read_regular(tmp_path / "file", 4)
    folder = os.open(tmp_path, os.O_RDONLY)
    os.close(files.open_regular("file", folder))
    for name in ("link", "pipe", "missing", "."):
        with pytest.raises(OSError, match=name):
            files.open_regular(tmp_path / name)
        with pytest.raises(OSError, match=name):
            files.open_regular(name, folder)
    os.close(folder)
