"""What a person sees holds nothing that a terminal obeys."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from core.publishing.screen import Screen
from main import refuse
from utils.logger_system import setup_logging, shutdown_logging
from utils.untrusted import plain

# Clears the screen, sets the title, writes to the clipboard, rings, turns the direction of text.
HOSTILE = "a\x1b[2Jb\x1b]0;title\x1b\\c\x07\x9b31md\x1b]52;c;aGk=\x1b\\e\u202ef\x08g"
SHOWN = plain(HOSTILE)


def test_a_line_holds_no_escapes() -> None:
    out = io.StringIO()
    Screen(Console(file=out, width=200)).line(f"plan: {HOSTILE}")
    assert out.getvalue() == f"plan: {SHOWN}\n"


def test_a_styled_line_on_a_terminal_keeps_its_own_colour_only() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=200)
    Screen(console).line(HOSTILE, "green")
    assert out.getvalue() == f"\x1b[32m{SHOWN}\x1b[0m\n"


def test_the_status_block_holds_no_escapes() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=200)
    screen = Screen(console)
    screen.start(lambda: Text(f"s0001: {HOSTILE}"))
    screen.stop()
    assert f"s0001: {SHOWN}" in out.getvalue()
    assert "\x1b]" not in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


def test_a_log_and_its_lines_on_stderr_hold_no_escapes(tmp_path: Path) -> None:
    stream = io.StringIO()
    assert setup_logging(tmp_path, stream=stream)
    try:
        logging.getLogger("endpoint").warning("it said %s", HOSTILE)
    finally:
        shutdown_logging()
    assert stream.getvalue() == f"it said {SHOWN}\n"
    assert (tmp_path / "system.log").read_text(encoding="utf-8").endswith(f"it said {SHOWN}\n")


def test_a_refusal_holds_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    refuse(HOSTILE)
    assert capsys.readouterr().err == f"error: {SHOWN}\n"


def test_nothing_of_it_is_obeyed() -> None:
    assert SHOWN.isprintable()
    assert {"\x1b", "\x9b", "\x07", "\x08", "\u202e"}.isdisjoint(SHOWN)
