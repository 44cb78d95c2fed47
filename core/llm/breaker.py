"""A circuit breaker: an endpoint that keeps failing is left alone for a while, then one call may
try it again.
"""

from __future__ import annotations

import threading

from core.protocols import Clock


class Breaker:
    """Closed: calls go through. Open: none does until a time. Half open: one does, and decides.
    Thread-safe.
    """

    def __init__(self, clock: Clock, failures: int, rest_s: float, longest_rest_s: float) -> None:
        """failures: in a row, that open the circuit. rest_s: how long; doubles each time up to
        longest_rest_s.
        """
        self._clock = clock
        self._failures = failures
        self._first_rest_s, self._longest_rest_s = rest_s, longest_rest_s
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._rest_s = rest_s
        self._open_until: float | None = None
        self._trying = False
        self.reason = ""

    @property
    def wait_s(self) -> float:
        """Seconds until a call may go through; 0 when it may now."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            wait = max(self._open_until - self._clock(), 0.0)
            if wait == 0.0 and self._trying:
                return self._rest_s
            return wait

    def admit(self) -> bool:
        """Whether a call may go through. One that may must end in succeeded, failed or let_go."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._trying or self._clock() < self._open_until:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._in_a_row = 0
            self._open_until = None
            self._trying = False
            self._rest_s = self._first_rest_s

    def failed(self, reason: str, for_good: bool = False) -> None:
        """for_good: no later attempt of the same kind is expected to do better; the circuit opens
        at once, for long.
        """
        with self._lock:
            self._in_a_row += 1
            was_trial, self._trying = self._trying, False
            if not (was_trial or for_good or self._in_a_row >= self._failures):
                return
            self.reason = reason
            rest = self._longest_rest_s if for_good else self._rest_s
            self._open_until = self._clock() + rest
            self._rest_s = min(self._rest_s * 2, self._longest_rest_s)

    def let_go(self) -> None:
        """The call ended without saying anything about the endpoint."""
        with self._lock:
            self._trying = False
