"""Archives of hostile agents: what is good comes in, the rest is left out and said, nothing leaves the
folder.
"""

from __future__ import annotations

import errno
import io
import os
import random
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from swarm_host.disk.intake import Intake
from swarm_host.disk.tar import only_file
from swarm_host.errors import Transfer
from swarm_host.records import Collected, CollectLimits

LIMITS = CollectLimits(submission_bytes=10_000, total_bytes=20_000, files=50, depth=3)
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **more: object) -> tuple:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def archive(*entries: tuple, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def take(into: Path, data: bytes, limits: CollectLimits = LIMITS, **more: object) -> Collected:
    intake = Intake(into, limits)
    intake.take("code", io.BytesIO(data), **more)  # type: ignore[arg-type]
    return intake.result()


def tree(folder: Path) -> dict[str, bytes | None]:
    """Content by path of everything below; None for folders and for what is no regular file."""
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        regular = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = path.read_bytes() if regular else None
    return found


def header(name: bytes, size: int = 0, kind: bytes = b"0", raw_size: bytes | None = None) -> bytes:
    """One header with whatever bytes in it, and a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = raw_size or b"%011o\0" % size
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


END = bytes(1024)


@pytest.mark.parametrize("format", FORMATS)
def test_files_and_folders_come_in(tmp_path: Path, format: int) -> None:
    long = "/".join(["sub", "x" * 90, "y" * 90])
    data = archive(
        entry("sub", kind=tarfile.DIRTYPE),
        entry("sub/a.csv", b"1,2\n"),
        entry("empty", kind=tarfile.DIRTYPE),
        entry("run.sh", b"#!/bin/sh\n", mode=0o755),
        entry("zero", b""),
        entry("block", b"b" * 512),
        entry(long, b"long"),
        format=format,
    )
    got = take(tmp_path, data)
    assert got.left_out == ()
    assert got == Collected(5, 4 + 10 + 512 + 4)
    assert tree(tmp_path / "code") == {
        "block": b"b" * 512,
        "empty": None,
        "run.sh": b"#!/bin/sh\n",
        "sub": None,
        "sub/a.csv": b"1,2\n",
        f"sub/{'x' * 90}": None,
        long: b"long",
        "zero": b"",
    }
    assert os.access(tmp_path / "code" / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "code" / "zero", os.X_OK)


def test_a_name_beyond_what_ustar_holds(tmp_path: Path) -> None:
    name = "é" * 120
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert take(tmp_path, archive(entry(name, b"1"), format=format)).files == 1
        assert tree(tmp_path / "code") == {name: b"1"}


def test_the_top_folder_of_docker_cp_is_dropped(tmp_path: Path) -> None:
    data = archive(
        entry("submission/", kind=tarfile.DIRTYPE), entry("submission/submission.csv", b"id\n")
    )
    assert take(tmp_path, data, strip=1).left_out == ()
    assert tree(tmp_path / "code") == {"submission.csv": b"id\n"}


def test_docker_cp_of_a_single_file(tmp_path: Path) -> None:
    assert take(tmp_path, archive(entry("submission.csv", b"id\n")), strip=1).files == 1
    assert tree(tmp_path / "code") == {"submission.csv": b"id\n"}


@pytest.mark.parametrize("strip", [0, 1])
def test_the_depth_is_that_on_this_side(tmp_path: Path, strip: int) -> None:
    top = "top/" * strip
    data = archive(entry(f"{top}1/2/3/file", b"1"), entry(f"{top}1/2/3/4/file", b"2"))
    got = take(tmp_path, data, strip=strip)
    assert got.left_out == (f"code: {top}1/2/3/4/file: more than 3 folders deep",)


def test_the_dot_of_tar_is_no_name(tmp_path: Path) -> None:
    data = archive(entry("./", kind=tarfile.DIRTYPE), entry("./a", b"1"), entry(".//b", b"2"))
    assert take(tmp_path, data).left_out == ()
    assert tree(tmp_path / "code") == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (entry("/etc/passwd", b"x"), "an absolute path"),
        (entry("../out", b"x"), "its path leads outside"),
        (entry("a/../../out", b"x"), "its path leads outside"),
        (entry("a/..", kind=tarfile.DIRTYPE), "its path leads outside"),
        (entry("l", kind=tarfile.SYMTYPE, linkname="/etc/passwd"), "no regular file: link"),
        (entry("l", kind=tarfile.SYMTYPE, linkname="good"), "no regular file: link"),
        (entry("h", kind=tarfile.LNKTYPE, linkname="later"), "a hard link to what did not"),
        (entry("h", kind=tarfile.LNKTYPE, linkname="/etc/passwd"), "an absolute path"),
        (entry("h", kind=tarfile.LNKTYPE, linkname="../x"), "its path leads outside"),
        (entry("f", kind=tarfile.FIFOTYPE), "no regular file: device"),
        (entry("c", kind=tarfile.CHRTYPE), "no regular file: device"),
        (entry("b", kind=tarfile.BLKTYPE), "no regular file: device"),
        (entry("good", b"again"), "a name that came before"),
        (entry("./good", b"again"), "a name that came before"),
        (entry("good", kind=tarfile.DIRTYPE), "a name that came before"),
        (entry("good/below", b"x"), "Not a directory"),
        (entry("caf\udce9", b"x"), "its name is no UTF-8"),
        (entry("a\nb", b"x"), "its name holds control characters"),
        (entry("a\x1b[31m", b"x"), "its name holds control characters"),
        (entry("n" * 256, b"x"), "a name of more than 255 bytes"),
        (entry("1/2/3/4/5", b"x"), "more than 3 folders deep"),
        (entry("big", b"x" * 20_001), "20001 bytes are more than there is room for"),
        (entry(".swarm-unfinished", b"x"), "a name that is used while files are written"),
        (entry("", b"x"), "no regular file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_bad_entry_is_left_out_and_said(tmp_path: Path, bad: tuple, why: str) -> None:
    data = archive(entry("good", b"1"), bad, entry("after", b"2"), format=tarfile.GNU_FORMAT)
    got = take(tmp_path / "in", data)
    (said,) = got.left_out
    assert said.startswith("code")
    assert why in said
    assert said.isprintable()
    assert tree(tmp_path / "in") == {"code": None, "code/after": b"2", "code/good": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_hard_link_is_a_copy_of_what_came_before(tmp_path: Path) -> None:
    """docker writes the second name of a file so, and it may be that of the submission."""
    data = archive(
        entry("top", kind=tarfile.DIRTYPE),
        entry("top/best.csv", b"id\n1\n"),
        entry("top/submission.csv", kind=tarfile.LNKTYPE, linkname="top/best.csv"),
    )
    assert take(tmp_path, data, strip=1) == Collected(2, 10)
    found = tree(tmp_path / "code")
    assert found == {"best.csv": b"id\n1\n", "submission.csv": b"id\n1\n"}


def test_many_hard_links_do_not_pass_the_limit(tmp_path: Path) -> None:
    links = [entry(f"l{i}", kind=tarfile.LNKTYPE, linkname="a") for i in range(5)]
    got = take(tmp_path, archive(entry("a", b"x" * 8_000), *links))
    assert got.files == 2
    assert len(got.left_out) == 4


def test_links_that_lie_on_this_side_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    into = tmp_path / "in"
    (into / "code").mkdir(parents=True)
    (into / "code" / "sub").symlink_to(outside)
    (into / "code" / "file").symlink_to(outside / "target")
    got = take(into, archive(entry("sub/a", b"1"), entry("file", b"2")))
    assert [line.rpartition(":")[0] for line in got.left_out] == ["code: sub/a"]
    assert list(outside.iterdir()) == []
    assert (into / "code" / "file").read_bytes() == b"2"
    assert not (into / "code" / "file").is_symlink()


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "code").symlink_to(outside)
    with pytest.raises(Transfer, match="cannot write to"):
        take(tmp_path, archive(entry("a", b"1")))
    assert list(outside.iterdir()) == []


def test_the_limits_hold_for_all_archives_together(tmp_path: Path) -> None:
    intake = Intake(tmp_path, LIMITS)
    intake.take("submission", io.BytesIO(archive(entry("s", b"x" * 10_001))), most=10_000)
    intake.take("submission", io.BytesIO(archive(entry("s", b"x" * 9_000))), most=10_000)
    intake.take("code", io.BytesIO(archive(entry("a", b"x" * 9_000))))
    intake.take("logs", io.BytesIO(archive(entry("b", b"x" * 9_000), entry("c", b"x" * 2_000))))
    got = intake.result()
    assert (got.files, got.bytes) == (3, 20_000)
    assert [line.partition(": ")[2][:1] for line in got.left_out] == ["s", "b"]


def test_too_many_files_are_counted_not_listed(tmp_path: Path) -> None:
    many = [entry(f"f{i}", b"x") for i in range(400)]
    got = take(tmp_path, archive(*many))
    assert got.files == 50
    assert len(got.left_out) == 101
    assert got.left_out[-1] == "and 250 more"


class Endless(io.RawIOBase):
    """A header, and then zeros without end, as of a sparse file of a petabyte."""

    def __init__(self, first: bytes) -> None:
        self.first, self.given = first, 0

    def read(self, size: int = -1) -> bytes:
        piece, self.first = self.first[:size], self.first[size:]
        self.given += size
        return piece or bytes(size)


def test_an_endless_archive_is_not_read_to_its_end(tmp_path: Path) -> None:
    stream = Endless(header(b"huge", raw_size=b"\x80" + (10**15).to_bytes(11, "big")))
    intake = Intake(tmp_path, LIMITS)
    intake.take("code", stream)
    assert intake.result().left_out[-1] == "code: reading stopped, since it does not end"
    assert stream.given < 10_000_000
    assert tree(tmp_path / "code") == {}
    # The next archive comes in all the same.
    intake.take("logs", io.BytesIO(archive(entry("a", b"1"))))
    assert tree(tmp_path / "logs") == {"a": b"1"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"not an archive at all".ljust(512, b"."), "numbers cannot be read"),
        (header(b"a").replace(b"a", b"b", 1), "wrong checksum"),
        (header(b"a", raw_size=b"zzzzzzzzzzz\0"), "numbers cannot be read"),
        (header(b"a", raw_size=b"\xff" * 12), "numbers cannot be read"),
        (header(b"L", 70_000, b"L"), "a name or an attribute of 70000 bytes"),
        (header(b"x", 10**9, b"x"), "a name or an attribute of 1000000000 bytes"),
        (header(b"x", 9, b"x") + padded(b"nonsense\n"), "an attribute that cannot be read"),
        (header(b"x", 9, b"x") + padded(b"999 a=b\n\n"), "an attribute that cannot be read"),
        (header(b"x", 11, b"x") + padded(b"11 size=-1\n") + header(b"a"), "no number"),
    ],
)
def test_what_is_no_archive_is_said(tmp_path: Path, data: bytes, why: str) -> None:
    got = take(tmp_path, header(b"good", 1) + padded(b"1") + data + END)
    assert got.files == 1
    (said,) = got.left_out
    assert why in said


def test_a_sparse_file_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    pax = b"22 GNU.sparse.major=1\n"
    data = header(b"x", len(pax), b"x") + padded(pax) + header(b"s", 600) + padded(b"x" * 600)
    data += header(b"old", 5, b"S") + padded(b"12345") + header(b"a", 1) + padded(b"1") + END
    got = take(tmp_path, data)
    assert got.left_out == (
        "code: s: no regular file: sparse file",
        "code: old: no regular file: sparse file",
    )
    assert tree(tmp_path / "code") == {"a": b"1"}


@pytest.mark.parametrize("cut", [1, 511, 512, 700, 1024, 1500])
def test_an_archive_that_ends_in_the_middle_is_tried_again(tmp_path: Path, cut: int) -> None:
    data = archive(entry("a", b"x" * 600), entry("b", b"1"), format=tarfile.USTAR_FORMAT)
    with pytest.raises(Transfer, match="ends in the middle"):
        take(tmp_path, data[:cut])
    assert take(tmp_path, data).files == 2


def test_twice_is_once(tmp_path: Path) -> None:
    data = archive(entry("d/a", b"1"), entry("b", b"22"))
    assert take(tmp_path, data) == take(tmp_path, data) == Collected(2, 3)
    assert tree(tmp_path / "code") == {"b": b"22", "d": None, "d/a": b"1"}


def test_a_killed_collection_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / ".swarm-unfinished").write_bytes(b"half")
    take(tmp_path, archive(entry("a", b"1")))
    assert tree(tmp_path / "code") == {"a": b"1"}


def test_a_full_disk_is_no_fault_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        take(tmp_path, archive(entry("a", b"1")))


def mutations(data: bytes, seed: int) -> Sequence[bytes]:
    rng = random.Random(seed)
    found = []
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        found.append(bytes(changed))
    return found


def quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except Transfer:
        pass


@pytest.mark.parametrize("seed", range(4))
def test_broken_archives_raise_nothing_else_and_write_nothing_outside(
    tmp_path: Path, seed: int
) -> None:
    data = archive(
        entry("d", kind=tarfile.DIRTYPE),
        entry("d/a", b"1" * 700),
        entry("l", kind=tarfile.SYMTYPE, linkname="d"),
        entry("é" * 90, b"2"),
        entry("h", kind=tarfile.LNKTYPE, linkname="d/a"),
        format=tarfile.GNU_FORMAT if seed % 2 else tarfile.PAX_FORMAT,
    )
    for number, changed in enumerate(mutations(data, seed)):
        into = tmp_path / "all" / str(number)
        quietly(lambda into=into, changed=changed: take(into, changed))  # type: ignore[misc]
        assert not [path for path in into.rglob("*") if path.is_symlink()]
    assert {path.name for path in tmp_path.iterdir()} == {"all"}
    assert {path.name for path in (tmp_path / "all").iterdir()} <= set(map(str, range(60)))


# ---------------------------------------------------------------- one file


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_by_itself_is_read_whole(format: int) -> None:
    data = archive(entry("run.json", b"x" * 1000), format=format)
    assert only_file(io.BytesIO(data), 1000) == b"x" * 1000
    assert only_file(io.BytesIO(data), 999) is None


@pytest.mark.parametrize(
    "data",
    [
        archive(entry("run.json", kind=tarfile.SYMTYPE, linkname="/etc/passwd")),
        archive(entry("run.json", kind=tarfile.DIRTYPE), entry("run.json/run.json", b"{}")),
        archive(entry("run.json", kind=tarfile.FIFOTYPE)),
        archive(),
        b"no archive" * 100,
    ],
)
def test_what_is_no_file_is_not_read(data: bytes) -> None:
    assert only_file(io.BytesIO(data), 1000) is None


def test_a_file_that_broke_off_is_told() -> None:
    data = archive(entry("run.json", b"x" * 1000))
    with pytest.raises(Transfer):
        only_file(io.BytesIO(data[:600]), 1000)
