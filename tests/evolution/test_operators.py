"""Mutate, merge and tune: each rule is shown to change a decision."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest

from core.doubles import CLEAN, entry, proposal
from core.evolution.dispatch import Account, account_of
from core.evolution.diversity import Alike, distinct, genes_in_common
from core.evolution.experience import experiences
from core.evolution.operators import Tune, gained_at, partners, pick_locus
from core.evolution.pheromone import Pheromone, mixtures
from core.evolution.search import EvolutionSearch
from core.evolution.selection import ranked
from core.evolution.situation import Situation
from core.genome import LOCI
from core.persona import NOBODY
from core.records import Brief, BriefKind, Entry, EntryKind, Proposal
from tests.slices import search_config, solution_config
from utils.config_schema import SearchConfig, SolutionConfig

SEARCH = search_config(explore=0.1)
FULL = solution_config(merge=True, tune=True, pheromone=True, diversity=True)
OFF = solution_config()


def genes(letters: str) -> dict[str, str]:
    """One letter per locus: equal letters are equal genes."""
    return dict(zip(LOCI, letters, strict=True))


def done(
    number: int,
    score: float | None,
    letters: str = "",
    *,
    kind: EntryKind = "draft",
    parents: tuple[str, ...] = (),
    locus: str | None = None,
    seconds: float = 1.0,
    incumbent: str | None = None,
) -> Entry:
    """A finished step. seconds: of each of its three folds. incumbent: who led at the time."""
    outcome = dataclasses.replace(CLEAN, duration_s=seconds)
    made = entry(f"s{number:04d}", score, kind=kind, parents=parents, locus=locus, outcome=outcome)
    return dataclasses.replace(made, genes=genes(letters) if letters else {}, incumbent=incumbent)


def situation(
    entries: Sequence[Entry],
    settings: SolutionConfig = FULL,
    alike: Alike = genes_in_common,
    progress: float = 0.5,
) -> Situation:
    return Situation(entries, [], len(entries), progress, "maximize", SEARCH, settings, alike)


def kinds(
    entries: Sequence[Entry],
    settings: SolutionConfig = FULL,
    progress: float = 0.5,
    count: int = 300,
) -> Counter[str]:
    return Counter(
        brief.kind for brief in briefs(entries, settings, progress=progress, count=count)
    )


def briefs(
    entries: Sequence[Entry],
    settings: SolutionConfig = FULL,
    alike: Alike = genes_in_common,
    running: Sequence[Proposal] = (),
    progress: float = 0.5,
    count: int = 300,
    search: SearchConfig = SEARCH,
) -> list[Brief]:
    searches = (
        EvolutionSearch(search, settings, "maximize", seed, lambda key: "", alike)
        for seed in range(count)
    )
    return [search.next_brief(entries, len(entries), running, progress) for search in searches]


def drafts() -> list[Entry]:
    return [done(0, 0.6, "aaaa"), done(1, 0.9, "bbbb"), done(2, 0.7, "cccc")]


def after(
    kind: EntryKind, score: float, seconds: float = 1.0, count: int = 8, start: int = 3
) -> list[Entry]:
    """Steps of one operator on the best draft, all with the same result."""
    parents = ("s0001", "s0002") if kind == "merge" else ("s0001",)
    return [
        done(start + i, score, kind=kind, parents=parents, seconds=seconds, incumbent="s0001")
        for i in range(count)
    ]


def planned(brief: Brief, entries: Sequence[Entry]) -> str:
    """The genes that a plan asks for."""
    by_id = {entry.id: entry for entry in entries}
    return "".join(by_id[parent].genes[locus] for locus, parent in brief.gene_plan)


# ---------------------------------------------------------------- which operator


def test_nothing_but_drafts_before_the_first_drafts() -> None:
    assert set(kinds(drafts()[:2], progress=0.0)) == {"draft"}
    assert set(kinds(drafts(), progress=0.0)) == {"draft", "mutate", "merge", "tune"}


@pytest.mark.parametrize("winner", ["mutate", "merge", "tune"])
def test_operators_are_drawn_evenly_whatever_they_gained(winner: EntryKind) -> None:
    loser: EntryKind = "mutate" if winner == "tune" else "tune"
    found = kinds([*drafts(), *after(winner, 0.95), *after(loser, 0.8, start=11)])
    assert 0.7 < found[winner] / found[loser] < 1.4


def accounts(now: Situation) -> dict[str, Account]:
    """What each kind of step brought and cost, but for the first drafts."""
    pool = [item for item in experiences(now, 150) if not item.opening]
    kinds = {item.kind for item in pool}
    return {kind: account_of(item for item in pool if item.kind == kind) for kind in kinds}


def test_drafts_and_merges_are_measured_against_the_leader_and_others_against_their_parent() -> (
    None
):
    mutant = done(3, 0.8, kind="mutate", parents=("s0002",), incumbent="s0001")
    merged = done(4, 0.8, kind="merge", parents=("s0002", "s0000"), incumbent="s0001")
    late = done(5, 0.8, incumbent="s0001")
    found = accounts(situation([*drafts(), mutant, merged, late]))
    assert found["mutate"].gain > 0
    assert found["merge"].gain == found["draft"].gain == 0
    assert found["merge"].cost > 0
    better = done(3, 0.95, kind="merge", parents=("s0001", "s0002"), incumbent="s0001")
    assert accounts(situation([*drafts(), better]))["merge"].gain > 0


def test_the_first_drafts_are_on_no_account() -> None:
    led = [drafts()[0], dataclasses.replace(drafts()[1], incumbent="s0000"), drafts()[2]]
    assert accounts(situation(led)) == {}
    assert accounts(situation([*led, done(3, 0.95, incumbent="s0001")]))["draft"].gain > 0


def test_a_repair_is_on_the_account_of_the_step_that_it_mends() -> None:
    failed = done(3, None, kind="merge", parents=("s0001", "s0002"))
    repair = done(4, 0.95, kind="debug", parents=("s0003",), incumbent="s0001")
    found = accounts(situation([*drafts(), failed, repair]))
    assert set(found) == {"merge"}
    assert found["merge"].gain > 0
    assert found["merge"].cost > accounts(situation([*drafts(), failed]))["merge"].cost


def test_what_was_long_ago_counts_less() -> None:
    gain = after("tune", 0.95, count=4)
    nothing = after("tune", 0.5, count=30, start=7)
    early = accounts(situation([*drafts(), *gain, *nothing]))["tune"].gain
    late = accounts(situation([*drafts(), *nothing, *gain]))["tune"].gain
    assert late > 2 * early > 0


@pytest.mark.parametrize(("score", "share"), [(0.95, 0.5), (0.85, 0.0)])
def test_a_tune_goes_on_at_the_locus_that_made_its_parent_better(
    score: float, share: float
) -> None:
    """Beside the draws that the other half of the tunes makes of all loci."""
    parent = done(3, score, kind="mutate", parents=("s0001",), locus="TRAIN")
    now = situation([*drafts(), parent])
    assert gained_at(parent, now) == ("TRAIN" if share else None)
    moves = [Tune().move(now, random.Random(seed), NOBODY) for seed in range(400)]
    of_parent = [move.locus for move in moves if move.parents == (parent,)]
    plain = (
        Counter(pick_locus("tune", parent, now, random.Random(seed)) for seed in range(400))[
            "TRAIN"
        ]
        / 400
    )
    assert len(of_parent) > 30
    assert of_parent.count("TRAIN") / len(of_parent) == pytest.approx(
        share + (1 - share) * plain, abs=0.12
    )


def test_without_the_switches_there_are_drafts_and_mutations_only() -> None:
    assert set(kinds(drafts(), OFF)) == {"draft", "mutate"}
    assert "merge" not in kinds(drafts(), dataclasses.replace(FULL, merge=False))
    assert "tune" not in kinds(drafts(), dataclasses.replace(FULL, tune=False))


def test_a_merge_needs_two_parents() -> None:
    one = [done(0, 0.6, "aaaa"), done(1, None, "bbbb"), done(2, None, "cccc")]
    settled = [
        dataclasses.replace(item, outcome=dataclasses.replace(item.outcome, killed_for="disk"))
        for item in one
    ]
    assert "merge" not in kinds(settled)
    assert kinds(settled)["tune"] > 0


# ---------------------------------------------------------------- merge


def merges(
    entries: Sequence[Entry], settings: SolutionConfig = FULL, **about: object
) -> list[Brief]:
    found = [brief for brief in briefs(entries, settings, **about) if brief.kind == "merge"]  # type: ignore[arg-type]
    assert found
    return found


def test_lesson_26_the_gene_plan_follows_the_credit_of_genes() -> None:
    entries = drafts()
    # The best draft is good in spite of its MODEL: others that have it are poor, those with MODEL c
    # are good.
    entries += [
        done(3 + i, 0.3 + i / 100, f"{'pqrs'[i]}bxx", kind="mutate", parents=("s0000",))
        for i in range(4)
    ]
    entries += [
        done(7 + i, 0.85 + i / 100, f"{'tuvw'[i]}cyy", kind="mutate", parents=("s0000",))
        for i in range(4)
    ]
    by_id = {item.id: item for item in entries}
    seen = Counter[str]()
    for brief in merges(entries):
        first, second = (by_id[parent.id] for parent in brief.parents)
        if first.id == "s0001" and second.genes["MODEL"] == "c":
            seen[planned(brief, entries)[1]] += 1
    assert set(seen) == {"c"}
    assert all(
        brief.gene_plan == ()
        for brief in merges(entries, dataclasses.replace(FULL, pheromone=False))
    )


def test_pheromone_decides_who_is_merged() -> None:
    entries = [done(0, 0.9, "aaaa"), done(1, 0.8, "bbbb"), done(2, 0.79, "cccc")]
    entries += [
        done(3 + i, 0.85, f"{'fghi'[i]}ccc", kind="mutate", parents=("s0002",)) for i in range(4)
    ]
    entries += [
        done(7 + i, 0.1, f"{'fghi'[i]}bbb", kind="mutate", parents=("s0001",)) for i in range(4)
    ]
    credited, blind = (
        [item.id for item in partners(entries[0], situation(entries, settings, lambda a, b: 0.0))]
        for settings in (FULL, dataclasses.replace(FULL, pheromone=False))
    )
    assert credited.index("s0002") < credited.index("s0001")
    assert blind.index("s0001") < blind.index("s0002")


def test_credit_evaporates() -> None:
    old, new = done(0, 0.9, "aaaa"), done(100, 0.5, "bbbb")
    fresh = Pheromone.of([old, new], 1)
    late = Pheromone.of([old, new], 101)
    assert fresh.credit(("DATA", "a")) > late.credit(("DATA", "a")) > 0.5
    assert late.credit(("DATA", "unknown")) == 0.5


def test_pheromone_sends_mutations_to_the_locus_that_lacks_most() -> None:
    entries = [*drafts(), *(done(3 + i, 0.91, f"{'pqrs'[i]}zbb") for i in range(4))]
    entries += [done(7 + i, 0.3 + i / 100, f"{'tuvw'[i]}bww") for i in range(4)]
    shares = {}
    for settings in (FULL, dataclasses.replace(FULL, pheromone=False)):
        now = situation(entries, settings)
        shares[settings.pheromone] = Counter(
            pick_locus("mutate", entries[1], now, random.Random(s)) for s in range(800)
        )["MODEL"]
    assert shares[True] > 1.15 * shares[False]


def test_lesson_27_a_plan_is_no_copy_of_a_parent_or_an_earlier_program() -> None:
    entries = [done(0, 0.9, "aaxy"), done(1, 0.8, "bbxy"), done(2, 0.7, "aaxy")]
    for brief in merges(entries, alike=lambda a, b: 0.0):
        assert planned(brief, entries) in ("abxy", "baxy")
    entries.append(done(3, 0.5, "abxy", kind="mutate", parents=("s0000",)))
    assert {planned(brief, entries) for brief in merges(entries, alike=lambda a, b: 0.0)} == {
        "baxy"
    }


def test_lesson_27_programs_that_differ_in_one_locus_are_not_merged() -> None:
    entries = [done(0, 0.9, "aaaa"), done(1, 0.8, "aaab"), done(2, 0.7, "aaac")]
    assert mixtures(entries[0], entries[1], ()) == []
    assert "merge" not in kinds(entries)


def test_lesson_30_programs_without_all_loci_are_merged_once_and_without_a_plan() -> None:
    entries = [done(0, 0.9), done(1, 0.8), done(2, 0.7)]
    assert {brief.gene_plan for brief in merges(entries)} == {()}
    pairs = [("s0000", "s0001"), ("s0000", "s0002"), ("s0001", "s0002")]
    children = [done(3 + i, None, kind="merge", parents=pair) for i, pair in enumerate(pairs)]
    settled = [
        dataclasses.replace(item, outcome=dataclasses.replace(item.outcome, killed_for="disk"))
        for item in children
    ]
    assert "merge" not in kinds([*entries, *settled])


def test_a_pair_that_is_being_merged_is_not_merged_twice() -> None:
    entries = [done(0, 0.9, "aaaa"), done(1, 0.8, "bbbb")]
    two = search_config(num_drafts=2, explore=0.1)
    brief = merges(entries, search=two)[0]
    running = [proposal(brief, "x\n")]
    assert "merge" not in {b.kind for b in briefs(entries, running=running, search=two)}


# ---------------------------------------------------------------- diversity


def test_the_partner_is_the_one_that_disagrees() -> None:
    entries = [done(0, 0.9, "aaaa"), done(1, 0.89, "bbbb"), done(2, 0.88, "cccc")]

    def chosen(twin: str, settings: SolutionConfig = FULL, usual: float = 0.1) -> str:
        near = {frozenset(("s0000", twin)): 0.99}
        now = situation(entries, settings, lambda a, b: near.get(frozenset((a.id, b.id)), usual))
        return partners(entries[0], now)[0].id

    assert chosen("s0001") == "s0002"
    assert chosen("s0001", usual=0.95) == "s0002"
    assert chosen("s0002") == "s0001"
    assert chosen("s0001", dataclasses.replace(FULL, diversity=False)) == "s0001"


def test_near_duplicates_of_a_better_program_are_no_parents() -> None:
    entries = [done(0, 0.9, "aaaa"), done(1, 0.89, "bbbb"), done(2, 0.5, "cccc")]

    def twins(a: Entry, b: Entry) -> float:
        return 0.999 if {a.id, b.id} == {"s0000", "s0001"} else 0.2

    assert [item.id for item in distinct(ranked(entries, "maximize"), twins, 9)] == [
        "s0000",
        "s0002",
    ]
    parents = {parent.id for brief in briefs(entries, alike=twins) for parent in brief.parents}
    assert parents == {"s0000", "s0002"}
    without = briefs(entries, dataclasses.replace(FULL, diversity=False), twins)
    assert "s0001" in {parent.id for brief in without for parent in brief.parents}


def test_programs_are_alike_by_their_genes_when_nothing_else_is_known() -> None:
    first, second = done(0, 0.9, "abcd"), done(1, 0.9, "abxy")
    assert genes_in_common(first, second) == 0.5
    assert genes_in_common(first, first) == 1.0
    assert genes_in_common(done(0, 0.9), done(1, 0.9)) == 0.0


# ---------------------------------------------------------------- all together


def long_run(count: int) -> list[Entry]:
    """A run whose programs have many genes in common, with failures and repairs."""
    rng = random.Random(3)
    made = [done(i, 0.5 + rng.random() / 10, f"{i % 9}{i % 7}{i % 5}{i % 3}") for i in range(5)]
    for i in range(5, count):
        parents = tuple(item.id for item in rng.sample(made, 2))
        kind = rng.choice(get_args(BriefKind))
        score = None if rng.random() < 0.1 else 0.5 + rng.random() / 3
        letters = "".join(rng.choice("abcdefghijklmnop") for _ in LOCI)
        made.append(
            done(i, score, letters, kind=kind, parents=parents, locus="MODEL", incumbent="s0001")
        )
    return made


def test_the_same_arguments_give_the_same_brief() -> None:
    entries = long_run(60)
    assert briefs(entries, count=40) == briefs(entries, count=40)


def test_a_decision_over_500_entries_is_quick() -> None:
    entries, search = long_run(500), EvolutionSearch(SEARCH, FULL, "maximize", 1, lambda key: "")
    taken = []
    for step in range(500, 520):
        started = time.process_time()
        search.next_brief(entries, step, [], 0.5)
        taken.append(time.process_time() - started)
    print(f"median {1000 * sorted(taken)[10]:.1f} ms")
    # Several times what was measured: this is about the order of growth.
    assert sorted(taken)[10] < 0.05
