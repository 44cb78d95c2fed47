"""Sentences of a manager for people, each as often as it helps."""

from __future__ import annotations

from collections.abc import Callable

from swarm_host.errors import HostError, StoreFull


class Saying:
    """say: takes a sentence. full_s: seconds between two sentences on a full disk."""

    def __init__(self, say: Callable[[str], None], full_s: float) -> None:
        self._say = say
        self._full_s = full_s
        self._full_at = float("-inf")
        self._said: set[str] = set()

    def once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def put_off(self, what: str, error: HostError, now: float) -> None:
        """What waits because of the error. A full disk is told again and again, as long as it lasts:
        nothing goes on before a person frees some.
        """
        if not isinstance(error, StoreFull):
            self.once(f"{what}: {error}")
        elif now - self._full_at >= self._full_s:
            self._full_at = now
            self._say(
                f"waiting for disk: {error}; free some, and this goes on by itself within "
                f"{self._full_s:g} s"
            )
