"""logs: all of it, its end, and as it grows."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from swarm_host.cli.logs import Reader, follow, last_lines, writer

from tests.host.cli.conftest import Commands


@pytest.mark.parametrize(
    "text", ["", "\n", "a\n", "a", "a\nb\n", "a\nb", "\n\nx\n\n", "x\n" * 70_000]
)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 66_000, 10**6])
def test_the_last_lines_are_those_of_python(text: str, count: int) -> None:
    data = text.encode()
    lines = data.splitlines(keepends=True)
    expected = b"".join(lines[max(0, len(lines) - count) :])
    assert data[last_lines(io.BytesIO(data), count) :] == expected


def test_a_log_is_followed_without_a_gap_and_over_a_new_attempt(tmp_path: Path) -> None:
    log, out = tmp_path / "stdout.log", io.BytesIO()
    reader = Reader(log, writer(out, terminal=False))
    steps = ["one\n", "two\n", None, "new", " attempt\n"]

    def ended() -> bool:
        """Between two looks the log grows, or is replaced."""
        if not steps:
            return True
        text = steps.pop(0)
        if text is None:
            log.unlink()
        else:
            with log.open("a") as file:
                file.write(text)
        return False

    follow(reader, ended)
    assert out.getvalue() == b"one\ntwo\nnew attempt\n"


def test_a_log_that_became_shorter_is_read_from_its_start(tmp_path: Path) -> None:
    log, out = tmp_path / "stdout.log", io.BytesIO()
    log.write_text("a long line\n")
    reader = Reader(log, writer(out, terminal=False))
    reader.start(None)
    log.write_text("short\n")
    reader.copy()
    assert out.getvalue() == b"a long line\nshort\n"


def test_a_terminal_is_not_steered() -> None:
    out = io.BytesIO()
    writer(out, terminal=True)(b"a\x1b[2J\tb\r\n\x07\xc3\xa9")
    assert out.getvalue() == b"a[2J\tb\r\n\xc3\xa9"


def test_logs_of_a_unit(history: Commands) -> None:
    logs = history.runs / "g1_run-group_dummy" / "toy_0001" / "logs"
    logs.mkdir()
    whole = "1\n2\n3\n\n"
    (logs / "stdout.log").write_text(whole)
    for more, expected in (([], whole), (["-n", "2"], whole[4:]), (["-f"], whole)):
        process = history.process("logs", "g1-u1", *more)
        assert process.communicate(timeout=60) == (expected, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["g1-u1", "--stream", "stderr"], "has no stderr.log; it is done"),
        (["g1-u1", "-n", "-1"], "0 or more"),
        (["g1"], "are 2 units"),
    ],
)
def test_wrong_wishes(history: Commands, words: list[str], message: str) -> None:
    said = history("logs", *words)
    assert (said.status, message in said.err) == (2, True)


def test_following_ends_with_the_unit(tmp_path: Path) -> None:
    """The output that comes with the end is not lost."""
    log, out, done = tmp_path / "stdout.log", io.BytesIO(), threading.Event()

    def ended() -> bool:
        if not done.is_set():
            log.write_text("last words\n")
            done.set()
            return True
        return True

    follow(Reader(log, writer(out, terminal=False)), ended)
    assert out.getvalue() == b"last words\n"
