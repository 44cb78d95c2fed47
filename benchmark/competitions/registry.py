"""The competitions of the pack, by name."""

from __future__ import annotations

from benchmark.competitions.classification import (
    CHURN,
    COVID_TEST,
    FLIGHT_DELAY,
    GRANTS,
    LOAN_DEFAULT,
)
from benchmark.competitions.competition import Competition
from benchmark.competitions.digits import DIGITS_28
from benchmark.competitions.documents import FOOD_REVIEW, MOVIE_SNIPPET
from benchmark.competitions.regression import (
    DIAMOND_PRICE,
    HOTEL_RATE,
    HOUSE_PRICE,
    POWER_DEMAND,
    TRANSIT,
)
from utils.errors import UsageError

COMPETITIONS: tuple[Competition, ...] = (
    CHURN,
    LOAN_DEFAULT,
    COVID_TEST,
    FLIGHT_DELAY,
    GRANTS,
    HOUSE_PRICE,
    DIAMOND_PRICE,
    HOTEL_RATE,
    TRANSIT,
    POWER_DEMAND,
    FOOD_REVIEW,
    MOVIE_SNIPPET,
    DIGITS_28,
)
EVERY = "all"


def find(name: str) -> Competition:
    """Raises UsageError for an unknown name."""
    for competition in COMPETITIONS:
        if competition.name == name:
            return competition
    known = ", ".join(competition.name for competition in COMPETITIONS)
    raise UsageError(f"no competition is called {name}; known: {known}")


def find_all(names: list[str]) -> tuple[Competition, ...]:
    """The named ones, each once; the whole pack for `all`. Raises UsageError for an unknown name."""
    if EVERY in names:
        return COMPETITIONS
    return tuple(map(find, dict.fromkeys(names)))
