"""Which units an engine has in hand, and how they came back."""

from __future__ import annotations

import threading
from collections.abc import Mapping


class Ledger:
    """Any thread may call it. Once it is closed, no further unit is taken in hand."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # Units in hand, with the machine that each is kept to.
        self._in_hand: dict[str, str | None] = {}
        self._failures: dict[str, BaseException] = {}
        # Units that came back and that `wait` has not told of yet.
        self._came_back = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def is_wanted(self, unit_id: str) -> bool:
        """Whether `take` would take it in hand now."""
        with self._changed:
            return not self._closed and unit_id not in self._in_hand

    def take(self, unit_id: str, machine: str | None = None) -> bool:
        """False, and nothing else, for a unit that is in hand already, and once it is closed."""
        with self._changed:
            if self._closed or unit_id in self._in_hand:
                return False
            self._in_hand[unit_id] = machine
            return True

    def give_up(self, unit_id: str) -> None:
        """It could not be handed out: it never was in hand."""
        with self._changed:
            self._in_hand.pop(unit_id, None)

    def came_back(self, unit_id: str, failure: BaseException | None) -> None:
        """failure: what stood in its way; None when nothing did. A unit comes back once."""
        with self._changed:
            if unit_id not in self._in_hand:
                return
            del self._in_hand[unit_id]
            if failure is not None:
                self._failures[unit_id] = failure
            self._came_back += 1
            self._changed.notify_all()

    def machines(self) -> Mapping[str, str | None]:
        """Of the units in hand."""
        with self._changed:
            return dict(self._in_hand)

    def wait(self, timeout: float) -> None:
        """Until a unit came back that no wait has told of, none is in hand, or seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._came_back or not self._in_hand, timeout)
            self._came_back = 0

    def failures(self) -> Mapping[str, BaseException]:
        """Since the last call."""
        with self._changed:
            found, self._failures = self._failures, {}
            return found

    def close(self) -> None:
        with self._changed:
            self._closed = True
