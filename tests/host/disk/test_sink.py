"""What an agent printed: whole, once, without secrets, bounded, also after a crash or a full disk."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from swarm_host.disk import log_file
from swarm_host.disk.sink import FileSink, read_marks

from tests.host.made import Clock

SECRET = "hunter2-hunter2"


def logged(folder: Path, stream: str = "stdout") -> bytes:
    return (folder / f"{stream}.log").read_bytes()


def test_streams_stand_apart(tmp_path: Path) -> None:
    sink = FileSink(tmp_path)
    sink.write("stdout", b"out\n", "1")
    sink.write("stderr", b"err\n", "1")
    sink.end("stdout", "stderr", "entrypoint")
    found = [logged(tmp_path, stream) for stream in ("stdout", "stderr", "entrypoint")]
    assert found == [b"out\n", b"err\n", b""]


def test_a_follower_goes_on_at_the_mark(tmp_path: Path) -> None:
    sink = FileSink(tmp_path)
    sink.write("stdout", b"one\n", "1")
    sink.write("stdout", b"two\n", "2")
    sink.detach()
    later = FileSink(tmp_path)
    assert later.mark("stdout") == "2"
    assert later.mark("stderr") is None
    later.write("stdout", b"three\n", "3")
    later.end("stdout")
    assert logged(tmp_path) == b"one\ntwo\nthree\n"


def test_who_let_go_writes_nothing_more(tmp_path: Path) -> None:
    sink = FileSink(tmp_path)
    sink.write("build", b"step 1\n")
    sink.detach()
    sink.write("build", b"step 2\n")
    assert logged(tmp_path, "build") == b"step 1\n"


def test_what_was_written_after_the_mark_is_not_doubled(tmp_path: Path) -> None:
    """A killed process: bytes are there, their mark is not."""
    sink = FileSink(tmp_path)
    sink.write("stdout", b"one\n", "1")
    sink.detach()
    killed = FileSink(tmp_path)
    killed.write("stdout", b"two\nhalf a li")
    later = FileSink(tmp_path)
    assert later.mark("stdout") == "1"
    later.write("stdout", b"two\n", "2")
    later.end("stdout")
    assert logged(tmp_path) == b"one\ntwo\n"


def test_a_log_that_nobody_writes_again_is_left_as_it_is(tmp_path: Path) -> None:
    killed = FileSink(tmp_path)
    killed.write("build", b"step 1\n")
    later = FileSink(tmp_path)
    later.write("stdout", b"x\n", "1")
    later.detach()
    assert logged(tmp_path, "build") == b"step 1\n"


def test_marks_are_written_seldom_but_never_lost_on_purpose(tmp_path: Path) -> None:
    clock = Clock()
    sink = FileSink(tmp_path, clock=clock)
    sink.write("stdout", b"one\n", "1")
    assert read_marks(tmp_path).positions == {}
    clock.now += 1
    sink.write("stdout", b"two\n", "2")
    assert read_marks(tmp_path).positions["stdout"].mark == "2"
    sink.write("stdout", b"x" * (1 << 20), "3")
    assert read_marks(tmp_path).positions["stdout"].mark == "3"


def test_a_secret_is_nowhere_also_across_pieces(tmp_path: Path) -> None:
    logs, workspace = tmp_path / "logs", tmp_path / "work"
    workspace.mkdir()
    sink = FileSink(logs, [SECRET], workspace)
    for place, letter in enumerate(f"key {SECRET} end\n".encode()):
        sink.write("stdout", bytes([letter]), str(place))
    sink.end("stdout")
    assert logged(logs) == b"key [redacted] end\n" == logged(workspace)
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in everything


def test_a_mark_does_not_pass_what_is_kept_back(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, [SECRET])
    sink.write("stdout", b"a\n", "1")
    sink.write("stdout", SECRET[:5].encode(), "2")
    assert sink.mark("stdout") == "1"
    sink.detach()
    later = FileSink(tmp_path, [SECRET])
    assert later.mark("stdout") == "1"
    later.write("stdout", SECRET[:5].encode() + b" was no secret\n", "3")
    later.end("stdout")
    assert logged(tmp_path) == b"a\nhunte was no secret\n"


def test_a_long_log_keeps_its_head_and_its_end(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, most_bytes=400)
    for number in range(100):
        sink.write("stdout", b"%09d\n" % number, str(number))
    assert sum(path.stat().st_size for path in tmp_path.glob("*stdout*")) <= 400
    sink.end("stdout")
    head, _, end = logged(tmp_path).partition(b"\n[... 600 bytes left out ...]\n")
    assert head == b"".join(b"%09d\n" % number for number in range(20))
    assert end == b"".join(b"%09d\n" % number for number in range(80, 100))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["marks.json", "stdout.log"]


def test_a_log_that_just_fits_is_whole(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, most_bytes=400)
    sink.write("stdout", b"x" * 399 + b"\n", "1")
    sink.end("stdout")
    assert logged(tmp_path) == b"x" * 399 + b"\n"


def test_to_end_twice_is_once_and_later_bytes_are_nobodys(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, most_bytes=40)
    sink.write("stdout", b"x" * 100, "1")
    sink.end("stdout")
    whole = logged(tmp_path)
    later = FileSink(tmp_path)
    later.write("stdout", b"again", "2")
    later.end("stdout")
    assert logged(tmp_path) == whole


@settings(max_examples=50, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), limit=st.integers(8, 300))
def test_however_often_it_is_killed_the_log_is_that_of_one_life(
    seed: int, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dice = random.Random(seed)
    data = bytes(dice.choice(b"hunter2-ab\n") for _ in range(dice.randrange(200)))
    whole, torn = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("torn")
    one = FileSink(whole, [SECRET], most_bytes=limit)
    one.write("stdout", data, str(len(data)))
    one.end("stdout")
    sink, at = FileSink(torn, [SECRET], most_bytes=limit, clock=Clock()), 0
    while at < len(data):
        size = dice.randrange(1, 20)
        mark = dice.choice([None, str(at + len(data[at : at + size]))])
        sink.write("stdout", data[at : at + size], mark)
        at += size
        if dice.random() < 0.2:
            if dice.random() < 0.5:
                sink.detach()
            sink = FileSink(torn, [SECRET], most_bytes=limit, clock=Clock())
            at = int(sink.mark("stdout") or 0)
    sink.end("stdout")
    head, found, end = logged(torn).partition(b"bytes left out ...]\n")
    wanted_head, wanted, wanted_end = logged(whole).partition(b"bytes left out ...]\n")
    assert (head, found) == (wanted_head, wanted)
    # A piece of the end may have been dropped before its successor's mark was written.
    assert wanted_end.endswith(end)


class FullDisk:
    """os.write that writes so many bytes, then half of the next, then has no room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, handle: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        piece = bytes(data)[: self.room]
        self.room -= len(piece)
        return self.write(handle, piece)


