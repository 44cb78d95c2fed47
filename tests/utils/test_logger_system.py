"""utils/logger_system.py."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.logger_system import BACKUPS, setup_logging, shutdown_logging

_log = logging.getLogger("some.part")


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    shutdown_logging()
    logging.getLogger().setLevel(level)


def test_lines_go_to_the_file_and_plainly_to_the_stream(tmp_path: Path) -> None:
    stream = io.StringIO()
    assert setup_logging(tmp_path / "logs", "INFO", stream=stream)
    _log.info("step %d", 3)
    _log.debug("unseen")
    assert stream.getvalue() == "step 3\n"
    assert (tmp_path / "logs" / "system.log").read_text().endswith(" INFO some.part: step 3\n")


def test_lesson_24_no_key_in_lines_arguments_or_tracebacks(tmp_path: Path) -> None:
    stream = io.StringIO()
    setup_logging(tmp_path, secrets=["hunter2"], stream=stream)
    try:
        raise ValueError("wrong key hunter2")
    except ValueError:
        _log.exception("call with %s failed", "hunter2")
    for text in (stream.getvalue(), (tmp_path / "system.log").read_text()):
        assert "Traceback" in text
        assert "hunter2" not in text


def test_the_file_has_a_bound(tmp_path: Path) -> None:
    setup_logging(tmp_path, stream=io.StringIO(), max_bytes=2000)
    for index in range(500):
        _log.info("line %d", index)
    sizes = [path.stat().st_size for path in tmp_path.glob("system.log*")]
    assert len(sizes) == BACKUPS + 1
    assert max(sizes) <= 2000
    assert "line 499" in (tmp_path / "system.log").read_text()


def test_a_second_setup_replaces_the_first(tmp_path: Path) -> None:
    first, second = io.StringIO(), io.StringIO()
    setup_logging(tmp_path / "a", stream=first)
    setup_logging(tmp_path / "b", stream=second)
    _log.info("once")
    assert (first.getvalue(), second.getvalue()) == ("", "once\n")


def test_a_folder_that_refuses_the_file_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    stream = io.StringIO()
    assert not setup_logging(tmp_path / "logs", stream=stream)
    _log.info("still here")
    assert stream.getvalue() == "still here\n"
    assert capsys.readouterr().err.startswith("no log file: ")


def test_a_full_disk_gives_the_file_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "system.log").symlink_to("/dev/full")
    stream = io.StringIO()
    setup_logging(tmp_path, stream=stream, max_bytes=0)
    _log.info("one")
    _log.info("two")
    assert stream.getvalue() == "one\ntwo\n"
    assert capsys.readouterr().err.count("log file given up: ") == 1
