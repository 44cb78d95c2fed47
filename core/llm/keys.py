"""Several keys for one endpoint: each rests by itself after it was refused."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core.llm.endpoint import EndpointError, Kind
from core.protocols import Clock

# What a client sends to a server that wants no key.
NO_KEY = "no-key-is-set"
# Seconds that a key rests when the server does not say how long. A refused key may be mended by its
# owner.
_REST_S: dict[Kind, float] = {"auth": 1800.0, "quota": 900.0}
_LONGEST_REST_S = 1800.0


def split_keys(text: str | None) -> tuple[str, ...]:
    """The keys of a comma-separated list."""
    words = map(str.strip, (text or "").split(","))
    return tuple(dict.fromkeys(filter(None, words)))


class KeyRing:
    """Keys take turns. Safe to use from several threads."""

    def __init__(self, keys: Sequence[str], clock: Clock, first_rest_s: float = 2.0) -> None:
        """first_rest_s: rest after a first "too many requests" without a time; doubles with each
        one in a row.
        """
        self._keys = list(keys)
        self._clock = clock
        self._first_rest_s = first_rest_s
        self._lock = threading.Lock()
        self._ready_at = dict.fromkeys(self._keys, 0.0)
        self._in_a_row = dict.fromkeys(self._keys, 0)
        self._turn = 0

    def __len__(self) -> int:
        return len(self._keys)

    def next(self) -> tuple[str, float]:
        """The key whose turn it is among those that are ready soonest, and the seconds until it is
        ready.
        """
        with self._lock:
            now = self._clock()
            order = self._keys[self._turn :] + self._keys[: self._turn]
            key = min(order, key=lambda key: max(self._ready_at[key] - now, 0.0))
            self._turn = (self._keys.index(key) + 1) % len(self._keys)
            return key, max(self._ready_at[key] - now, 0.0)

    @property
    def wait_s(self) -> float:
        """Seconds until some key is ready."""
        now = self._clock()
        return min(max(ready - now, 0.0) for ready in self._ready_at.values())

    def worked(self, key: str) -> None:
        with self._lock:
            self._in_a_row[key] = 0
            self._ready_at[key] = 0.0

    def failed(self, key: str, error: EndpointError) -> None:
        """Lets the key rest when it was the key that was refused."""
        if error.kind not in ("auth", "quota", "rate"):
            return
        with self._lock:
            rest = error.retry_after
            if rest is None:
                doubled = self._first_rest_s * 2.0 ** min(self._in_a_row[key], 10)
                rest = _REST_S.get(error.kind, doubled)
            self._in_a_row[key] += 1
            self._ready_at[key] = self._clock() + min(rest, _LONGEST_REST_S)
