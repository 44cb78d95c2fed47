"""Files that a foreign program left: only small regular ones in real folders are believed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from utils.files import UntrustedFileError, check_untrusted, read_untrusted, write_atomic


def test_a_small_regular_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    check_untrusted(path)
    check_untrusted(path, 3)
    assert read_untrusted(path, 3) == b"abc"


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "file", []
    path.write_bytes(b"old")

    def synced(handle: int) -> None:
        seen.append((path.read_bytes(), os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fsync", synced)
    write_atomic(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert seen == [(b"old", 5)]


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _link(path: Path) -> None:
    path.with_name("target").write_bytes(b"abc")
    path.symlink_to("target")


def _linked_folder(path: Path) -> None:
    (path.parent.parent / "elsewhere").mkdir()
    (path.parent.parent / "elsewhere" / path.name).write_bytes(b"abc")
    path.parent.rmdir()
    path.parent.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (os.mkfifo, "kind"),
        (Path.mkdir, "kind"),
        (lambda path: path.write_bytes(b"abcd"), "size"),
        (_linked_folder, "folder"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, make: Callable[[Path], None], fault: str) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    make(path)
    before = _open_files()
    for look in (check_untrusted, read_untrusted):
        with pytest.raises(UntrustedFileError, match="no small regular file") as caught:
            look(path, 3)
        assert caught.value.fault == fault
    assert _open_files() == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    _link(path)
    with pytest.raises(UntrustedFileError):
        check_untrusted(path)
    with pytest.raises(OSError, match="symbolic links"):
        read_untrusted(path, 3)


def test_nothing_is_an_error_of_the_system(tmp_path: Path) -> None:
    for look in (check_untrusted, read_untrusted):
        with pytest.raises(FileNotFoundError):
            look(tmp_path / "file", 3)
