"""Text for people and prompts: capping, redaction, durations and sizes in words. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MASK = "***"
# Ids that are whole numbers are the same where the two groups are: "007", 7 and 7.0.
WHOLE_NUMBER = re.compile(r"^\+?(-?)(?>0*(?=\d))(\d+)(?:\.0*)?$")

_KEY = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{12,}"
    r"|(?<=[Bb]earer )[A-Za-z0-9_\-.=]{12,}"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
)
# Where a clause of a sentence ends: there a plan can be cut without spoiling what it names.
_CLAUSE = re.compile(r"[,;.:](?=\s)|\s(?=[+(\[]|and |then |plus |on top |with )")
_OPENING, _CLOSING = "([{", ")]}"
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def cap(text: str, limit: int, head_share: float = 0.5) -> str:
    """At most about `limit` characters: the head and the tail, with a line between that says what
    was cut.
    """
    if len(text) <= limit:
        return text
    head = int(limit * head_share)
    tail = limit - head
    cut = len(text) - limit
    return f"{text[:head]}\n[... {cut} characters cut ...]\n{text[len(text) - tail :]}"


def whole(text: str) -> str:
    """The text with a mark instead of each lone half of a character, which no file can hold."""
    return text.encode(errors="replace").decode()


def clipped(text: str, limit: int) -> str:
    """One line of at most `limit` characters; what was cut is marked by dots. It is cut behind a
    clause that stands in no brackets, else behind a word, so that no name is left in halves.
    """
    if len(text) <= limit:
        return text
    room = max(limit - 4, 0)
    # What stands right behind says whether a clause or a word ends there.
    head = text[: room + 2]
    clauses = [
        match.start() for match in _CLAUSE.finditer(head) if _is_outside(head, match.start())
    ]
    words = [match.start() for match in re.finditer(r"\s", head)]
    for ends in (clauses, words):
        ends = [end for end in ends if room // 3 < end <= room]
        if ends:
            return f"{text[: ends[-1]].rstrip(' ,;:.')} ..."
    return f"{text[: max(limit - 3, 0)]}..."


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets, without what looks like a key, and without passwords in
    addresses.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return _KEY.sub(MASK, text)


def _is_outside(text: str, place: int) -> bool:
    """True where every bracket that opens before a place is closed there."""
    before = text[:place]
    return sum(map(before.count, _OPENING)) <= sum(map(before.count, _CLOSING))


def human_seconds(seconds: float) -> str:
    """A duration as `0.4 s`, `12 s`, `3 min 20 s` or `2 h 05 min`."""
    if not math.isfinite(seconds):
        return "no limit"
    if abs(seconds) < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s".removesuffix(" 00 s")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min".removesuffix(" 00 min")


def human_bytes(count: float) -> str:
    """A size in powers of 1024, as `512 B`, `3.4 MiB` or `120 GiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            break
        size /= 1024
    if unit == "B" or abs(size) >= 99.95:
        return f"{size:.0f} {unit}"
    return f"{size:.1f} {unit}"


def parse_duration(text: str) -> float:
    """Seconds in `90`, `90s`, `30m`, `1.5h` or `1h30m`. Raises ValueError for anything else and for
    zero.
    """
    seconds = 0.0
    if match := _DURATION.fullmatch(text.strip()):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = 3600 * hours + 60 * minutes + rest
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"expected a duration such as 90s, 30m or 1h30m, got {text!r}")
    return seconds


def exact(value: float) -> str:
    """A number of data as a reader can rely on it: whole ones with every digit, others with six
    significant digits and at least one decimal. Never with an exponent where digits would do.
    """
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    if 1e5 <= abs(value) < 1e15:
        return f"{value:.1f}"
    return f"{value:.6g}"
