"""Lessons in force: each rule is shown to change what a brief gets."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from core.doubles import entry
from core.evolution.changes import read_change
from core.evolution.clusters import values_of
from core.evolution.diversity import genes_in_common
from core.evolution.experience import Experience, experiences
from core.evolution.situation import Situation
from core.evolution.skill_lift import IDLE_STEPS, LEAST_USES, MOST_ACTIVE, lift_of
from core.evolution.skills import CONTROL_SHARE, LEFT_OUT, skills_for
from core.evolution.topics import TOPICS, topic_key
from core.persona import Population
from core.skill import Skill
from tests.evolution.skill_rig import (
    BETTER,
    Words,
    evolved,
    force,
    manager,
    said,
    skill,
    step,
    tries,
)
from tests.slices import search_config, solution_config

BAD = "DATA: RATE 1 -> 2"


class Always(random.Random):
    """Every coin falls on "yes": nothing is left out."""

    def random(self) -> float:
        return 0.999


def ids(found: tuple[Skill, ...]) -> list[str]:
    return [one.id for one in found]


def fitting(number: int, cosine: float, **fields: object) -> Skill:
    change = f"MODEL: P{number} 1 -> 2"
    return skill(change, fits={topic_key("mutate", "MODEL", "loss"): cosine}, **fields)


# ---------------------------------------------------------------- what a brief gets


def test_lesson_42_at_most_five_go_with_a_brief_those_that_fit_best() -> None:
    skills = [fitting(n, n / 10) for n in range(9)]
    found = skills_for(force(*skills), "mutate", "MODEL", "loss", 5, Always())
    assert ids(found) == ids(tuple(skills[:3:-1]))
    assert len(found) == 5
    assert skills_for(force(*skills), "mutate", "MODEL", "loss", 0, Always()) == ()


def test_lessons_about_another_part_stay_away() -> None:
    population = force(
        skill(BETTER),
        skill("DATA: data_one_hot -> data_ordinal"),
        skill("TRAIN: N 1 -> 2", locus=None),
    )
    assert {it.locus for it in skills_for(population, "mutate", "MODEL", None, 5, Always())} == {
        "MODEL",
        None,
    }
    assert len(skills_for(population, "draft", None, None, 5, Always())) == 3


@pytest.mark.parametrize("kind", ["debug", "shrink"])
def test_a_repair_gets_no_lessons(kind: str) -> None:
    assert skills_for(force(skill()), kind, None, None, 5, Always()) == ()


def test_a_measured_lift_outweighs_fit() -> None:
    closer, better = fitting(1, 0.6), fitting(2, 0.5, uses=9, lift=0.2)
    assert ids(skills_for(force(closer, better), "mutate", "MODEL", "loss", 1, Always())) == [
        better.id
    ]


def test_a_share_of_briefs_goes_without_lessons_and_each_lesson_is_left_out_of_others() -> None:
    population = force(*(fitting(n, 0.5) for n in range(3)))
    runs = [
        skills_for(population, "mutate", "MODEL", "loss", 5, random.Random(seed))
        for seed in range(2000)
    ]
    counts = Counter(one for found in runs for one in ids(found))
    assert sum(not found for found in runs) / 2000 == pytest.approx(CONTROL_SHARE, abs=0.04)
    assert counts.keys() == population.skills.keys()
    assert all(
        count / 2000 == pytest.approx((1 - CONTROL_SHARE) * (1 - LEFT_OUT), abs=0.04)
        for count in counts.values()
    )


def test_the_same_draw_gives_the_same_lessons_whatever_the_order_of_events() -> None:
    skills = [fitting(n, 0.5) for n in range(8)]
    one, other = force(*skills), force(*reversed(skills))
    for seed in range(20):
        found = [
            ids(skills_for(it, "mutate", "MODEL", "loss", 5, random.Random(seed)))
            for it in (one, other)
        ]
        assert found[0] == found[1]


# ---------------------------------------------------------------- lift


def uses(
    change: str, shown: list[float | None], hidden: list[float | None], first: int = 0
) -> list[Experience]:
    own = read_change(change, change.partition(":")[0]).id
    locus = change.partition(":")[0]
    having = [step(first + i, gain, locus=locus, skills=(own,)) for i, gain in enumerate(shown)]
    return having + [step(first + 50 + i, gain, locus=locus) for i, gain in enumerate(hidden)]


def test_lift_is_the_gain_over_like_steps_that_were_not_shown_it_shrunk_for_few() -> None:
    few, many = uses(BETTER, [0.4] * 2, [0.1] * 2), uses(BETTER, [0.4] * 40, [0.1] * 40)
    lifts = [lift_of(skill(), pool, values_of(pool)) for pool in (few, many)]
    assert lifts[0].value == pytest.approx(0.3 * 1 / 3)
    assert lifts[1].value == pytest.approx(0.3 * 20 / 22)
    assert (lifts[1].uses, lifts[1].controls) == (40, 40)


def test_without_a_control_there_is_no_lift() -> None:
    pool = uses(BETTER, [0.9] * 20, [])
    assert lift_of(skill(), pool, values_of(pool)).value == 0.0


def test_steps_of_another_kind_or_part_or_from_before_are_no_control() -> None:
    pool = uses(BETTER, [0.4] * 4, [0.1] * 4)
    alone = lift_of(skill(since=50), pool, values_of(pool)).value
    others = [step(60, -1.0, kind="tune"), step(61, -1.0, locus="DATA"), step(49, -1.0)]
    assert lift_of(skill(since=50), pool + others, values_of(pool + others)).value == pytest.approx(
        alone
    )
    assert lift_of(skill(since=40), pool + others, values_of(pool + others)).value > alone


def test_a_lesson_that_makes_programs_fail_loses() -> None:
    pool = [*uses(BETTER, [0.4, None, None, None], [0.1] * 4), step(900, -0.5, "DATA: what else")]
    assert lift_of(skill(), pool, values_of(pool)).value < 0


def test_a_lift_is_told_once_per_use_and_changes_what_is_loaded() -> None:
    pool = uses(BETTER, [0.5] * 6, [0.0] * 6)
    start = force(skill(fits=dict.fromkeys(TOPICS, 0.4)), skill("MODEL: P 1 -> 2"))
    before = ids(skills_for(start, "mutate", "MODEL", None, 1, Always()))
    population, events = evolved(pool, start)
    assert said(events) == [("measured", skill().id)]
    assert events[0].skill.uses == 6
    assert events[0].evidence == {"controls": 6}
    assert ids(skills_for(population, "mutate", "MODEL", None, 1, Always())) != before
    assert evolved(pool, population)[1] == []


def test_a_repair_is_a_use_of_the_lesson_that_its_origin_was_shown_and_no_evidence_of_a_change() -> (
    None
):
    first = entry("s0000", 0.5)
    failed = dataclasses.replace(
        entry("s0001", None, kind="mutate", parents=("s0000",), locus="MODEL"),
        skills=("k1",),
        plan=f"x [{BETTER}]",
        change=BETTER,
    )
    mended = entry("s0002", 0.6, kind="debug", parents=("s0001",), locus="MODEL")
    now = Situation(
        [first, failed, mended],
        (),
        3,
        0.0,
        "maximize",
        search_config(num_drafts=1, explore=0.1),
        solution_config(),
        genes_in_common,
    )
    found = {item.entry: item for item in experiences(now, 10)}
    assert found["s0001"].change == BETTER
    assert found["s0002"].skills == ("k1",)
    assert found["s0002"].change == ""


def test_brackets_of_an_author_are_no_change() -> None:
    """What is no exact change is told by the whole plan."""
    first = entry("s0000", 0.5)
    plan = "mean of three links [see s0000]"
    worded = dataclasses.replace(
        entry("s0001", 0.6, kind="mutate", parents=("s0000",), locus="MODEL"),
        plan=plan,
        author="model",
    )
    now = Situation(
        [first, worded], (), 2, 0.0, "maximize", search_config(), solution_config(), genes_in_common
    )
    assert [item.change for item in experiences(now, 10)] == ["", plan]


# ---------------------------------------------------------------- retirement


def test_a_harmful_lesson_is_given_up_after_enough_uses() -> None:
    few, enough = ([-0.5] * n for n in (LEAST_USES - 1, LEAST_USES))
    assert ("retired", skill().id) not in said(
        evolved(uses(BETTER, few, [0.3] * 9), force(skill()))[1]
    )
    population, events = evolved(uses(BETTER, enough, [0.3] * 9), force(skill()))
    assert said(events) == [("measured", skill().id), ("retired", skill().id)]
    assert events[1].evidence == {"why": "harmful"}
    assert skills_for(population, "mutate", "MODEL", None, 5, Always()) == ()


@pytest.mark.parametrize(("newest", "gone"), [(IDLE_STEPS + 9, False), (IDLE_STEPS + 10, True)])
def test_a_lesson_that_nobody_used_for_long_is_given_up(newest: int, gone: bool) -> None:
    old = skill(since=10)
    assert (evolved([step(newest, 0.1)], force(old))[1] != []) == gone
    used = [step(40, 0.1, skills=(old.id,)), step(newest, 0.1)]
    assert ("retired", old.id) not in said(evolved(used, force(old))[1])


def test_of_too_many_the_best_stay() -> None:
    skills = [skill(f"MODEL: P{n} 1 -> 2", gain=0.01 * (n + 1)) for n in range(MOST_ACTIVE + 2)]
    population, events = evolved([step(0, 0.1)], force(*skills))
    assert len(population.skills) == MOST_ACTIVE
    assert [event.skill.id for event in events] == [skills[0].id, skills[1].id]


def test_a_gain_that_did_not_last_ends_a_lesson_for_ever() -> None:
    """What was selected for its gain is followed up; what came of it later counts as much as what
    it was chosen for.
    """
    pool = tries(BETTER, [0.3, 0.2])
    population, _ = evolved(pool)
    pool += tries(BETTER, [-0.4, -0.5], first=2)
    population, events = evolved(pool, population)
    assert [event.change for event in events] == ["merged", "retired"]
    assert events[0].skill.gain == pytest.approx(-0.1)
    pool += tries(BETTER, [0.9, 0.9, 0.9], first=4)
    assert evolved(pool, population)[1] == []


def test_a_warning_ends_when_its_change_pays() -> None:
    pool = tries(BETTER, [-0.3, -0.2, -0.1])
    population, (event,) = evolved(pool)
    assert event.skill.warns
    pool += tries(BETTER, [0.5, 0.6], first=3)
    population, events = evolved(pool, population)
    assert [event.change for event in events] == ["merged", "retired"]
    assert events[1].evidence == {"why": "the loss did not last"}


def test_warnings_stand_behind_lessons_that_gain() -> None:
    gains, warns = (
        skill("MODEL: A 1 -> 2", fits={}),
        skill("MODEL: B 1 -> 2", warns=True, gain=-0.5, lift=0.5),
    )
    population = force(warns, gains)
    shown = [
        skills_for(population, "mutate", "MODEL", None, 5, random.Random(seed))
        for seed in range(40)
    ]
    assert {tuple(one.warns for one in told) for told in shown} == {
        (),
        (False,),
        (True,),
        (False, True),
    }


def test_a_retired_lesson_never_comes_back_in_like_words() -> None:
    words = "use gradient boosting with deep trees"
    pool = tries(words, [0.4, 0.3], locus="MODEL")
    population, (event,) = evolved(pool)
    population = population.with_skill(event.skill, "retired")
    pool += tries("use gradient boosting with very deep trees", [0.5], first=2, locus="MODEL")
    assert evolved(pool, population)[1] == []
    assert evolved(pool)[1] != []


def test_retired_words_bar_a_lesson_that_others_found_too() -> None:
    pool = [step(0, 0.4, OWN, locus="MODEL"), step(1, 0.3, NEAR, locus="MODEL")]
    assert evolved(pool)[1] != []
    assert evolved(pool, force(worded(NEAR)).with_skill(worded(NEAR), "retired"))[1] == []


# ---------------------------------------------------------------- evidence and duplicates


def test_the_same_steps_are_counted_once() -> None:
    pool = tries(BETTER, [0.4, 0.2])
    population, _ = evolved(pool)
    assert evolved(pool, population)[1] == []
    pool += tries("MODEL: model_mlp -> model_lightgbm", [0.3], first=2)
    population, (event,) = evolved(pool, population)
    assert (event.change, event.evidence["added"]) == ("merged", ["s0002"])
    assert event.skill.evidence == ("s0000", "s0001", "s0002")
    assert event.skill.gain == pytest.approx(0.3)
    assert "tried 3 times, helped 3 times, +0.30" in event.skill.text


OWN = "use gradient boosting with deep trees and many rounds"
NEAR = "use gradient boosting with deep trees and very many rounds"


def worded(text: str, **fields: object) -> Skill:
    return skill(f"MODEL: {text}", **fields)


def test_a_new_lesson_that_is_an_old_one_in_other_words_is_merged_into_it() -> None:
    pool = tries(NEAR, [0.4, 0.2, 0.3], locus="MODEL")
    old = worded(OWN)
    population, events = evolved(pool, force(old))
    assert said(events) == [("merged", old.id)]
    assert list(population.skills) == [old.id]
    assert population.skills[old.id].evidence == ("s0000", "s0001", "s0002")
    assert population.skills[old.id].change == f"MODEL: {NEAR}"
    assert evolved(pool, population)[1] == []


def test_a_step_is_evidence_of_one_lesson_only() -> None:
    """Clusters of free words differ from epoch to epoch; the lesson that counts a step already
    takes up the others.
    """
    old = worded("bag the leaves", evidence=("s0001",))
    population, events = evolved(tries(NEAR, [0.4, 0.2, 0.3], locus="MODEL"), force(old))
    assert said(events) == [("merged", old.id)]
    assert len(population.skills[old.id].evidence) == 3


def test_what_came_of_a_lesson_is_followed_up_in_all_its_words() -> None:
    """The lesson stands behind another wording that was tried first, and it is no longer a gain."""
    pool = [step(0, -0.6, NEAR, locus="MODEL"), step(1, 0.1, OWN, locus="MODEL")]
    old = worded(OWN, evidence=("s0001",))
    _, events = evolved(pool, force(old), manager(0.999))
    assert said(events) == [("merged", old.id), ("retired", old.id)]


def test_duplicates_are_found_at_the_cosine_that_is_set() -> None:
    pool = tries(NEAR, [0.4, 0.2], locus="MODEL")
    assert Words()([f"MODEL: {OWN}", f"MODEL: {NEAR}"])
    for similarity, change in ((0.85, "merged"), (0.999, "extracted")):
        _, events = evolved(pool, force(worded(OWN)), manager(similarity))
        assert [event.change for event in events] == [change]


def test_two_lessons_in_force_that_are_one_become_one() -> None:
    one, other = (
        worded(OWN, evidence=("s0000", "s0001", "s0002")),
        worded(NEAR, evidence=("s0002", "s0003")),
    )
    pool = [step(n, 0.1 * n, locus="MODEL") for n in range(1, 5)]
    population, events = evolved(pool, force(one, other))
    assert said(events) == [("merged", one.id), ("retired", other.id)]
    assert population.skills[one.id].evidence == ("s0001", "s0002", "s0003")
    assert population.skills[one.id].gain == pytest.approx(0.2)
    assert population.retired.keys() == {other.id}


def test_opposites_are_no_duplicates_however_alike() -> None:
    """The cosine of the two is 1: only the order of the words differs."""
    up, down = worded("more trees, fewer leaves"), worded("fewer trees, more leaves")
    assert Words()([up.text, down.text])[0] == Words()([up.text, down.text])[1]
    assert evolved([step(0, 0.1)], force(up, down))[1] == []


def test_praise_and_warning_are_no_duplicates_however_alike() -> None:
    praise, warning = worded(OWN), worded(NEAR, warns=True, gain=-0.3)
    assert evolved([step(0, 0.1)], force(praise, warning))[1] == []
    assert evolved([step(0, 0.1)], force(praise, worded(NEAR)))[1] != []


def test_exact_changes_are_duplicates_of_themselves_only() -> None:
    down, up = skill("MODEL: RATE 0.1 -> 0.05"), skill("MODEL: RATE 0.05 -> 0.1")
    assert evolved([step(0, 0.1)], force(down, up), manager(0.0))[1] == []


def test_a_lesson_from_a_library_takes_up_the_evidence_of_this_run() -> None:
    carried = skill(evidence=(), origin="k1.md", text="MODEL: use it. Evidence: in an earlier run.")
    pool = tries(BETTER, [0.4, 0.2])
    population, (event,) = evolved(pool, Population().with_skill(carried, "carried"))
    assert event.change == "merged"
    assert event.skill.origin == "k1.md"
    assert event.skill.text.startswith("MODEL: use it. Evidence: tried 2 times")
    assert list(population.skills) == [carried.id]


def test_fits_that_a_library_lacks_are_measured() -> None:
    population, (event,) = evolved([step(0, 0.1)], force(skill(fits={})))
    assert event.change == "carried"
    assert event.skill.fits.keys() == TOPICS.keys()
    assert evolved([step(0, 0.1)], population)[1] == []


# ---------------------------------------------------------------- a whole epoch


def history() -> list[Experience]:
    pool = tries(BETTER, [0.4, 0.2, -0.1]) + tries(OWN, [0.3], first=10, locus="MODEL")
    pool += tries(NEAR, [0.2], first=20, locus="MODEL") + tries(BAD, [-0.3, -0.2, None], first=30)
    return pool + uses(BETTER, [0.5, 0.1], [0.0, -0.1], first=40)


def test_the_same_history_gives_the_same_events() -> None:
    start = force(skill("DATA: data_one_hot -> data_ordinal"))
    first, second = evolved(history(), start), evolved(history(), start)
    assert first == second
    assert len(first[1]) >= 2


def test_an_empty_pool_changes_nothing() -> None:
    assert evolved([], force(skill()))[1] == []


def test_an_epoch_asks_the_embedder_few_and_bounded_questions() -> None:
    words = Words()
    pool = [it for n in range(100) for it in tries(f"MODEL: P{n} 1 -> 2", [0.3, 0.2], first=2 * n)]
    pool += [step(300 + n, 0.1, f"idea{n} word{n}", locus="MODEL") for n in range(300)]
    start = force(*(skill(f"DATA: Q{n} 1 -> 2", since=590) for n in range(MOST_ACTIVE)))
    population, events = evolved(pool, start, manager(embed=words))
    assert len(words.calls) == 2
    assert sum(map(len, words.calls)) <= 100 + 40 + len(TOPICS) + MOST_ACTIVE + 20
    assert sum(event.change == "extracted" for event in events) == 20
    assert len(population.skills) == MOST_ACTIVE
