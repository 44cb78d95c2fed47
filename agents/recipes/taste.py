"""Random orders and draws that lean towards what a persona likes; plain ones where it likes all
alike. Pure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
Taste = Callable[[str], float]
"""Weight of a fragment's key or of an aspect: 1 is no preference, 0 is never."""


def indifferent(name: str) -> float:
    return 1.0


def leaning(
    items: Sequence[T], weights: Sequence[float], rng: random.Random, fade: float = 1.0
) -> list[T]:
    """The items in a drawn order, heavier ones earlier, those of weight 0 last; as they are where
    all weigh the same.

    fade: share of its weight that an item keeps for each place that it stands behind the first.
    """
    if len(set(weights)) <= 1:
        return list(items)
    keys: list[float] = []
    for place, weight in enumerate(weights):
        faded = weight * fade**place
        keys.append(rng.expovariate(1.0) / faded if faded > 0 else math.inf)
    return [items[place] for place in sorted(range(len(items)), key=keys.__getitem__)]


def drawn(items: Sequence[T], weights: Sequence[float], rng: random.Random) -> T:
    """One of the items; each as likely as the other where all weigh the same."""
    if len(set(weights)) <= 1:
        return rng.choice(items)
    return rng.choices(items, weights)[0]
