"""Which kind is asked next follows what a request of each kind has gained."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Mapping
from statistics import fmean

import pytest

from core.evolution.kinds import PRIOR_SHARES, Tally, in_drawn_order, kind_weights, tallies
from core.evolution.situation import Situation
from core.records import BriefKind, Entry
from tests.evolution.model_rig import by_model, by_recipe, situation, start


def shares_after(rates: Mapping[BriefKind, float], requests: int) -> dict[BriefKind, float]:
    """Mean shares over many runs that follow the weights. rates: mean gain of a request of a kind;
    three of ten gain at all.
    """
    runs = [_one_run(rates, requests, random.Random(seed)) for seed in range(150)]
    return {kind: fmean(run[kind] for run in runs) for kind in PRIOR_SHARES}


def _one_run(
    rates: Mapping[BriefKind, float], requests: int, rng: random.Random
) -> dict[BriefKind, float]:
    found = dict.fromkeys(PRIOR_SHARES, Tally())
    for _ in range(requests):
        kind = in_drawn_order(kind_weights(found), rng)[0]
        gain = rates[kind] / 0.3 if rng.random() < 0.3 else 0.0
        found[kind] = Tally(found[kind].requests + 1, found[kind].gain + gain)
    return kind_weights(found)


@pytest.mark.parametrize("gain", [0.0, 0.1])
@pytest.mark.parametrize("requests", [0, 6, 20, 40])
def test_with_even_gains_the_shares_stay_at_the_prior(gain: float, requests: int) -> None:
    found = shares_after(dict.fromkeys(PRIOR_SHARES, gain), requests)
    for kind, share in PRIOR_SHARES.items():
        assert found[kind] == pytest.approx(share, abs=0.05)


def test_where_mutations_pay_and_rewrites_do_not_rewrites_lose_their_share() -> None:
    rates: dict[BriefKind, float] = {"rewrite": 0.0, "mutate": 0.2, "merge": 0.0, "draft": 0.0}
    found = shares_after(rates, 30)
    assert found["rewrite"] < 0.3
    assert found["mutate"] > 0.5
    assert min(found.values()) > 0.02


def test_where_rewrites_pay_they_keep_half_or_more() -> None:
    alone: dict[BriefKind, float] = {"rewrite": 0.2, "mutate": 0.0, "merge": 0.0, "draft": 0.0}
    rather = alone | {"mutate": 0.1, "merge": 0.1, "draft": 0.1}
    for requests in (6, 20, 40):
        assert shares_after(alone, requests)["rewrite"] > 0.55
        assert shares_after(rather, requests)["rewrite"] >= 0.5


def test_kinds_are_drawn_in_their_shares_and_each_once() -> None:
    orders = [in_drawn_order(PRIOR_SHARES, random.Random(seed)) for seed in range(400)]
    assert all(set(order) == set(PRIOR_SHARES) for order in orders)
    assert all(len(order) == len(PRIOR_SHARES) for order in orders)
    firsts = Counter(order[0] for order in orders)
    assert firsts["rewrite"] / 400 == pytest.approx(0.5, abs=0.08)
    assert firsts["draft"] / 400 == pytest.approx(0.1, abs=0.05)


# ---------------------------------------------------------------- what is counted


def count(*more: Entry) -> dict[BriefKind, Tally]:
    return tallies(situation([*start(), *more]))


def test_gains_are_counted_over_the_leader_of_the_moment() -> None:
    better = by_model(5, 0.95, "rewrite", ("s0004",), incumbent="s0004")
    of_a_weak_one = by_model(6, 0.88, "mutate", ("s0002",), incumbent="s0005")
    found = count(better, of_a_weak_one)
    assert found["rewrite"].gain > 0
    assert found["mutate"].gain == 0
    assert found["mutate"].requests == pytest.approx(1.0)


def test_a_gain_counts_on_the_folds_that_both_ran() -> None:
    """The candidate ran the easy fold only, where the leader is better."""
    leader = by_model(5, 0.8, "rewrite", ("s0004",), folds=[0.95, 0.75, 0.7])
    easy = by_model(6, 0.93, "rewrite", ("s0005",), folds=[0.93], incumbent="s0005")
    hard = by_model(6, 0.77, "rewrite", ("s0005",), folds=[0.97], incumbent="s0005")
    assert count(leader, easy)["rewrite"].gain == 0
    assert count(leader, hard)["rewrite"].gain > 0


def test_a_repair_is_a_request_of_the_kind_that_it_mends() -> None:
    failed = by_model(5, None, "merge", ("s0004", "s0003"))
    repair = by_model(6, 0.99, "debug", ("s0005",), incumbent="s0004")
    found = count(failed, repair)
    assert found["merge"].requests > 1.9
    assert found["merge"].gain > 0


def test_recipes_first_drafts_and_what_cost_no_request_count_nowhere() -> None:
    assert count() == dict.fromkeys(PRIOR_SHARES, Tally())
    recipe = by_recipe(5, 0.99, "mutate", ("s0000",), incumbent="s0004")
    values = dataclasses.replace(
        by_model(6, 0.99, "rewrite", ("s0004",), incumbent="s0004"), extra=True
    )
    assert count(recipe, values) == dict.fromkeys(PRIOR_SHARES, Tally())
    late = by_model(5, 0.99, "draft", ("s0004", "s0003"), incumbent="s0004")
    assert count(late)["draft"].requests == 1.0


def test_what_was_long_ago_counts_less() -> None:
    gain = by_model(5, 0.95, "rewrite", ("s0004",), incumbent="s0004")
    later = [by_model(6 + n, 0.5, "mutate", ("s0004",), incumbent="s0005") for n in range(40)]

    def gained(entries: list[Entry]) -> float:
        now: Situation = situation([*start(), *entries])
        return tallies(now)["rewrite"].gain

    early = gained([gain, *later])
    assert 0 < early < 0.5 * gained([*later, gain])
