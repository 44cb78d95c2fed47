"""Output of `docker logs` becomes the agent's output again, byte for byte, in whatever pieces it comes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from swarm_host.backends.docker import lines
from swarm_host.backends.docker.lines import PIECE, LogMark, LogReader

LINES = [
    b"plain\n",
    b"\n",
    b"  indented\n",
    b"2026-01-01T00:00:00.000000000Z looks like a time\n",
    b" 10%\r 50%\r100%\n",
    b"\xff\x00 no text\n",
    b"x" * PIECE + b"\n",
    b"y" * (PIECE - 1) + b"\n",
    b"z" * (2 * PIECE + 10) + b"\n",
    b"w" * PIECE + b"2026-01-01T00:00:00.000000000Z " + b"w" * PIECE + b"\n",
    b"last\n",
]


def stamp(number: int) -> str:
    return f"2026-11-30T18:06:12.{number:09d}Z"


def docker(content: Sequence[bytes], stamps: Iterable[str]) -> bytes:
    """As docker prints it: pieces of at most 16 KiB, each with the time of the line."""
    out = bytearray()
    for line, time in zip(content, stamps, strict=True):
        feed = line.endswith(b"\n")
        body = line.removesuffix(b"\n")
        pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)] or [b""]
        # docker's buffer was full before it saw the line feed.
        if feed and body and len(body) % PIECE == 0:
            pieces.append(b"")
        for piece in pieces:
            out += time.encode() + b" " + piece
        out += b"\n" if feed else b""
    return bytes(out)


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 30)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read(reader: LogReader, pieces: Iterable[bytes]) -> bytes:
    return b"".join(reader.feed(piece)[0] for piece in pieces)


STAMPS = [stamp(i) for i in range(len(LINES))]


@pytest.mark.parametrize("seed", range(30))
def test_output_is_put_together_however_it_is_cut(seed: int) -> None:
    reader = LogReader()
    pieces = cut(docker(LINES, STAMPS), random.Random(seed))
    assert read(reader, pieces) + reader.flush() == b"".join(LINES)
    assert reader.mark == LogMark(STAMPS[-1], 1)
    assert not reader.remarks


def test_byte_by_byte() -> None:
    data = docker(LINES[:6], STAMPS[:6])
    assert read(LogReader(), (data[i : i + 1] for i in range(len(data)))) == b"".join(LINES[:6])


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("lines_a_time", [1, 3])
def test_a_second_reader_goes_on_without_a_gap_or_a_double(seed: int, lines_a_time: int) -> None:
    """The first is cut off anywhere; docker gives the second all lines from its time on."""
    rng = random.Random(seed)
    stamps = [stamp(i // lines_a_time) for i in range(len(LINES))]
    data = docker(LINES, stamps)
    first = LogReader()
    got = read(first, cut(data[: rng.randrange(len(data))], rng))
    since = first.mark.time if first.mark else ""
    kept = [i for i in range(len(LINES)) if stamps[i] >= since]
    again = docker([LINES[i] for i in kept], [stamps[i] for i in kept])
    second = LogReader(LogMark.parse(str(first.mark)))
    got += read(second, cut(again, rng)) + second.flush()
    assert got == b"".join(LINES)


def test_a_clock_that_is_set_back_costs_no_line() -> None:
    reader = LogReader(LogMark(stamp(5), 1))
    times = [stamp(4), stamp(5), stamp(5), stamp(6), stamp(1), stamp(5)]
    data = docker([b"4\n", b"5\n", b"5 again\n", b"6\n", b"1\n", b"5 once more\n"], times)
    assert read(reader, [data]) == b"5 again\n6\n1\n5 once more\n"


def test_the_last_line_without_a_line_feed() -> None:
    reader = LogReader()
    assert read(reader, [docker([b"a\n", b"end"], STAMPS[:2])]) == b"a\n"
    assert reader.flush() == b"end"
    assert reader.mark == LogMark(STAMPS[1], 1)
    assert reader.flush() == b""


def test_a_line_that_is_cut_off_comes_again() -> None:
    reader = LogReader()
    assert read(reader, [docker([b"a\n", b"half"], STAMPS[:2])]) == b"a\n"
    second = reader.again()
    assert read(second, [docker([b"a\n", b"half and half\n"], STAMPS[:2])]) == b"half and half\n"


def test_a_line_without_end_needs_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_LONGEST_HELD", 3 * PIECE)
    line = b"".join(b"%09d|" % i for i in range(30_000)) + b"\n"
    data = docker([b"a\n", line, b"b\n"], STAMPS[:3])
    reader = LogReader()
    got = b""
    marks = set()
    for at in range(0, len(data), 5_000):
        out, mark = reader.feed(data[at : at + 5_000])
        got += out
        marks.add(str(mark))
        assert len(reader._line) <= 4 * PIECE
    assert got == b"a\n" + line + b"b\n"
    # No position inside of the long line.
    assert marks == {"None", f"{STAMPS[0]} 1", f"{STAMPS[2]} 1"}


@pytest.mark.parametrize("cut_at", [100, 60_000, 100_000, 200_000])
def test_a_very_long_line_that_is_cut_off_is_not_doubled(
    monkeypatch: pytest.MonkeyPatch, cut_at: int
) -> None:
    monkeypatch.setattr(lines, "_LONGEST_HELD", PIECE)
    line = b"".join(b"%09d|" % i for i in range(30_000)) + b"\n"
    data = docker([line, b"b\n"], STAMPS[:2])
    reader = LogReader()
    got = read(reader, [data[:cut_at]])
    second = reader.again()
    got += read(second, [data[at : at + 7_000] for at in range(0, len(data), 7_000)])
    assert got == line + b"b\n"


def test_what_docker_says_itself_is_no_output() -> None:
    reader = LogReader()
    data = docker([b"a\n"], STAMPS[:1]) + b"unexpected EOF\n"
    assert read(reader, [data]) == b"a\n"
    assert bytes(reader.remarks) == b"unexpected EOF\n"
    assert reader.mark == LogMark(STAMPS[0], 1)


def test_remarks_are_bounded() -> None:
    reader = LogReader()
    for _ in range(100):
        reader.feed(b"no time here " * 50 + b"\n")
    assert len(reader.remarks) <= 10_000


@pytest.mark.parametrize("time", ["2026-11-30T18:06:12Z", "2026-11-30T19:06:12.5+01:00"])
def test_times_of_podman(time: str) -> None:
    reader = LogReader()
    assert read(reader, [f"{time} a\n{time} b\n".encode()]) == b"a\nb\n"
    assert reader.mark == LogMark(time, 2)


@pytest.mark.parametrize(
    "text", [None, "", "nonsense", "2026-11-30T18:06:12Z", "x 1", f"{stamp(1)} x"]
)
def test_what_is_no_mark_is_none(text: str | None) -> None:
    assert LogMark.parse(text) is None


def test_a_silent_stream_moves_on() -> None:
    reader = LogReader()
    assert reader.advance(LogMark(stamp(5), 3))
    assert reader.mark == LogMark(stamp(5), 0)
    assert not reader.advance(LogMark(stamp(5), 3))
    # Its own lines of that time, and earlier ones that come late, are none that it had.
    data = docker([b"late\n", b"a\n", b"b\n"], [stamp(4), stamp(5), stamp(5)])
    assert read(reader, [data]) == b"late\na\nb\n"
    assert reader.mark == LogMark(stamp(5), 2)
    second = LogReader(LogMark.parse(f"{stamp(5)} 0"))
    assert read(second, [docker([b"a\n"], [stamp(5)])]) == b"a\n"


def test_a_stream_in_the_middle_of_a_line_does_not_move() -> None:
    reader = LogReader()
    read(reader, [docker([b"half"], [stamp(1)])])
    assert not reader.advance(LogMark(stamp(5), 1))
    broken = LogReader()
    read(broken, [b"2026-11-30T18"])
    assert not broken.advance(LogMark(stamp(5), 1))


def test_marks_are_text() -> None:
    mark = LogMark(stamp(5), 3)
    assert LogMark.parse(str(mark)) == mark
