"""The run's log: system.log below a size, plain lines on stderr, and no key in either."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from utils.text import redact
from utils.untrusted import plain

FILE_NAME = "system.log"
MAX_BYTES = 8 << 20
BACKUPS = 2


class RedactingFormatter(logging.Formatter):
    """Formats as usual, then removes keys and what a terminal obeys: also in arguments and tracebacks."""

    def __init__(self, pattern: str, secrets: Iterable[str]) -> None:
        super().__init__(pattern)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return redact(plain(super().format(record)), self._secrets)


class _SizedFile(RotatingFileHandler):
    """A log file that is given up, with one line on stderr, when the disk refuses it."""

    def handleError(self, record: logging.LogRecord) -> None:
        reason = sys.exc_info()[1]
        logging.getLogger().removeHandler(self)
        with contextlib.suppress(OSError):
            self.close()
        _say(f"log file given up: {reason}")


def setup_logging(
    log_dir: Path,
    level: str = "INFO",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    max_bytes: int = MAX_BYTES,
) -> bool:
    """Sends every logger's lines to `log_dir`/system.log and to `stream` (default stderr); replaces
    earlier handlers.

    Returns False, after one line on stderr, when the file cannot be written; the stream is used all
    the same.
    """
    shutdown_logging()
    hidden = tuple(secrets)
    root = logging.getLogger()
    root.setLevel(level)
    plain = logging.StreamHandler(stream if stream is not None else sys.stderr)
    plain.setFormatter(RedactingFormatter("%(message)s", hidden))
    root.addHandler(plain)
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        file = _SizedFile(
            log_dir / FILE_NAME,
            maxBytes=max_bytes,
            backupCount=BACKUPS,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        _say(f"no log file: {error}")
        return False
    file.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", hidden))
    root.addHandler(file)
    return True


def shutdown_logging() -> None:
    """Closes the handlers that `setup_logging` installed; other handlers stay."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, RedactingFormatter):
            root.removeHandler(handler)
            handler.close()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
