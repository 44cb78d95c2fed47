"""Briefs are answered out of the library, and the rules of each kind of brief hold."""

from __future__ import annotations

import pytest

from agents.recipes.assemble import paradigm
from agents.recipes.problem import Problem
from agents.recipes.space import Space
from benchmark.study.library import Extent, Item, make_library
from benchmark.study.proposer import LibraryProposer, RandomProposer
from core.genome import LOCI
from core.records import Brief, BriefKind, Parent
from utils.errors import ProposalError

CONSTANTS = {name: [] for name in ("ID", "KEYS", "LABELS", "TARGETS", "CLASSES")}
PROBLEM = Problem(
    "tabular", "binary", "probability", "roc_auc", 1000, 1, 2, 10, CONSTANTS, {"FEATURES": []}
)
EXTENT = Extent(data=2, model=2, train=2, post=2, most=400)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return make_library(Space(PROBLEM, frozenset()), EXTENT)


def brief(
    kind: BriefKind, step: int, *parents: Item, locus: str | None = None, **rest: object
) -> Brief:
    known = tuple(
        Parent(f"p{number}", item.program, item.plan, 0.5, None)
        for number, item in enumerate(parents)
    )
    return Brief(step, kind, step, known, locus, **rest)  # type: ignore[arg-type]


def changed(a: Item, genes: dict[str, str]) -> list[str]:
    return [locus for locus in LOCI if a.genes[locus] != genes[locus]]


def test_the_library_is_fixed_distinct_and_begins_with_the_drafts(items: list[Item]) -> None:
    assert [item.program for item in make_library(Space(PROBLEM, frozenset()), EXTENT)] == [
        i.program for i in items
    ]
    assert len({item.program for item in items}) == len(items)
    drafts = Space(PROBLEM, frozenset()).drafts()
    assert [item.fragments["MODEL"] for item in items[: len(drafts)]] == [
        d.at("MODEL").fragment for d in drafts
    ]
    assert {item.fragments["MODEL"] for item in items} == {
        draft.at("MODEL").fragment for draft in drafts
    }


def test_a_larger_product_is_thinned_but_keeps_the_drafts(items: list[Item]) -> None:
    few = make_library(
        Space(PROBLEM, frozenset()), Extent(data=2, model=2, train=2, post=2, most=30)
    )
    assert len(few) == 30
    assert {item.program for item in few} < {item.program for item in items}
    assert [item.program for item in few[:10]] == [item.program for item in items[:10]]


def test_drafts_have_distinct_paradigms(items: list[Item]) -> None:
    proposer, plans = LibraryProposer(items, 0), list[str]()
    for step in range(8):
        plans.append(proposer.propose(brief("draft", step, siblings=tuple(plans))).plan)
    assert len({paradigm(plan) for plan in plans}) == 8


@pytest.mark.parametrize("locus", LOCI)
def test_a_mutation_changes_the_asked_locus_and_no_other(items: list[Item], locus: str) -> None:
    proposer, parent = LibraryProposer(items, 0), items[0]
    made = [proposer.propose(brief("mutate", step, parent, locus=locus)) for step in range(3)]
    asked = [
        changed(parent, item.genes) for item in items if changed(parent, item.genes) == [locus]
    ]
    assert len(asked) > 0
    for number, proposal in enumerate(made):
        genes = changed(parent, proposal.genes)
        assert genes == [proposal.locus]
        assert number >= len(asked) or genes == [locus]


def test_every_mutation_changes_one_locus_until_the_neighbours_are_used_up(
    items: list[Item],
) -> None:
    proposer, parent = LibraryProposer(items, 0), items[0]
    neighbours = sum(len(changed(parent, item.genes)) == 1 for item in items)
    made = [
        proposer.propose(brief("mutate", step, parent, locus="MODEL")) for step in range(neighbours)
    ]
    assert all(len(changed(parent, proposal.genes)) == 1 for proposal in made)
    assert len({proposal.program for proposal in made}) == neighbours
    far = proposer.propose(brief("mutate", neighbours, parent, locus="MODEL"))
    assert len(changed(parent, far.genes)) == 2
    assert far.locus is None


def test_a_library_that_is_used_up_has_no_answer(items: list[Item]) -> None:
    proposer = LibraryProposer(items[:3], 0)
    made = {proposer.propose(brief("mutate", step, items[0])).program for step in range(2)}
    assert made == {item.program for item in items[1:3]}
    with pytest.raises(ProposalError, match="no new program for mutate"):
        proposer.propose(brief("mutate", 2, items[0]))


def test_tuning_keeps_every_fragment(items: list[Item]) -> None:
    by_program = {item.program: item for item in items}
    proposal = LibraryProposer(items, 0).propose(brief("tune", 1, items[0], locus="MODEL"))
    assert by_program[proposal.program].fragments == items[0].fragments
    assert len(changed(items[0], proposal.genes)) == 1


def test_a_merge_follows_its_plan_and_mixes_two_parents(items: list[Item]) -> None:
    first = items[0]
    second = next(
        item
        for item in items
        if len(changed(first, item.genes)) == 2
        and item.fragments["MODEL"] == first.fragments["MODEL"]
    )
    where = changed(first, second.genes)
    plan = tuple((locus, "p1" if locus == where[0] else "p0") for locus in LOCI)
    wanted = {locus: (second if parent == "p1" else first).genes[locus] for locus, parent in plan}
    proposer = LibraryProposer(items, 0)
    assert any(item.genes == wanted for item in items)
    assert proposer.propose(brief("merge", 1, first, second, gene_plan=plan)).genes == wanted
    other = proposer.propose(brief("merge", 2, first, second))
    assert all(other.genes[locus] in (first.genes[locus], second.genes[locus]) for locus in LOCI)


def test_a_repair_is_the_nearest_program_and_a_shrunk_one_is_quicker(items: list[Item]) -> None:
    slowest = max(items, key=lambda item: item.estimate_s)
    proposal = LibraryProposer(items, 0).propose(brief("debug", 1, slowest))
    assert len(changed(slowest, proposal.genes)) == 1
    shrunk = LibraryProposer(items, 0).propose(brief("shrink", 1, slowest))
    by_program = {item.program: item for item in items}
    assert by_program[shrunk.program].estimate_s < slowest.estimate_s


def test_the_random_proposer_gives_every_program_once(items: list[Item]) -> None:
    proposer = RandomProposer(items, 0)
    made = [proposer.propose(brief("draft", step)).program for step in range(len(items))]
    assert sorted(made) == sorted(item.program for item in items)
    assert made != [item.program for item in items]
    with pytest.raises(ProposalError, match="no program left"):
        proposer.propose(brief("draft", 0))
