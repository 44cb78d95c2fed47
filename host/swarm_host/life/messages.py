"""What is told of the end of a unit: by its life, and by another grade later."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from swarm_host.disk.last_line import last_line
from swarm_host.life import outcomes
from swarm_host.words.redact import redact_text


def last_words(folder: Path) -> str:
    """Of the agent's errors, or of its output when it printed none. folder: of the unit."""
    logs = folder / "logs"
    return last_line(logs / "stderr.log") or last_line(logs / "stdout.log")


def message_of_end(said: str, left_out: Iterable[str], secrets: Iterable[str]) -> str:
    """What follows from the end, and what was not brought back: short, and without these secrets."""
    whole = "; ".join(filter(None, (said, *left_out)))
    return outcomes.short(redact_text(whole, secrets))
