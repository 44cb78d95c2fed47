"""What is measured: which competitions, how many rows, how large a library, how many executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.competitions.registry import COMPETITIONS
from benchmark.study.library import Extent
from utils.errors import UsageError


@dataclass(frozen=True, slots=True)
class Tier:
    """rows: of train that are kept, None for all. extents: by competition, "" for the others.

    executions: fold runs of one search. earlier: smaller numbers of them, at which searches are
    compared as well. limit_s: of one execution.
    """

    name: str
    competitions: tuple[str, ...]
    rows: int | None
    extents: Mapping[str, Extent]
    executions: int
    earlier: tuple[int, ...]
    limit_s: float

    def extent(self, name: str) -> Extent:
        return self.extents.get(name, self.extents[""])


# As large as an hour on two cores allows. The second has three times as many competitions, two of
# them slow.
QUICK = Tier(
    name="quick",
    competitions=("churn", "house-price", "hotel-rate", "food-review"),
    rows=1500,
    extents={
        "churn": Extent(data=1, model=2, train=2, post=2, most=220),
        "food-review": Extent(data=2, model=2, train=2, post=2, most=100),
        "": Extent(data=1, model=1, train=2, post=2, most=175),
    },
    executions=200,
    earlier=(40, 80, 120),
    limit_s=60.0,
)
FULL = Tier(
    name="full",
    competitions=tuple(competition.name for competition in COMPETITIONS),
    rows=1500,
    extents={
        "grants": Extent(data=1, model=1, train=2, post=2, most=14),
        "digits-28": Extent(data=1, model=1, train=2, post=2, most=14),
        "": Extent(data=1, model=1, train=2, post=2, most=20),
    },
    executions=40,
    earlier=(),
    limit_s=300.0,
)
TIERS = {tier.name: tier for tier in (QUICK, FULL)}


def tier_of(name: str) -> Tier:
    """Raises UsageError for an unknown name."""
    if name not in TIERS:
        raise UsageError(f"no tier is called {name}; known: {', '.join(TIERS)}")
    return TIERS[name]
