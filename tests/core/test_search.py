"""Parents, mutations and repairs follow scores: each rule is shown to change a decision."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from core.doubles import CLEAN, entry, proposal
from core.evolution.search import DraftThenMutate, SearchSettings, pick_locus
from core.evolution.selection import adjusted, derived_rng, pick_parent, race_is_lost, ranked, takes_the_lead
from core.records import Brief, Entry, ErrorInfo, Outcome

SETTINGS = SearchSettings(drafts=3, debug_tries=2, explore=0.0, parent_temperature=1.0)
CRASH = Outcome(1, None, False, 1.0, 1.0, 1.0, ErrorInfo("ValueError", "bad", "Traceback"), "")
OVER_MEMORY = Outcome(None, 9, False, 1.0, 1.0, 1.0, None, "", killed_for="memory")


def search(settings: SearchSettings = SETTINGS, seed: int = 1) -> DraftThenMutate:
    return DraftThenMutate(settings, "maximize", seed, lambda key: f"# {key}\n")


def three_drafts() -> list[Entry]:
    return [entry("s0000", 0.6), entry("s0001", 0.9), entry("s0002", 0.7)]


def briefs(entries: Sequence[Entry], count: int = 300, progress: float = 0.5) -> list[Brief]:
    return [search(seed=seed).next_brief(entries, 10, [], progress) for seed in range(count)]


def test_drafts_come_first_and_know_their_siblings() -> None:
    running = [proposal(Brief(1, "draft", 7), "second\n")]
    brief = search().next_brief([entry("s0000", 0.6)], 2, running, 0.0)
    assert brief.kind == "draft"
    assert brief.siblings == ("plan s0000", "second")
    assert search().next_brief(three_drafts(), 3, [], 0.5).kind == "mutate"


def test_parents_follow_scores() -> None:
    chosen = Counter(brief.parents[0].id for brief in briefs(three_drafts()))
    assert chosen["s0001"] > chosen["s0002"] > chosen["s0000"] > 0
    better = [entry("s0000", 0.99), *three_drafts()[1:]]
    assert Counter(brief.parents[0].id for brief in briefs(better)).most_common(1)[0][0] == "s0000"


def test_temperature_decides_how_often_the_best_is_taken() -> None:
    def share(temperature: float) -> float:
        picks = [pick_parent(three_drafts(), "maximize", temperature, random.Random(seed)) for seed in range(300)]
        return sum(pick is not None and pick.id == "s0001" for pick in picks) / 300

    assert share(0.0) == 1.0
    assert share(0.5) > share(5.0) > 0.3


def test_mutations_follow_what_helped() -> None:
    helped = [entry(f"s{n:04d}", 0.95, kind="mutate", parents=("s0001",), locus="MODEL") for n in range(3, 11)]
    useless = [entry(f"s{n:04d}", 0.5, kind="mutate", parents=("s0001",), locus="DATA") for n in range(11, 19)]
    loci = Counter(
        pick_locus([*three_drafts(), *helped, *useless], "maximize", random.Random(seed)) for seed in range(300)
    )
    assert loci["MODEL"] > 4 * loci["DATA"]
    assert loci["TRAIN"] > loci["DATA"] > 0


def test_the_same_arguments_give_the_same_brief() -> None:
    assert search().next_brief(three_drafts(), 5, [], 0.5) == search().next_brief(three_drafts(), 5, [], 0.5)
    assert derived_rng(1, 2, "a").random() == derived_rng(1, 2, "a").random() != derived_rng(1, 2, "b").random()


def test_a_failure_is_mended_at_most_twice() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=CRASH)]
    assert search().next_brief(entries, 4, [], 0.5).kind == "debug"
    for number in (4, 5):
        parent = f"s{number - 1:04d}"
        entries.append(entry(f"s{number:04d}", None, kind="debug", parents=(parent,), outcome=CRASH))
    assert search().next_brief(entries, 6, [], 0.5).kind == "mutate"


def test_lesson_17_a_failure_that_met_a_limit_is_not_debugged_into_a_bigger_one() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=OVER_MEMORY)]
    assert search().next_brief(entries, 4, [], 0.5).kind == "mutate"


def test_a_repair_in_flight_is_not_asked_for_twice() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=CRASH)]
    repair = search().next_brief(entries, 4, [], 0.5)
    assert search().next_brief(entries, 5, [proposal(repair, "x\n")], 0.5).kind == "mutate"


def test_exploration_falls_with_the_budget() -> None:
    settings = SearchSettings(3, 2, explore=0.5, parent_temperature=1.0)

    def drafts(progress: float) -> int:
        made = [search(settings, seed).next_brief(three_drafts(), 9, [], progress) for seed in range(200)]
        return sum(brief.kind == "draft" for brief in made)

    assert drafts(0.0) > 60
    assert drafts(0.9) < 30
    assert drafts(1.0) == 0


def test_only_a_complete_challenger_with_p_above_three_quarters_leads() -> None:
    lead = entry("s0000", 0.8, steers=True)
    assert takes_the_lead(None, True, None)
    assert takes_the_lead(0.75, True, lead)
    assert not takes_the_lead(0.74, True, lead)
    assert not takes_the_lead(0.5, True, lead)
    assert not takes_the_lead(None, True, lead)
    assert not takes_the_lead(1.0, False, lead)


def test_a_race_is_given_up_below_one_tenth() -> None:
    assert race_is_lost(0.05)
    assert race_is_lost(0.5)
    assert not race_is_lost(0.51)
    assert not race_is_lost(0.1)
    assert not race_is_lost(None)


def test_entries_on_different_folds_are_compared_without_the_difficulty_of_the_folds() -> None:
    full = entry("s0000", 0.7, folds=[0.6, 0.8])
    other = entry("s0001", 0.72, folds=[0.62, 0.82])
    # On the hard fold only: a plain mean would call it the worst, but it is the best where it ran.
    raced = entry("s0002", 0.65, folds=[0.65], complete=False)
    scores = adjusted([full, other, raced], "maximize")
    assert scores["s0002"] > scores["s0001"] > scores["s0000"]


def test_lesson_28_the_better_score_ranks_first_and_ties_go_to_the_cheaper() -> None:
    slow = Outcome(0, None, False, 9.0, 9.0, 1.0, None, "", submission="x")
    ranking = ranked([entry("s0000", 0.55), entry("s0001", 0.99, outcome=slow), entry("s0002", 0.99)], "maximize")
    assert [item.id for item in ranking] == ["s0002", "s0001", "s0000"]
    assert CLEAN.duration_s < 9.0


def test_failed_entries_are_never_parents() -> None:
    assert pick_parent([entry("s0000", None)], "maximize", 1.0, random.Random(0)) is None
    assert search().next_brief([entry(f"s{n:04d}", None, outcome=OVER_MEMORY) for n in range(3)], 3, [], 0.5).kind == (
        "draft"
    )
