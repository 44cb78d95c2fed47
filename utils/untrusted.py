"""Text from outside (descriptions, cells, file names, tracebacks) made safe and stable to stand in
a prompt. Pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

_BREAKS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, formats (direction overrides, invisible letters, tags), surrogates and private use.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})
_ASCII_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Orders to a terminal: colours, titles, moves of the cursor.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_PATH = re.compile(r"(?<![\w./~:-])/(?:[^\s/'\":,;()<>\[\]|]+/)+[^\s/'\":,;()<>\[\]|]*")
_KNOWN_PART = re.compile(r".*/(?=(?:site-packages|dist-packages|python3\.\d+|input|submission)/)")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TICKS = re.compile(r"`{3,}")
_MARK_DIGITS = 6


def plain(text: str) -> str:
    """The text without characters that nobody sees and without escape sequences; line breaks become
    `\\n`, tabs stay.
    """
    text = _BREAKS.sub("\n", without_escapes(text))
    if text.isascii():
        return _ASCII_UNSEEN.sub("", text)
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in _UNSEEN
    )


def without_escapes(text: str) -> str:
    """The text without the escape sequences of terminals."""
    return _ESCAPES.sub("", text)


def one_line(text: str, limit: int) -> str:
    """The text as one line of at most `limit` characters; what was cut is marked by dots."""
    # Cells may be megabytes; what lies far behind the limit cannot show.
    line = " ".join(plain(text[: 4 * limit + 100]).split())
    whole = len(line) <= limit and len(text) <= 4 * limit + 100
    if whole:
        return line
    return line[: max(limit - 3, 0)].rstrip() + "..."


def fence(text: str, label: str = "data") -> str:
    """The text between two marker lines that it does not contain; the same text always gets the
    same marker.
    """
    text = plain(text).strip("\n")
    mark, salt = hashlib.sha256(text.encode()).hexdigest()[:_MARK_DIGITS], 0
    while mark in text:
        salt += 1
        mark = hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()[:_MARK_DIGITS]
    return f"<{label}-{mark}>\n{text}\n</{label}-{mark}>"


def code_block(code: str, language: str = "python") -> str:
    """A markdown code block whose fence is longer than any run of backticks inside."""
    ticks = "`" * max((len(run) + 1 for run in _TICKS.findall(code)), default=3)
    return f"{ticks}{language}\n{code.rstrip()}\n{ticks}"


def anonymous(text: str) -> str:
    """The text without absolute paths and memory addresses, which differ between machines and runs.

    Of a path only the part below a package folder, below ./input or ./submission, or else the file
    name stays.
    """
    return _ADDRESS.sub("0x...", _PATH.sub(lambda match: _tail(match.group()), text))


def _tail(path: str) -> str:
    known_part = _KNOWN_PART.match(path)
    if known_part:
        return path[known_part.end() :]
    return path.rstrip("/").rpartition("/")[2]
