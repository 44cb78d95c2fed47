"""Where a language model writes: what it is asked for, and of which programs. Each rule is shown to
change a decision.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from core.evolution.focus import Trait, aspects_for
from core.evolution.situation import Situation
from core.genome import ASPECTS
from core.persona import Persona, Population
from core.records import Brief, Entry, EntryKind, Outcome, Proposal
from core.skill import Skill
from tests.evolution.model_rig import (
    EVERYTHING,
    FULL,
    apart,
    asked,
    by_model,
    by_recipe,
    model_search,
    situation,
    start,
    written,
)
from tests.slices import search_config

LINEAR = "from sklearn.linear_model import Ridge\nRidge().fit(X, y)\n"
FORK_BOMB = Outcome(None, 9, False, 1.0, 1.0, 1.0, None, "", killed_for="processes")
WINDOW_OF_4 = search_config(num_drafts=5, stagnation_window=4)


def briefs(
    entries: Sequence[Entry],
    running: Sequence[Proposal] = (),
    count: int = 200,
    **options: Any,
) -> list[Brief]:
    return [
        model_search(seed, **options).next_brief(entries, len(entries), running, 0.5)
        for seed in range(count)
    ]


def of_kind(kind: str, found: Sequence[Brief]) -> list[Brief]:
    picked = [brief for brief in found if brief.kind == kind]
    assert picked
    return picked


def firsts(found: Sequence[Brief]) -> set[str]:
    return {brief.parents[0].id for brief in found}


# ---------------------------------------------------------------- which kind


def test_after_the_drafts_half_of_the_requests_rewrite_and_none_tunes() -> None:
    kinds = Counter(brief.kind for brief in briefs(start(), count=400))
    assert set(kinds) == {"rewrite", "mutate", "merge", "draft"}
    assert kinds["rewrite"] / 400 == pytest.approx(0.5, abs=0.08)


def test_what_pays_is_asked_for() -> None:
    def share(kind: str, winner: EntryKind) -> float:
        loser: EntryKind = "mutate" if winner == "rewrite" else "rewrite"
        steps = []
        for n in range(5, 15):
            steps += [
                by_model(2 * n, 0.95, winner, ("s0004",), incumbent="s0004"),
                by_model(2 * n + 1, 0.3, loser, ("s0004",), incumbent="s0004"),
            ]
        found = briefs([*start(), *steps], count=300)
        return sum(brief.kind == kind for brief in found) / len(found)

    assert share("rewrite", "mutate") < 0.3
    assert share("rewrite", "rewrite") > 0.55
    assert share("mutate", "mutate") > share("mutate", "rewrite")


def test_merges_have_their_switch() -> None:
    off = dataclasses.replace(FULL, merge=False)
    assert "merge" not in {brief.kind for brief in briefs(start(), solution=off)}


def test_first_drafts_come_first_and_have_no_parents() -> None:
    for count in range(5):
        found = briefs(start()[:count], count=20)
        assert {(brief.kind, brief.parents) for brief in found} == {("draft", ())}
    assert all(brief.parents for brief in briefs(start()))


def test_open_drafts_count_and_recipes_that_stood_in_do_not() -> None:
    open_drafts = [asked(Brief(step, "draft", 1)) for step in (3, 4)]
    entries = start()[:3]
    assert {brief.kind for brief in briefs(entries, open_drafts[:1], 20)} == {"draft"}
    assert all(brief.parents for brief in briefs(entries, open_drafts, 20))
    stood_in = [*start()[:2], by_recipe(2, 0.55), *start()[3:]]
    assert {brief.parents for brief in briefs(stood_in, count=20)} == {()}


def test_no_recipe_is_worked_on_while_the_first_programs_of_the_model_are_on_their_way() -> None:
    recipes = start()[:2]
    drafts = [Brief(step, "draft", 1) for step in (2, 3, 4)]
    for running in (list(map(written, drafts)), list(map(asked, drafts))):
        assert {brief.parents for brief in briefs(recipes, running, 20)} == {()}
    failed = dataclasses.replace(by_model(2, None), outcome=FORK_BOMB)
    found = briefs([*recipes, failed], list(map(written, drafts[1:])))
    assert firsts(of_kind("rewrite", found)) == {"s0001"}


def test_late_drafts_are_the_best_rebuilt_beside_those_that_err_otherwise() -> None:
    entries = [*start(), *(by_model(5 + n, 0.88 - n / 100) for n in range(4))]

    def alike(first: Entry, second: Entry) -> float:
        return 0.9 if "s0005" in (first.id, second.id) else 0.3

    late = of_kind("draft", briefs(entries, alike=alike))
    assert firsts(late) == {"s0004"}
    assert {len(brief.parents) for brief in late} == {3}
    # One that errs otherwise, then the next best, whatever its errors.
    assert all(brief.parents[1].id != "s0005" for brief in late)
    assert {brief.parents[2].id for brief in late} == {"s0005"}


def test_nobody_works_on_what_a_better_program_came_of() -> None:
    close = [by_model(5, 0.901, "rewrite", ("s0004",)), by_model(6, 0.902, "mutate", ("s0005",))]
    found = briefs([*start(), *close])
    worked_on = {brief.parents[0].id for brief in found if brief.kind in ("rewrite", "mutate")}
    assert "s0006" in worked_on
    assert not worked_on & {"s0004", "s0005"}


def test_a_search_that_stands_still_asks_for_a_late_draft_once_per_window() -> None:
    still = [by_model(5 + n, 0.5, "mutate", ("s0004",), incumbent="s0004") for n in range(4)]
    entries = [*start(), *still]
    late = briefs(entries, config=WINDOW_OF_4, count=30)
    assert {brief.kind for brief in late} == {"draft"}
    assert firsts(late) == {"s0004"}
    for running in (asked(late[0]), written(late[0])):
        assert "draft" not in {brief.kind for brief in briefs(entries, [running])}
    after = [*entries, by_model(9, 0.4, "draft", ("s0004", "s0003"))]
    assert {brief.kind for brief in briefs(after, config=WINDOW_OF_4)} > {"rewrite", "mutate"}


def test_failures_are_mended_as_ever() -> None:
    crash = by_model(5, None, "rewrite", ("s0004",))
    assert {brief.kind for brief in briefs([*start(), crash], count=20)} == {"debug"}
    slow = dataclasses.replace(
        crash, outcome=Outcome(None, 9, True, 9.0, 9.0, 1.0, None, "", killed_for="deadline")
    )
    assert {brief.kind for brief in briefs([*start(), slow], count=20)} == {"shrink"}


# ---------------------------------------------------------------- recipes alone


def test_while_no_model_answers_the_recipes_search_by_themselves_but_for_values() -> None:
    alone = [by_recipe(n, 0.5 + n / 100) for n in range(6)]
    kinds = Counter(brief.kind for brief in briefs(alone))
    assert set(kinds) == {"mutate", "merge"}
    assert {brief.parents[0].id for brief in briefs(alone)} != {"s0005"}


def test_one_answer_of_the_model_brings_it_back() -> None:
    alone = [by_recipe(n, 0.5 + n / 100) for n in range(6)]
    back = [*alone, by_model(6, 0.7)]
    assert {brief.kind for brief in briefs(back, count=20)} == {"draft"}
    in_flight = written(Brief(6, "draft", 1))
    assert {brief.kind for brief in briefs(alone, [in_flight], 20)} == {"draft"}
    only_an_extra = dataclasses.replace(in_flight, extra=True)
    assert "draft" not in {brief.kind for brief in briefs(alone, [only_an_extra], 20)}


# ---------------------------------------------------------------- which programs


def test_the_best_by_whole_scores_is_rewritten() -> None:
    lucky = by_model(5, 0.99, folds=[0.99], incumbent="s0004")
    entries = [*start(), lucky]
    assert situation(entries).ranking[0] is lucky
    assert firsts(of_kind("rewrite", briefs(entries))) == {"s0004"}
    everywhere = {parent.id for brief in briefs(entries) for parent in brief.parents}
    assert "s0005" not in everywhere


def test_parts_of_scores_do_where_nothing_is_whole() -> None:
    entries = [by_model(n, 0.5 + n / 10, folds=[0.5 + n / 10]) for n in range(5)]
    assert firsts(of_kind("rewrite", briefs(entries))) == {"s0004"}


def test_while_a_rewrite_of_the_best_is_open_one_close_behind_is_taken() -> None:
    entries = [*start()[:3], by_model(3, 0.89), start()[4]]
    rewrite = of_kind("rewrite", briefs(entries))[0]
    found = briefs(entries, [asked(rewrite)])
    assert firsts(of_kind("rewrite", found)) == {"s0003"}
    # Its program is written: the next author may know of it.
    assert firsts(of_kind("rewrite", briefs(entries, [written(rewrite)]))) == {"s0004"}
    both = [asked(rewrite), asked(of_kind("rewrite", found)[0])]
    assert "rewrite" not in {brief.kind for brief in briefs(entries, both)}


def test_nobody_works_on_what_is_far_behind_but_as_a_partner() -> None:
    """Another kind is asked for meanwhile."""
    rewrite = of_kind("rewrite", briefs(start()))[0]
    found = briefs(start(), [asked(rewrite)])
    assert {brief.kind for brief in found} == {"mutate", "merge", "draft"}
    assert firsts(found) == {"s0004"}
    partners = {brief.parents[1].id for brief in of_kind("merge", found)}
    assert partners == {"s0003"}


def test_when_everything_is_asked_for_the_best_is_rewritten_once_more() -> None:
    entries = [*start()[:2], *(by_model(n, None) for n in (2, 3)), by_model(4, 0.9)]
    hopeless = [
        dataclasses.replace(item, outcome=dataclasses.replace(item.outcome, killed_for="disk"))
        for item in entries[2:4]
    ]
    entries[2:4] = hopeless
    found = briefs(entries)
    running = [asked(of_kind(kind, found)[0]) for kind in ("rewrite", "mutate", "draft")]
    again = briefs(entries, running, 20)
    assert {(brief.kind, brief.parents[0].id) for brief in again} == {("rewrite", "s0004")}


def test_another_run_of_a_program_takes_no_place_among_the_parents() -> None:
    best = start()[4]
    seed = dataclasses.replace(best, id="x0000", kind="seed", extra=True, parents=("s0004",))
    folds = dataclasses.replace(seed, id="x0001", kind="folds")
    good = [entry.id for entry in situation([*start(), seed, folds]).good]
    assert good == ["s0004", "s0003"]
    # The only whole run of a program stands for it.
    part = dataclasses.replace(best, complete=False)
    good = [entry.id for entry in situation([*start()[:4], part, folds]).good]
    assert good == ["x0001", "s0003"]


def test_a_change_of_values_may_be_a_parent_in_the_place_of_its_own() -> None:
    values = [
        dataclasses.replace(
            by_model(5 + n, score, "tune", (parent,)), id=f"x000{n}", program=f"p{n}", extra=True
        )
        for n, (score, parent) in enumerate([(0.95, "s0004"), (0.96, "x0000"), (0.94, "s0004")])
    ]
    entries = [*start(), *values]
    assert firsts(of_kind("rewrite", briefs(entries))) == {"x0001"}
    assert [entry.id for entry in situation(entries).good] == ["x0001", "s0003"]


# ---------------------------------------------------------------- mutations


def test_half_of_the_mutations_name_a_part_and_only_those_an_aspect() -> None:
    found = of_kind("mutate", briefs(start(), count=800))
    named = [brief for brief in found if brief.locus is not None]
    assert len(named) / len(found) == pytest.approx(0.5, abs=0.12)
    assert all(brief.aspect is None for brief in found if brief.locus is None)


def test_an_aspect_fits_the_competition_and_the_program() -> None:
    every: frozenset[Trait] = frozenset(get_args(Trait))

    def aspects(competition: frozenset[Trait], program: str) -> set[str | None]:
        found = briefs(start(), count=600, competition=competition, program=program)
        return {brief.aspect for brief in of_kind("mutate", found) if brief.locus}

    every_aspect = {aspect for many in ASPECTS.values() for aspect in many}
    assert aspects(every, EVERYTHING) == every_aspect
    fitting = {aspect for locus in ASPECTS for aspect in aspects_for(locus, frozenset())}
    assert aspects(frozenset(), LINEAR) == fitting


# ---------------------------------------------------------------- merges


def test_the_best_is_merged_with_the_good_one_whose_errors_are_least_like_its_own() -> None:
    entries = [*start(), by_model(5, 0.89), by_model(6, 0.88), by_model(7, 0.87)]

    def partner(unlike: str) -> set[tuple[str, ...]]:
        def alike(first: Entry, second: Entry) -> float:
            return 0.1 if {first.id, second.id} == {"s0004", unlike} else 0.8

        found = of_kind("merge", briefs(entries, alike=alike))
        return {tuple(parent.id for parent in brief.parents) for brief in found}

    assert partner("s0005") == {("s0004", "s0005")}
    assert partner("s0006") == {("s0004", "s0006")}


def test_an_author_takes_what_it_wants_of_two_programs() -> None:
    entries = [dataclasses.replace(item, genes=dict.fromkeys(ASPECTS, item.id)) for item in start()]
    assert {brief.gene_plan for brief in of_kind("merge", briefs(entries))} == {()}


def test_a_recipe_is_no_partner_once_a_model_has_beaten_it() -> None:
    entries = [by_recipe(0, 0.5), by_recipe(1, 0.6), *(by_model(n, None) for n in (2, 3))]
    settled = [
        dataclasses.replace(item, outcome=dataclasses.replace(item.outcome, killed_for="disk"))
        for item in entries[2:]
    ]
    beaten = [*entries[:2], *settled, by_model(4, 0.9)]
    assert "merge" not in {brief.kind for brief in briefs(beaten)}
    unbeaten = [*entries[:2], *settled, by_model(4, 0.55)]
    pairs = {tuple(p.id for p in brief.parents) for brief in of_kind("merge", briefs(unbeaten))}
    assert pairs == {("s0001", "s0004")}


def test_a_pair_is_brought_together_once() -> None:
    entries = [*start(), by_model(5, 0.89), by_model(6, 0.88)]
    assert len(situation(entries).good) == 3
    merge = of_kind("merge", briefs(entries))[0]
    best = tuple(parent.id for parent in merge.parents)
    for running in (asked(merge), written(merge)):
        others = of_kind("merge", briefs(entries, [running]))
        assert best not in {tuple(parent.id for parent in brief.parents) for brief in others}
    merged = [*entries, by_model(7, 0.3, "merge", best)]
    others = of_kind("merge", briefs(merged))
    assert best not in {tuple(parent.id for parent in brief.parents) for brief in others}


def test_other_values_make_no_new_pair_and_no_new_parent_of_an_open_request() -> None:
    entries = [*start(), by_model(5, 0.895)]
    found = briefs(entries)
    merge, rewrite = of_kind("merge", found)[0], of_kind("rewrite", found)[0]
    assert [parent.id for parent in merge.parents] == ["s0004", "s0005"]
    values = dataclasses.replace(
        by_model(6, 0.91, "tune", ("s0004",)), id="x0000", program="p", extra=True
    )
    later = briefs([*entries, values], [asked(rewrite)])
    assert firsts(of_kind("rewrite", later)) == {"s0005"}
    later = briefs([*entries, values], [written(merge)])
    assert "merge" not in {brief.kind for brief in later}
    assert firsts(of_kind("merge", briefs([*entries, values]))) == {"x0000"}


# ---------------------------------------------------------------- level 2


def team(**readiness: float) -> Population:
    population = Population()
    for name, weight in readiness.items():
        persona = Persona(name, operators={"rewrite": weight})
        population = population.with_persona(persona, "joined", 0)
    return population


def rewriters(entries: Sequence[Entry], population: Population) -> Counter[str]:
    found = briefs(entries, count=800, population=population)
    return Counter(brief.persona.label for brief in of_kind("rewrite", found))


def test_who_is_ready_for_rewrites_is_asked_for_them_before_anything_is_known() -> None:
    found = rewriters(start(), team(anna=3.0, bert=1.0, cleo=0.3))
    assert found["anna"] > found["bert"] > found["cleo"] > 0


def test_who_gained_by_rewrites_is_asked_for_more() -> None:
    def by(name: str, score: float, first: int) -> list[Entry]:
        steps = [
            by_model(first + n, score, "rewrite", ("s0004",), incumbent="s0004") for n in range(5)
        ]
        return [dataclasses.replace(step, persona=name) for step in steps]

    entries = [*start(), *by("anna", 0.95, 5), *by("bert", 0.8, 10)]
    found = rewriters(entries, team(anna=1.0, bert=1.0))
    assert found["anna"] > 1.5 * found["bert"]


def test_lessons_come_along_with_a_rewrite() -> None:
    lesson = Skill("k1", "Do it.", "MODEL: a -> b", "MODEL", {"rewrite": 1.0}, ("s0001",), 0.1, 0)
    population = team(anna=1.0).with_skill(lesson, "extracted")
    found = of_kind("rewrite", briefs(start(), population=population))
    assert lesson.id in {skill.id for brief in found for skill in brief.skills}


# ---------------------------------------------------------------- over random journals


def random_run(seed: int) -> tuple[list[Entry], list[Proposal]]:
    """Steps of any kind by anybody: failures, lost races, repairs, extras, twins, and a few in
    flight.
    """
    rng = random.Random(seed)
    entries: list[Entry] = []
    for number in range(rng.randrange(40)):
        entries.append(_random_entry(number, entries, rng))
    running = []
    for step in range(len(entries), len(entries) + rng.randrange(4)):
        brief = model_search(seed).next_brief(entries, step, running, rng.random())
        running.append(rng.choice((asked, written))(brief))
    return entries, running


def _random_entry(number: int, before: Sequence[Entry], rng: random.Random) -> Entry:
    if not before:
        return by_recipe(number, rng.random())
    kind = rng.choice(KINDS)
    many = {"draft": rng.choice((0, 0, 2)), "merge": 2}.get(kind, 1)
    parents = tuple(rng.choice(before).id for _ in range(many))
    score = rng.random() if rng.random() < 0.8 else None
    folds = None
    if score is not None and rng.random() < 0.3:
        folds = [rng.random() for _ in range(rng.choice((1, 2)))]
    made = by_model(
        number,
        score,
        kind,
        parents,
        folds=folds,
        incumbent=rng.choice(before).id,
        letters="".join(rng.choice("abcdef") for _ in ASPECTS),
    )
    extra = kind in ("seed", "folds") or rng.random() < 0.1
    program = made.program
    if kind in ("seed", "folds"):
        program = next(item.program for item in before if item.id == parents[0])
    author = rng.choice(("model", "model", "recipes"))
    return dataclasses.replace(made, extra=extra, program=program, author=author)


KINDS: tuple[EntryKind, ...] = (
    "draft",
    "rewrite",
    "mutate",
    "merge",
    "debug",
    "tune",
    "shrink",
    "seed",
    "folds",
)


def _alike(first: Entry, second: Entry) -> float:
    return random.Random("".join(sorted((first.id, second.id)))).random()


@pytest.mark.parametrize("seed", range(150))
def test_every_brief_keeps_the_rules(seed: int) -> None:
    entries, running = random_run(seed)
    search = model_search(seed, alike=_alike)
    step = len(entries) + len(running)
    brief = search.next_brief(entries, step, running, 0.5)
    assert brief == search.next_brief(entries, step, running, 0.5)
    assert brief.kind != "tune"
    by_id = {entry.id: entry for entry in entries}
    parents = [by_id[parent.id] for parent in brief.parents]
    if brief.kind in ("debug", "shrink"):
        assert [parent.verdict.valid for parent in parents] == [False]
        return
    latest = [entry.author for entry in entries if not entry.extra][-4:]
    if latest == ["recipes"] * 4 and not any(it.author == "model" for it in running):
        return
    a_whole_one = any(entry.complete for entry in entries)
    assert all(parent.verdict.valid for parent in parents)
    assert not a_whole_one or all(parent.complete for parent in parents)
    assert len({parent.program for parent in parents}) == len(parents)
    if brief.kind == "merge":
        _no_recipe_beside_a_better_model(entries, parents)


def _no_recipe_beside_a_better_model(entries: Sequence[Entry], parents: Sequence[Entry]) -> None:
    now: Situation = situation(entries, alike=apart)
    for parent in parents:
        if parent.author == "recipes":
            better = [it for it in parents if now.scores[it.id] > now.scores[parent.id]]
            assert "model" not in {it.author for it in better}
