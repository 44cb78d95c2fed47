"""The competitions of the pack, by name."""

from __future__ import annotations

from benchmark.churn import CHURN
from benchmark.competition import Competition
from utils.errors import UsageError

COMPETITIONS: tuple[Competition, ...] = (CHURN,)


def find(name: str) -> Competition:
    """Raises UsageError for an unknown name."""
    for competition in COMPETITIONS:
        if competition.name == name:
            return competition
    raise UsageError(f"no competition is called {name}; known: {', '.join(item.name for item in COMPETITIONS)}")
