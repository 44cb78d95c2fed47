"""Secrets: looked up in the moment of use, and kept out of everything that is printed or stored."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping

from swarm_host.errors import Credentials
from swarm_host.records import BuildConfig, RunConfig, Secret
from swarm_host.words.expand import looks_secret

MARKER = b"[redacted]"
# Shorter values stand in any text by chance: they would be redacted everywhere, and told thereby.
SHORTEST = 4
# Of a variable whose name does not look secret. `true` and `0.25` are values of such variables.
SHORTEST_PLAIN = 8
# A piece of base64 that is shorter may well be something else.
_SHORTEST_BASE64 = 6


def reveal(values: Mapping[str, str | Secret], environ: Mapping[str, str]) -> dict[str, str]:
    """The values with their secrets looked up: for the call of a backend, never to be stored.

    Raises Credentials, which names every variable that is not set, and one that is too short to be
    redacted although its name says that it is a secret.
    """
    names = {value.name for value in values.values() if isinstance(value, Secret)}
    missing = sorted(name for name in names if not environ.get(name))
    if missing:
        raise Credentials(f"not set: {', '.join(missing)}")
    short = sorted(n for n in names if looks_secret(n) and len(environ[n]) < SHORTEST)
    if short:
        raise Credentials(
            f"{', '.join(short)}: shorter than {SHORTEST} characters, which cannot be kept out of "
            "the output; no real secret is that short"
        )
    return {key: _plain(value, environ) for key, value in values.items()}


def secret_values(run: RunConfig, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values that must not be seen in what this run prints. Variables that are not set are left out:
    reveal tells of them.
    """
    return tuple(sorted(_values(_secrets(run), environ)))


def build_secret_values(build: BuildConfig, environ: Mapping[str, str]) -> tuple[str, ...]:
    """As secret_values, of a build alone."""
    return tuple(sorted(_values(_of(build.build_args), environ)))


class Redactor:
    """Replaces secrets in a stream of bytes, however the stream is cut into pieces.

    `values` are secrets in clear. Their spellings in base64, URLs and JSON are replaced too, and the
    lines of a value of several lines. Secrets that overlap become one marker.
    """

    def __init__(self, values: Iterable[str]) -> None:
        """Raises ValueError for a value below SHORTEST characters: `reveal` refuses it earlier."""
        kept = {value for value in values if value}
        if any(len(value) < SHORTEST for value in kept):
            raise ValueError(f"a secret is shorter than {SHORTEST} characters")
        spellings = {spelling for value in kept for spelling in _spellings(value)}
        self._spellings = sorted(spellings, key=len, reverse=True)
        self._longest = max(map(len, self._spellings), default=0)
        firsts = b"".join(sorted({re.escape(spelling[:1]) for spelling in self._spellings}))
        self._first = re.compile(b"[" + firsts + b"]") if firsts else None
        self._held = b""
        # So many of the held bytes belong to a secret whose marker is written already.
        self._covered = 0

    def feed(self, data: bytes) -> bytes:
        """What can be shown by now. Keeps back an end that may be the start of a secret."""
        if self._first is None:
            return data
        self._held += data
        return self._take(self._undecided(self._first))

    def flush(self) -> bytes:
        """What was kept back: the stream is over, or goes on as another one."""
        return self._take(len(self._held))

    @property
    def held(self) -> int:
        """Bytes that are kept back."""
        return len(self._held)

    def _undecided(self, first: re.Pattern[bytes]) -> int:
        """Where the earliest secret may begin whose rest has not come yet."""
        from_here = max(0, len(self._held) - self._longest + 1)
        for match in first.finditer(self._held, from_here):
            tail = self._held[match.start() :]
            if any(len(s) > len(tail) and s.startswith(tail) for s in self._spellings):
                return match.start()
        return len(self._held)

    def _take(self, until: int) -> bytes:
        """Removes the first `until` held bytes and says what is shown for them."""
        parts: list[bytes] = []
        end = self._covered
        for start, stop in self._found(until):
            if start >= end:
                parts += (self._held[end:start], MARKER)
            end = max(end, stop)
        parts.append(self._held[end:until])
        self._held = self._held[until:]
        self._covered = max(0, end - until)
        return b"".join(parts)

    def _found(self, until: int) -> list[tuple[int, int]]:
        """Start and end of every secret that begins before `until`, in order."""
        spans: list[tuple[int, int]] = []
        for spelling in self._spellings:
            at = self._held.find(spelling)
            while 0 <= at < until:
                spans.append((at, at + len(spelling)))
                at = self._held.find(spelling, at + 1)
        return sorted(spans)


def redact_text(text: str, values: Iterable[str]) -> str:
    """The text without these secrets: for messages and titles."""
    redactor = Redactor(values)
    data = text.encode("utf-8", "surrogateescape")
    return (redactor.feed(data) + redactor.flush()).decode("utf-8", "surrogateescape")


def _plain(value: str | Secret, environ: Mapping[str, str]) -> str:
    return environ[value.name] if isinstance(value, Secret) else value


def _secrets(run: RunConfig) -> set[str]:
    build = _of(run.build.build_args) if run.build else set()
    return _of(run.env) | build


def _of(values: Mapping[str, str | Secret]) -> set[str]:
    return {value.name for value in values.values() if isinstance(value, Secret)}


def _values(names: set[str], environ: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        value = environ.get(name, "")
        shortest = SHORTEST if looks_secret(name) else SHORTEST_PLAIN
        if len(value) >= shortest:
            yield value


def _spellings(value: str) -> set[bytes]:
    data = value.encode("utf-8", "surrogateescape")
    lines = {line for line in data.splitlines() if len(line) >= SHORTEST_PLAIN}
    stripped = data.strip()
    plain = {data, *lines} | ({stripped} if len(stripped) >= SHORTEST else set())
    return plain | _quoted(data) | _base64(stripped or data)


def _quoted(data: bytes) -> set[bytes]:
    """As in URLs, with either case of the digits, and as in JSON."""
    quoted = {
        urllib.parse.quote_from_bytes(data),
        urllib.parse.quote_from_bytes(data, safe=""),
        urllib.parse.quote_plus(data),
    }
    lower = {re.sub("%[0-9A-F]{2}", lambda digits: digits[0].lower(), text) for text in quoted}
    text = data.decode("utf-8", "replace")
    as_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {spelling.encode() for spelling in quoted | lower | as_json}


def _base64(data: bytes) -> set[bytes]:
    """Whole, and what stands of it in the base64 of a longer text, at each of the three places."""
    spellings: set[bytes] = set()
    for shift in range(3):
        padded = bytes(shift) + data
        # Characters that hold bits of what stands before or after are left out.
        first, last = (shift * 8 + 5) // 6, len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(padded)[first:last]
            spellings |= {core} if len(core) >= _SHORTEST_BASE64 else set()
    return spellings | {base64.b64encode(data), base64.urlsafe_b64encode(data)}
