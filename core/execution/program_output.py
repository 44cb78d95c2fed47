"""What a program's output tells: the capped log, the tail, and the error that ended it. Pure."""

from __future__ import annotations

import re
import signal as signals
from itertools import takewhile

from core.records import ErrorInfo, KilledFor

LOG_BYTES = 64_000
TAIL_BYTES = 4_000
_MESSAGE_CHARS = 500
_TRACEBACK_CHARS = 3_000

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HEADER = re.compile(
    r"^(?:[ ]*\+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE
)
# The frame of a syntax error in the program itself; Python prints no header above it.
_BARE_SYNTAX = re.compile(
    r'^  File "[^"\n]*", line \d+\n(?:    .*\n)*(?=(?:Syntax|Indentation|Tab)Error: )', re.MULTILINE
)
_RAISED = re.compile(r"^(?:  \| )?([A-Za-z_][\w.]*)(?:: (.*))?$")

# The type and the words for a program that was ended by the box.
_KILLED: dict[KilledFor, tuple[str, str]] = {
    "deadline": ("TimeoutError", "stopped at its time limit"),
    "stop": ("Stopped", "stopped because the run ends"),
    "memory": ("MemoryError", "used more memory than allowed"),
    "processes": ("ProcessLimit", "started more processes than allowed"),
    "disk": ("DiskLimit", "wrote more to its folder than allowed"),
    "supervisor_lost": ("SupervisorLost", "its parent process was killed"),
}


def clean(text: str) -> str:
    """The text without control characters (line breaks and tabs stay): safe for terminals, journals
    and prompts.
    """
    return _CONTROL.sub("?", text.replace("\r\n", "\n").replace("\r", "\n"))


def first_bytes(text: str, count: int) -> str:
    return text.encode(errors="replace")[:count].decode(errors="ignore")


def last_bytes(text: str, count: int) -> str:
    raw = text.encode(errors="replace")
    return raw[max(len(raw) - count, 0) :].decode(errors="ignore")


def join_log(head: str, tail: str, dropped: int) -> str:
    """Head and tail of the output as one text of at most LOG_BYTES."""
    if not tail:
        return first_bytes(head, LOG_BYTES)
    gap = ""
    if dropped > 0:
        gap = f"\n... {dropped} bytes left out ...\n"
    half = (LOG_BYTES - len(gap)) // 2
    return first_bytes(head, half) + gap + last_bytes(tail, half)


def classify(
    text: str, exit_code: int | None, signal: int | None, killed_for: KilledFor | None
) -> ErrorInfo | None:
    """Why the program ended; None when it ended well (exit status 0), whatever it printed."""
    if killed_for is None and signal is None and not exit_code:
        return None
    found = last_traceback(text)
    error = found or ErrorInfo("SystemExit", f"exit status {exit_code}", "")
    if killed_for is not None:
        kind, message = _KILLED[killed_for]
        return ErrorInfo(kind, message, error.traceback)
    if signal is not None:
        name = _signal_name(signal)
        return ErrorInfo(name, f"ended by {name}", error.traceback or _fatal(text))
    return error


def last_traceback(text: str) -> ErrorInfo | None:
    """The last traceback in a text: of chained exceptions, the one that ended the program."""
    header, bare = _last_start(_HEADER, text), _last_start(_BARE_SYNTAX, text)
    start = max(header, bare)
    if start < 0:
        return None
    # A syntax error in an imported module has the same form, as the last frame of a traceback.
    if 0 <= header < start and _only_frames(text[header:start]):
        start = header
    return _parse(text[start:])


def _last_start(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match begins; -1 without any."""
    start = -1
    for match in pattern.finditer(text):
        start = match.start()
    return start


def _only_frames(text: str) -> bool:
    return all(line.startswith(" ") for line in text.splitlines()[1:])


def _parse(text: str) -> ErrorInfo | None:
    lines = text.splitlines()
    for index, line in enumerate(lines):
        match = _RAISED.match(line)
        if match and not _HEADER.match(line):
            message = "\n".join([match.group(2) or "", *_continued(lines[index + 1 :])])
            trace = "\n".join(lines[: index + 1])
            return ErrorInfo(match.group(1), message.strip()[:_MESSAGE_CHARS], _shorten(trace))
    return None


def _continued(lines: list[str]) -> list[str]:
    """Further lines of a message of several lines: up to the first blank one, or the first member
    of a group.
    """
    return list(takewhile(_continues, lines[:5]))


def _continues(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("  +-")


def _shorten(trace: str) -> str:
    """The beginning says where the program called, the end what failed; the middle goes."""
    if len(trace) <= _TRACEBACK_CHARS:
        return trace
    half = _TRACEBACK_CHARS // 2
    return f"{trace[:half]}\n...\n{trace[-half:]}"


def _fatal(text: str) -> str:
    """What Python's fault handler printed, if it did."""
    start = text.rfind("Fatal Python error:")
    if start < 0:
        return ""
    return text[start:][:_TRACEBACK_CHARS]


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"SIG{number}"
