"""Log, tail and the error that ended a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.execution.program_output import (
    LOG_BYTES,
    classify,
    clean,
    join_log,
    last_bytes,
    last_traceback,
)


def _stderr_of(tmp_path: Path, program: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    return done.stderr


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        ("x = (", "SyntaxError", "'(' was never closed"),
        (
            "if 1:\nx = 2",
            "IndentationError",
            "expected an indented block after 'if' statement on line 1",
        ),
        ("open('nope')", "FileNotFoundError", "[Errno 2] No such file or directory: 'nope'"),
        ("raise KeyError('x')", "KeyError", "'x'"),
        ("assert False", "AssertionError", ""),
        (
            "import json\njson.loads('')",
            "json.decoder.JSONDecodeError",
            "Expecting value: line 1 column 1 (char 0)",
        ),
        (
            "try:\n    1 / 0\nexcept Exception as e:\n    raise TypeError('y') from e",
            "TypeError",
            "y",
        ),
        ("try:\n    1 / 0\nexcept Exception:\n    raise OSError('z')", "OSError", "z"),
        ("class Own(Exception):\n    pass\nraise Own('a\\nb')", "Own", "a\nb"),
        (
            "raise ExceptionGroup('many', [ValueError('v')])",
            "ExceptionGroup",
            "many (1 sub-exception)",
        ),
    ],
)
def test_lesson_15_what_python_prints_is_understood(
    program: str, kind: str, message: str, tmp_path: Path
) -> None:
    error = classify(_stderr_of(tmp_path, program), 1, None, None)
    assert error is not None
    assert error.type.removeprefix("__main__.") == kind
    assert error.message.splitlines()[:2] == message.splitlines()


def test_a_syntax_error_in_an_imported_module_keeps_its_frames(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("x = (")
    error = last_traceback(_stderr_of(tmp_path, "import broken"))
    assert error is not None
    assert error.type == "SyntaxError"
    assert "import broken" in error.traceback


def test_a_later_syntax_error_wins_over_an_earlier_traceback(tmp_path: Path) -> None:
    first = _stderr_of(tmp_path, "raise ValueError('x')")
    second = _stderr_of(tmp_path, "x = (")
    assert last_traceback(first + second) == last_traceback(second)


def test_words_that_look_like_errors_are_none() -> None:
    text = "ValueError: printed\nTraceback (most recent call last) is what Python says\nRMSE: 0.5\n"
    assert last_traceback(text) is None
    error = classify(text, 3, None, None)
    assert error is not None
    assert (error.type, error.message) == ("SystemExit", "exit status 3")


def test_a_cut_traceback_is_no_error_of_ours() -> None:
    assert last_traceback("Traceback (most recent call last):\n  File 'x'") is None


def test_long_tracebacks_and_messages_are_shortened(tmp_path: Path) -> None:
    error = last_traceback(_stderr_of(tmp_path, "def f(n):\n    g(n)\ndef g(n):\n    f(n)\nf(1)"))
    assert error is not None
    assert error.type == "RecursionError"
    assert len(error.traceback) < 3100
    long = last_traceback("Traceback (most recent call last):\n  x\nValueError: " + "y" * 10_000)
    assert long is not None
    assert len(long.message) <= 500


def test_the_log_keeps_head_and_tail() -> None:
    log = join_log("h" * 32_000, "t" * 32_000, 10**8)
    assert log.startswith("hh")
    assert log.endswith("tt")
    assert "100000000 bytes left out" in log
    assert len(log.encode()) <= LOG_BYTES
    assert join_log("abc", "", 0) == "abc"
    assert join_log("abc", "def", 0) == "abcdef"


def test_replacement_characters_do_not_break_the_cap() -> None:
    broken = "�" * 32_000
    assert len(join_log(broken, broken, 0).encode()) <= LOG_BYTES
    assert len(last_bytes(broken, 4000).encode()) <= 4000


def test_control_characters_are_harmless() -> None:
    assert clean("a\x00b\x1b[31mc\r\nd\re\tf") == "a?b?[31mc\nd\ne\tf"


def test_unknown_signals_have_a_name() -> None:
    error = classify("", None, 50, None)
    assert error is not None
    assert error.type == "SIG50"
