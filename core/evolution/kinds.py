"""Which kind of program a language model is asked for: by what a request of each kind has gained.
Pure.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from core.evolution.experience import clipped, origin_of, spread_of
from core.evolution.situation import Situation, is_first_draft
from core.records import BriefKind, Entry

# Shares before anything is known. Of 22 answers of a strong author the free ones made the gains:
# drafts, and those that rewrote the program under the name of one part. Merges of good programs and
# a last rebuild paid late, values of parameters never (docs/decisions/0016-strong-authors.md).
PRIOR_SHARES: Mapping[BriefKind, float] = {
    "rewrite": 0.5,
    "merge": 0.2,
    "mutate": 0.2,
    "draft": 0.1,
}
# Requests that the prior is worth, all kinds together: after as many it weighs as much as what was
# seen. Each kind holds its share of them, so that kinds that are asked in these shares and gain
# nothing keep them.
PRIOR_REQUESTS = 6.0
# Gain per request that the prior expects, in spreads.
PRIOR_GAIN = 0.1
# What a request gained is worth half after 23 more steps: what pays at the start does not pay at
# the end.
DISCOUNT = 0.97


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests of one kind, and what they gained in spreads over the leader of their moment;
    discounted.
    """

    requests: float = 0.0
    gain: float = 0.0


def tallies(now: Situation) -> dict[BriefKind, Tally]:
    """Of each kind in PRIOR_SHARES. A repair costs a request of the kind that it mends. First
    drafts count nowhere: they lead each other on by their nature.
    """
    found = dict.fromkeys(PRIOR_SHARES, Tally())
    spread = spread_of(now)
    for age, entry in enumerate(reversed(now.finished)):
        kind = _asked_as(entry, now)
        if kind is not None:
            known, weight = found[kind], DISCOUNT**age
            gain = weight * _profit(entry, now, spread)
            found[kind] = Tally(known.requests + weight, known.gain + gain)
    return found


def kind_weights(found: Mapping[BriefKind, Tally]) -> dict[BriefKind, float]:
    """Shares, summing to 1: each kind's prior share times its gain per request (posterior mean) in
    units of what all requests gain.
    """
    requests = sum(tally.requests for tally in found.values())
    gain = sum(tally.gain for tally in found.values())
    usual = (gain + PRIOR_REQUESTS * PRIOR_GAIN) / (requests + PRIOR_REQUESTS)
    weights: dict[BriefKind, float] = {}
    for kind, share in PRIOR_SHARES.items():
        tally, prior = found.get(kind, Tally()), share * PRIOR_REQUESTS
        rate = (tally.gain + prior * usual) / (tally.requests + prior)
        weights[kind] = share * rate
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def in_drawn_order(weights: Mapping[BriefKind, float], rng: random.Random) -> list[BriefKind]:
    """All kinds, the likely ones earlier: drawn without replacement."""
    left, order = dict(weights), list[BriefKind]()
    while left:
        kind = rng.choices(list(left), list(left.values()))[0]
        order.append(kind)
        del left[kind]
    return order


def _asked_as(entry: Entry, now: Situation) -> BriefKind | None:
    """The kind that a model's step counts for; None for all others."""
    origin = origin_of(entry, now)
    if entry.author != "model" or origin is None or is_first_draft(origin):
        return None
    return next((kind for kind in PRIOR_SHARES if kind == origin.kind), None)


def _profit(entry: Entry, now: Situation, spread: float) -> float:
    """Gain over the leader in spreads; a loss costs no more than the request."""
    if entry.incumbent is None:
        return 0.0
    gain = now.gain(entry, entry.incumbent) or 0.0
    return max(clipped(gain / spread), 0.0)