@pytest.mark.parametrize("room", [0, 1, 5, 9])
def test_a_full_disk_loses_nothing_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    sink = FileSink(tmp_path)
    sink.write("stdout", b"one\n", "1")
    with monkeypatch.context() as patch:
        patch.setattr(log_file.os, "write", FullDisk(room))
        with pytest.raises(OSError, match="No space"):
            sink.write("stdout", b"two, longer\n", "2")
    assert sink.mark("stdout") == "1"
    sink.write("stdout", b"two, longer\n", "2")
    sink.end("stdout")
    assert logged(tmp_path) == b"one\ntwo, longer\n"


def test_damaged_marks_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "marks.json").write_text('{"positions": {"stdout": {"head": "x"}}}')
    (tmp_path / "stdout.log").write_text("old")
    sink = FileSink(tmp_path)
    assert sink.mark("stdout") is None
    sink.write("stdout", b"all again\n", "1")
    sink.end("stdout")
    assert logged(tmp_path) == b"all again\n"


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_the_agent_puts_in_place_of_the_copy_is_not_followed(
    tmp_path: Path, kind: str
) -> None:
    logs, workspace = tmp_path / "logs", tmp_path / "work"
    workspace.mkdir()
    target = tmp_path / "precious"
    target.write_text("precious")
    trap = workspace / "stdout.log"
    if kind == "link":
        trap.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(trap)
    else:
        trap.mkdir()
    sink = FileSink(logs, copy_to=workspace)
    sink.write("stdout", b"x\n", "1")
    sink.write("stderr", b"y\n", "1")
    sink.end("stdout", "stderr")
    assert logged(logs) == b"x\n"
    assert target.read_text() == "precious"
    assert logged(workspace, "stderr") == b"y\n"
