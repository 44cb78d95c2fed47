"""What ran without a request disturbs nothing that counts steps; a model's program is compared on
common folds; a rewrite earns credit for what it changed.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from core.evolution.experience import experiences, spread_of
from core.evolution.mending import to_mend
from core.evolution.operators import is_gain, pick_locus
from core.evolution.pheromone import NEUTRAL, Pheromone
from core.evolution.selection import by_score
from core.evolution.situation import stands_still
from core.records import Entry
from tests.evolution.model_rig import SEARCH, by_model, by_recipe, situation, start
from tests.slices import search_config


def extra(entry: Entry) -> Entry:
    return dataclasses.replace(entry, id=entry.id.replace("s", "x"), extra=True)


def with_window(entries: list[Entry], size: int) -> bool:
    config = search_config(stagnation_window=size)
    return stands_still(dataclasses.replace(situation(entries), search=config))


def test_a_window_without_gain_is_made_of_steps() -> None:
    tries = [by_model(5 + n, 0.4, "mutate", ("s0004",)) for n in range(4)]
    beside = [extra(by_model(20 + n, 0.4, "tune", ("s0004",))) for n in range(6)]
    assert with_window([*start(), *tries], 4)
    assert not with_window([*start(), *tries[:2], *beside], 4)
    assert with_window([*start(), *tries[:2], *beside, *tries[2:]], 4)


def test_a_leader_that_cost_no_request_ends_a_standstill() -> None:
    tries = [by_model(5 + n, 0.4, "mutate", ("s0004",)) for n in range(4)]
    leads = extra(by_model(20, 0.95, "tune", ("s0004",), steers=True))
    assert not with_window([*start(), *tries[:2], leads, *tries[2:]], 4)
    partner = extra(by_recipe(21, 0.5))
    assert with_window([*start(), *tries[:2], partner, *tries[2:]], 4)


def test_they_are_nobodys_experience() -> None:
    mutant = by_model(5, 0.95, "mutate", ("s0004",), locus="MODEL")
    found = experiences(situation([*start(), extra(mutant)]), 100)
    assert [item.entry for item in found] == [entry.id for entry in start()]
    assert len(experiences(situation([*start(), mutant]), 100)) == 6


def test_values_around_the_best_do_not_narrow_the_spread() -> None:
    values = [extra(by_model(20 + n, 0.899, "tune", ("s0004",))) for n in range(20)]
    spread = spread_of(situation(start()))
    assert spread_of(situation([*start(), *values])) == pytest.approx(spread) == 0.1
    steps = [dataclasses.replace(item, extra=False) for item in values]
    assert spread_of(situation([*start(), *steps])) < 0.01


def test_late_drafts_and_extra_recipes_are_no_first_drafts() -> None:
    late = by_model(5, 0.7, "draft", ("s0004",))
    partner = extra(by_recipe(6, 0.5))
    now = situation([late, partner, *start()])
    assert now.drafts == tuple(entry.plan for entry in start())
    opening = {item.entry for item in experiences(now, 100) if item.opening}
    assert opening == {entry.id for entry in start()[: SEARCH.num_drafts]}


def test_they_count_in_no_tally_of_parts() -> None:
    helped = [
        by_model(5 + n, 0.95, "mutate", ("s0004",), locus="TRAIN", letters="abcd") for n in range(8)
    ]

    def share(entries: list[Entry]) -> float:
        now = situation(entries)
        drawn = Counter(
            pick_locus("mutate", now.by_id["s0004"], now, random.Random(seed))
            for seed in range(400)
        )
        return drawn["TRAIN"] / 400

    assert share([*start(), *helped]) > 0.33
    assert share([*start(), *map(extra, helped)]) == pytest.approx(0.25, abs=0.06)


def test_their_failures_are_not_mended_and_do_not_hide_others() -> None:
    failed = by_model(5, None, "rewrite", ("s0004",))
    values = [extra(by_model(20 + n, None, "tune", ("s0004",))) for n in range(9)]
    assert to_mend(situation([*start(), *values])) is None
    now = dataclasses.replace(situation([*start(), failed, *values]), step=6)
    found = to_mend(now)
    assert found is not None
    assert found.id == "s0005"


def test_twins_add_nothing_to_the_credit_of_genes() -> None:
    best = by_model(0, 0.9, letters="aaaa")
    others = [by_model(n, 0.9 - n / 10, letters="bcde"[n - 1] * 4) for n in range(1, 5)]
    twins = [
        dataclasses.replace(best, id=f"x{n}", kind="seed", extra=True, parents=("s0000",))
        for n in range(5)
    ]
    plain, crowded = situation([best, *others]), situation([best, *others, *twins])
    crowded = dataclasses.replace(crowded, step=plain.step)
    assert crowded.pheromone == plain.pheromone


# ---------------------------------------------------------------- common folds


def test_a_model_s_child_gains_on_the_folds_that_both_ran() -> None:
    """It ran the hard fold only and is better there; other programs make that fold look easy."""
    parent = by_model(2, 0.8, folds=[0.6, 0.9, 0.9])
    child = by_model(3, 0.65, "mutate", ("s0002",), folds=[0.65])
    others = [by_model(4 + n, 0.8, folds=[0.75, 0.9, 0.9]) for n in range(4)]
    now = situation([parent, child, *others])
    assert now.gain(child, "s0002") == pytest.approx(0.05)
    assert is_gain(child, now)
    # Recipes: by adjusted scores, as ever.
    recipe = dataclasses.replace(child, author="recipes")
    now = situation([parent, recipe, *others])
    adjusted = now.scores["s0003"].gain_over(now.scores["s0002"])
    assert now.gain(recipe, "s0002") == adjusted != pytest.approx(0.05)


def test_without_a_common_fold_there_is_no_gain() -> None:
    failed, child = by_model(2, None), by_model(3, 0.7, "debug", ("s0002",))
    now = situation([*start()[:2], failed, child])
    assert now.gain(child, "s0002") is None
    assert now.gain(failed, "s0000") is None


# ---------------------------------------------------------------- credit


def credit(kind: str, known_parent: bool = True) -> Pheromone:
    """A better child of a parent whose MODEL it changed; three programs behind."""
    parent = by_model(0, 0.2, letters="aaaa")
    child = by_model(1, 0.9, kind, ("s0000",), letters="abaa")  # type: ignore[arg-type]
    others = [by_model(2 + n, 0.3 + n / 10, letters="xyz"[n] * 4) for n in range(3)]
    entries = [child, *others, *([parent] if known_parent else [])]
    now = situation(entries)
    return Pheromone.of(by_score(entries, now.scores), 5)


def test_a_rewrite_is_credited_for_the_parts_that_it_changed_and_no_other() -> None:
    rewrite, mutation = credit("rewrite"), credit("mutate")
    for found in (rewrite, mutation):
        assert found.credit(("MODEL", "b")) > 0.6
    for locus in ("DATA", "TRAIN", "POSTPROCESS"):
        assert rewrite.credit((locus, "a")) < NEUTRAL
        assert mutation.credit((locus, "a")) > rewrite.credit((locus, "a"))


def test_of_a_rewrite_whose_parent_is_gone_nobody_knows_what_it_changed() -> None:
    found = credit("rewrite", known_parent=False)
    assert found.credit(("MODEL", "b")) == found.credit(("DATA", "a")) == NEUTRAL
