"""What is not brought back of the files that an agent left, and why. Names are the agent's."""

from __future__ import annotations

from swarm_host.words.terminal import printable

# So many are named; the rest is counted.
_MOST_NAMED = 100
_LONGEST_SHOWN = 200


class LeftOut:
    """Lines for people."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def say(self, name: str, why: str) -> None:
        """why: a reason of ours. The name may hold anything, also what no text may hold."""
        if len(self._lines) < _MOST_NAMED:
            self._lines.append(f"{_shown(name)}: {why}")
        else:
            self._more += 1

    def told(self) -> tuple[str, ...]:
        if not self._more:
            return tuple(self._lines)
        return (*self._lines, f"and {self._more} more")


def _shown(name: str) -> str:
    clean = printable(name.encode("utf-8", "backslashreplace").decode(), "?")
    return clean if len(clean) <= _LONGEST_SHOWN else f"{clean[:_LONGEST_SHOWN]}..."
