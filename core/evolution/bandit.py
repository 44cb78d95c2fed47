"""Which operator comes next: Thompson sampling over their measured gain per second. Pure.

A gain counts as so many events in the time that its step took, so the rate of an operator has a
gamma distribution.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.evolution.experience import Experience, experiences
from core.evolution.situation import Situation
from core.records import BriefKind, EntryKind

# What a step said is worth half after 23 more: what pays at the start does not pay at the end.
DISCOUNT = 0.97
# What is older than this many steps has lost 99 % of its weight.
MEMORY = 150
# Steps of average gain that every operator is credited with before its first.
PRIOR_STEPS = 2.0
# Gain that all operators share before there is any, in spreads.
PRIOR_GAIN = 0.1
LEAST_SHARE = 0.05
# Draws narrow to this share of their variance at the end of the budget.
NARROWEST = 0.1


@dataclass(slots=True)
class Account:
    """What an operator brought (in spreads of the scores) and cost (in usual steps), discounted."""

    gain: float = 0.0
    cost: float = 0.0


def operators_in_order(
    kinds: Sequence[BriefKind], now: Situation, rng: random.Random
) -> list[BriefKind]:
    """The operators, the one to try first in front. kinds: those whose needs are met, draft among
    them.

    Drafts have at least their share of exploration, the others LEAST_SHARE each; the rest goes to
    the best draw.
    """
    others = [kind for kind in kinds if kind != "draft"]
    explore = now.settings.explore * (1.0 - now.progress)
    if now.settings.bandit:
        order = thompson(kinds, accounts(now), now.progress, rng)
        floors: list[tuple[BriefKind, float]] = [
            ("draft", explore),
            *((kind, LEAST_SHARE) for kind in others),
        ]
    else:
        order = [*rng.sample(others, len(others)), "draft"]
        floors = [("draft", explore)]
    drawn = rng.random()
    for kind, share in floors:
        drawn -= share
        if drawn < 0:
            return [kind, *(other for other in order if other != kind)]
    return order


def thompson(
    kinds: Sequence[BriefKind],
    accounts: Mapping[EntryKind, Account],
    progress: float,
    rng: random.Random,
) -> list[BriefKind]:
    """Operators by a draw from the distribution of their rates, which narrows around its mean as
    the budget goes.
    """
    total = Account(sum(a.gain for a in accounts.values()), sum(a.cost for a in accounts.values()))
    usual = (total.gain + PRIOR_GAIN) / (total.cost + 1.0)
    sharp = 1.0 / max(1.0 - progress, NARROWEST)
    draws = {}
    for kind in kinds:
        known = accounts.get(kind, Account())
        events, exposure = PRIOR_STEPS * usual + known.gain, PRIOR_STEPS + known.cost
        draws[kind] = rng.gammavariate(sharp * events, 1.0 / (sharp * exposure))
    return sorted(kinds, key=lambda kind: -draws[kind])


def accounts(now: Situation) -> dict[EntryKind, Account]:
    """Gain and cost by operator. A repair is on the account of the step that it mends.

    The first drafts are on nobody's: they lead each other on by their nature, and drafts must not
    be credited for it.
    """
    pool = [item for item in experiences(now, MEMORY) if not item.opening]
    # In order of appearance: sums over a set of words would differ from process to process.
    kinds = dict.fromkeys(item.kind for item in pool)
    return {kind: account_of([item for item in pool if item.kind == kind]) for kind in kinds}


def account_of(pool: Sequence[Experience]) -> Account:
    """Gain and cost of some steps; what is long ago counts less."""
    account = Account()
    for item in pool:
        account.gain += DISCOUNT**item.age * item.profit
        account.cost += DISCOUNT**item.age * item.cost
    return account
