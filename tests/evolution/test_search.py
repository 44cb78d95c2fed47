"""Parents, mutations and repairs follow scores: each rule is shown to change a decision."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from core.doubles import CLEAN, entry, proposal
from core.evolution.briefs import BY_KIND, BriefTraits
from core.evolution.diversity import genes_in_common
from core.evolution.operators import OPERATORS, Move, pick_locus
from core.evolution.search import EvolutionSearch
from core.evolution.selection import (
    adjusted,
    derived_rng,
    pick_parent,
    race_is_lost,
    ranked,
    takes_the_lead,
)
from core.evolution.situation import Situation
from core.persona import Persona
from core.records import Brief, Entry, ErrorInfo, Outcome, Proposal
from tests.slices import search_config, solution_config
from utils.config_schema import SearchConfig

SEARCH = search_config(stagnation_window=15)
OFF = solution_config()
CRASH = Outcome(1, None, False, 1.0, 1.0, 1.0, ErrorInfo("ValueError", "bad", "Traceback"), "")
OVER_MEMORY = Outcome(
    None,
    9,
    False,
    1.0,
    1.0,
    812.0,
    ErrorInfo("MemoryError", "used too much", ""),
    "",
    killed_for="memory",
)
TOO_SLOW = Outcome(
    None,
    9,
    True,
    63.0,
    60.0,
    1.0,
    ErrorInfo("TimeoutError", "stopped at its time limit", ""),
    "",
    killed_for="deadline",
)
FORK_BOMB = Outcome(
    None,
    9,
    False,
    1.0,
    1.0,
    1.0,
    ErrorInfo("ProcessLimit", "too many", ""),
    "",
    killed_for="processes",
)
WINDOW_OF_4 = search_config(stagnation_window=4)


def search(config: SearchConfig = SEARCH, seed: int = 1) -> EvolutionSearch:
    return EvolutionSearch(config, OFF, "maximize", seed, lambda key: f"# {key}\n")


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


class Rethink:
    """A made-up operator."""

    kind = "rethink"

    def move(self, now: Situation, rng: random.Random, persona: Persona) -> Move:
        return Move(self.kind, tuple(now.parents[:2]))  # type: ignore[arg-type]


def test_a_new_operator_has_its_turn_once_its_parents_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BY_KIND, "rethink", BriefTraits("rethink", "Rethink it.", parents=3))
    monkeypatch.setattr("core.evolution.search.OPERATORS", (*OPERATORS, Rethink()))
    kinds = Counter(brief.kind for brief in briefs(three_drafts()))
    assert kinds["rethink"] > 50  # type: ignore[index]
    assert kinds["mutate"] > 50
    two_valid = [entry("s0000", 0.6), entry("s0001", 0.9), entry("s0002", None)]
    assert "rethink" not in {brief.kind for brief in briefs(two_valid)}


def test_parents_follow_scores() -> None:
    chosen = Counter(brief.parents[0].id for brief in briefs(three_drafts()))
    assert chosen["s0001"] > chosen["s0002"] > chosen["s0000"] > 0
    better = [entry("s0000", 0.99), *three_drafts()[1:]]
    assert Counter(brief.parents[0].id for brief in briefs(better)).most_common(1)[0][0] == "s0000"


def test_temperature_decides_how_often_the_best_is_taken() -> None:
    def share(temperature: float) -> float:
        best_first = ranked(three_drafts(), "maximize")
        picks = [pick_parent(best_first, temperature, random.Random(seed)) for seed in range(300)]
        return sum(pick.id == "s0001" for pick in picks) / 300

    assert share(0.0) == 1.0
    assert share(0.5) > share(5.0) > 0.3


def test_mutations_follow_what_helped() -> None:
    helped = [
        entry(f"s{n:04d}", 0.95, kind="mutate", parents=("s0001",), locus="MODEL")
        for n in range(3, 11)
    ]
    useless = [
        entry(f"s{n:04d}", 0.5, kind="mutate", parents=("s0001",), locus="DATA")
        for n in range(11, 19)
    ]
    entries = [*three_drafts(), *helped, *useless]
    now = Situation(entries, [], 19, 0.5, "maximize", SEARCH, OFF, genes_in_common)
    loci = Counter(
        pick_locus("mutate", entries[1], now, random.Random(seed)) for seed in range(300)
    )
    assert loci["MODEL"] > 4 * loci["DATA"]
    assert loci["TRAIN"] > loci["DATA"] > 0


def test_the_same_arguments_give_the_same_brief() -> None:
    assert search().next_brief(three_drafts(), 5, [], 0.5) == search().next_brief(
        three_drafts(), 5, [], 0.5
    )
    assert (
        derived_rng(1, 2, "a").random()
        == derived_rng(1, 2, "a").random()
        != derived_rng(1, 2, "b").random()
    )


def test_a_failure_is_mended_at_most_twice() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=CRASH)]
    assert search().next_brief(entries, 4, [], 0.5).kind == "debug"
    for number in (4, 5):
        parent = f"s{number - 1:04d}"
        entries.append(
            entry(f"s{number:04d}", None, kind="debug", parents=(parent,), outcome=CRASH)
        )
    assert search().next_brief(entries, 6, [], 0.5).kind == "mutate"


@pytest.mark.parametrize(("outcome", "said"), [(OVER_MEMORY, "(812 MiB)"), (TOO_SLOW, "(63 s)")])
def test_lesson_17_a_failure_that_met_a_limit_is_shrunk_and_not_debugged_into_a_bigger_one(
    outcome: Outcome, said: str
) -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=outcome)]
    brief = search().next_brief(entries, 4, [], 0.5)
    assert brief.kind == "shrink"
    assert [parent.id for parent in brief.parents] == ["s0003"]
    assert brief.parents[0].error is not None
    assert brief.parents[0].error.message.endswith(said)


def test_out_of_memory_without_a_limit_of_the_box_is_shrunk_too() -> None:
    for error in ("MemoryError", "SIGKILL"):
        outcome = Outcome(1, None, False, 1.0, 1.0, 1.0, ErrorInfo(error, "", ""), "")
        assert (
            search()
            .next_brief([*three_drafts(), entry("s0003", None, outcome=outcome)], 4, [], 0.5)
            .kind
            == "shrink"
        )


def test_a_failure_is_shrunk_once_and_its_line_at_most_twice() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=TOO_SLOW)]
    shrunk = search().next_brief(entries, 4, [], 0.5)
    assert search().next_brief(entries, 5, [proposal(shrunk, "x\n")], 0.5).kind == "mutate"
    entries.append(entry("s0004", None, kind="shrink", parents=("s0003",), outcome=TOO_SLOW))
    assert search().next_brief(entries, 5, [], 0.5).kind == "shrink"
    entries.append(entry("s0005", None, kind="shrink", parents=("s0004",), outcome=CRASH))
    assert search().next_brief(entries, 6, [], 0.5).kind == "mutate"


def test_a_program_that_met_its_deadline_with_a_valid_result_is_not_shrunk() -> None:
    assert (
        search()
        .next_brief([*three_drafts(), entry("s0003", 0.8, outcome=TOO_SLOW)], 4, [], 0.5)
        .kind
        == "mutate"
    )


def test_what_the_box_ended_for_another_reason_is_left_alone() -> None:
    assert (
        search()
        .next_brief([*three_drafts(), entry("s0003", None, outcome=FORK_BOMB)], 4, [], 0.5)
        .kind
        == "mutate"
    )


def test_a_repair_that_gets_no_program_is_not_asked_for_for_ever() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=CRASH)]
    asked = [search().next_brief(entries, step, [], 0.5).kind for step in (4, 5, 6)]
    assert asked == ["debug", "debug", "mutate"]
    later = [
        entry(f"s{n:04d}", 0.5, kind="mutate", parents=("s0001",), locus="DATA")
        for n in range(4, 12)
    ]
    assert search().next_brief([*entries, *later[:7]], 11, [], 0.5).kind == "debug"
    assert search().next_brief([*entries, *later], 12, [], 0.5).kind == "mutate"


# ---------------------------------------------------------------- paradigm shift


def standing_still(steps: int) -> list[Entry]:
    leader = entry("s0002", 0.9, steers=True)
    tries = [
        entry(f"s{n + 3:04d}", 0.5, kind="mutate", parents=("s0002",), locus="DATA")
        for n in range(steps)
    ]
    return [*three_drafts()[:2], leader, *tries]


def kinds(entries: list[Entry], running: Sequence[Proposal] = ()) -> set[str]:
    made = [
        search(WINDOW_OF_4, seed).next_brief(entries, len(entries), running, 0.5)
        for seed in range(20)
    ]
    return {brief.kind for brief in made}


def test_a_search_that_stands_still_is_given_a_new_paradigm() -> None:
    assert kinds(standing_still(3)) == {"mutate"}
    assert kinds(standing_still(4)) == {"draft"}
    brief = search(WINDOW_OF_4).next_brief(standing_still(4), 7, [], 0.5)
    assert brief.siblings == ("plan s0000", "plan s0001", "plan s0002")


def test_a_new_leader_ends_the_standstill() -> None:
    entries = standing_still(4)
    entries[-1] = entry("s0006", 0.95, kind="mutate", parents=("s0002",), steers=True)
    assert kinds(entries) == {"mutate"}


def test_a_new_paradigm_is_tried_once_per_window() -> None:
    entries = standing_still(4)
    draft = search(WINDOW_OF_4).next_brief(entries, 7, [], 0.5)
    assert kinds(entries, [proposal(draft, "new\n")]) == {"mutate"}
    entries.append(entry("s0007", 0.4))
    assert kinds(entries) == {"mutate"}
    entries += [
        entry(f"s{n:04d}", 0.5, kind="mutate", parents=("s0002",), locus="DATA")
        for n in range(8, 12)
    ]
    assert kinds(entries[:-1]) == {"mutate"}
    assert kinds(entries) == {"draft"}


# ---------------------------------------------------------------- the rest of the rules


def test_a_repair_in_flight_is_not_asked_for_twice() -> None:
    entries = [*three_drafts(), entry("s0003", None, outcome=CRASH)]
    repair = search().next_brief(entries, 4, [], 0.5)
    assert search().next_brief(entries, 5, [proposal(repair, "x\n")], 0.5).kind == "mutate"


def test_exploration_falls_with_the_budget() -> None:
    config = search_config(explore=0.5)

    def drafts(progress: float) -> int:
        made = [
            search(config, seed).next_brief(three_drafts(), 9, [], progress) for seed in range(200)
        ]
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


def test_a_parent_is_told_the_score_that_it_would_have_on_all_folds() -> None:
    drafts = [entry(f"s000{n}", 0.7, folds=[0.6, 0.8]) for n in range(3)]
    raced = entry("s0003", 0.65, folds=[0.65], complete=False)
    told = {brief.parents[0].id: brief.parents[0].score for brief in briefs([*drafts, raced])}
    assert told["s0003"] == pytest.approx(0.75)
    assert told["s0000"] == pytest.approx(0.7)


def test_lesson_28_the_better_score_ranks_first_and_ties_go_to_the_cheaper() -> None:
    slow = Outcome(0, None, False, 9.0, 9.0, 1.0, None, "", submission="x")
    ranking = ranked(
        [entry("s0000", 0.55), entry("s0001", 0.99, outcome=slow), entry("s0002", 0.99)], "maximize"
    )
    assert [item.id for item in ranking] == ["s0002", "s0001", "s0000"]
    assert CLEAN.duration_s < 9.0


def test_failed_entries_are_never_parents() -> None:
    assert ranked([entry("s0000", None)], "maximize") == []
    assert (
        search()
        .next_brief([entry(f"s{n:04d}", None, outcome=FORK_BOMB) for n in range(3)], 3, [], 0.5)
        .kind
        == "draft"
    )
