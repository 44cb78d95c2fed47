"""Lessons come of changes that gained more than once, and of nothing else."""

from __future__ import annotations

import dataclasses

import pytest

from core.doubles import ProgramDict, entry
from core.evolution.changes import read_change
from core.evolution.clusters import values_of
from core.evolution.skill_extractor import LONGEST_ADVICE, MOST_EXAMPLES, MOST_NEW, gene_reader
from core.evolution.skills import SkillExtractor
from core.evolution.topics import TOPICS, fit, topic_key
from core.genome import Genome
from tests.evolution.skill_rig import (
    BETTER,
    ScriptedCoach,
    Words,
    evolved,
    extract,
    manager,
    step,
    tries,
)


def test_lesson_25_a_plain_history_gives_a_lesson() -> None:
    pool = tries("MODEL: RATE 0.1 -> 0.05", [0.3, -0.2]) + tries(BETTER, [0.4, 0.2, -0.1], first=2)
    (found,) = extract(pool)
    assert found.change == BETTER
    assert found.locus == "MODEL"
    assert found.evidence == ("s0002", "s0003", "s0004")
    assert found.gain == pytest.approx(0.1667, abs=1e-4)
    assert found.text == (
        "MODEL: use model_lightgbm instead of model_linear. "
        "Evidence: tried 3 times, helped 2 times, +0.17 spreads on average."
    )
    assert found.since == 5


@pytest.mark.parametrize(
    ("gains", "convincing"),
    [
        ([0.9], False),
        ([0.3, 0.2], True),
        ([0.9, -0.1], False),
        ([0.3, 0.2, -0.1], True),
        ([0.3, 0.2, -0.9], False),
        ([0.5, 0.4, -0.1, -0.1], False),
        ([0.3, 0.0], False),
        ([0.005, 0.005], False),
        ([], False),
    ],
)
def test_a_change_is_a_lesson_when_it_gained_twice_more_often_than_not_and_on_average(
    gains: list[float], convincing: bool
) -> None:
    assert bool(extract(tries(BETTER, gains))) == convincing


@pytest.mark.parametrize(
    ("gains", "warned"),
    [
        ([-0.3, -0.2], False),
        ([-0.3, -0.2, -0.1], True),
        ([-0.3, -0.2, 0.0], True),
        ([-0.3, -0.2, -0.1, 0.01], False),
        ([-0.3, -0.2, None], True),
        ([-0.001, -0.001, -0.001], False),
    ],
)
def test_lesson_25_a_change_that_was_tried_in_vain_is_a_warning(
    gains: list[float | None], warned: bool
) -> None:
    found = extract(tries(BETTER, gains))
    assert [skill.warns for skill in found] == [True] * warned


def test_a_warning_says_what_not_to_do() -> None:
    texts = [
        extract(tries(change, [-0.3, -0.2, -0.1], locus="MODEL"))[0].text
        for change in (BETTER, "MODEL: C 1 -> 2, KIND words -> characters", "deeper trees")
    ]
    evidence = "Evidence: tried 3 times, helped 0 times, -0.20 spreads on average."
    assert texts == [
        f"MODEL: it did not pay to use model_lightgbm instead of model_linear. {evidence}",
        f"MODEL: it did not pay to raise C, as from 1 to 2, set KIND to characters instead of words. {evidence}",
        f"MODEL: no gain: deeper trees {evidence}",
    ]


def test_gains_come_before_warnings() -> None:
    pool = tries("MODEL: A 1 -> 2", [-0.9, -0.9, -0.9]) + tries(
        "MODEL: B 1 -> 2", [0.1, 0.1], first=5
    )
    assert [skill.change for skill in extract(pool)] == ["MODEL: B 1 -> 2", "MODEL: A 1 -> 2"]


def test_a_failure_counts_like_the_usual_loss() -> None:
    pool = [*tries(BETTER, [0.3, 0.2, None]), *tries("DATA: x of words", [-0.4, -0.2], first=10)]
    pool.append(step(12, -0.9, "DATA: something else"))
    assert values_of(pool)["s0002"] == -0.4
    (found,) = extract(pool)
    assert found.gain == pytest.approx((0.3 + 0.2 - 0.4) / 3, abs=1e-4)
    assert extract([*pool, step(20, None, BETTER)]) == []


def test_a_step_without_a_score_that_did_not_fail_says_nothing() -> None:
    pool = [*tries(BETTER, [0.3, 0.2]), step(2, None, BETTER, failure="")]
    assert extract(pool)[0].evidence == ("s0000", "s0001")


@pytest.mark.parametrize("kind", ["draft", "merge"])
def test_gains_over_another_program_than_the_parent_are_no_evidence(kind: str) -> None:
    assert extract(tries(BETTER, [0.3, 0.2], kind=kind)) == []
    assert extract(tries(BETTER, [0.3, 0.2], kind="tune"))


def test_the_surest_come_first_and_their_number_is_bounded() -> None:
    pool = [
        it
        for n in range(30)
        for it in tries(f"MODEL: P{n} 1 -> 2", [0.01 * (n + 1)] * 2, first=2 * n)
    ]
    found = extract(pool)
    assert len(found) == MOST_NEW
    assert [skill.gain for skill in found] == sorted((skill.gain for skill in found), reverse=True)
    assert found[0].change == "MODEL: P29 1 -> 2"


# ---------------------------------------------------------------- what is the same change


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RATE 0.1 -> 0.05", "RATE 0.05 -> 0.03"),
        ("RATE 0.1 -> 0.05, DEPTH 4 -> 6", "DEPTH 3 -> 4, RATE 0.05 -> 0.03"),
        ("model_linear -> model_lightgbm", "model_mlp -> model_lightgbm"),
        ("NUMBERS plain -> logged", "NUMBERS normal -> logged"),
        ("learning rate 0.1 -> 0.05 in all trees", "Learning rate 0.05 -> 0.02 in all trees"),
    ],
)
def test_numbers_and_origins_make_no_other_change(one: str, other: str) -> None:
    assert read_change(one, "MODEL").key == read_change(other, "MODEL").key
    assert read_change(f"MODEL: {one}", "MODEL") == read_change(one, "MODEL")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RATE 0.1 -> 0.05", "RATE 0.05 -> 0.1"),
        ("RATE 0.1 -> 0.05", "SHARE 0.1 -> 0.05"),
        ("model_linear -> model_lightgbm", "model_lightgbm -> model_linear"),
        ("NUMBERS plain -> logged", "NUMBERS logged -> plain"),
        ("learning rate 0.1 -> 0.05 in all trees", "learning rate 0.05 -> 0.1 in all trees"),
        ("more trees and a lower learning rate", "fewer trees and a higher learning rate"),
        ("add dropout before the last layer", "remove dropout before the last layer"),
        ("a lower learning rate", "learning rate 0.01 -> 0.1"),
        ("RATE 0.1 -> 0.05", "raise the rate"),
    ],
)
def test_the_opposite_is_another_change_however_alike_it_sounds(one: str, other: str) -> None:
    first, second = read_change(one, "MODEL"), read_change(other, "MODEL")
    assert first.key != second.key
    assert first.contradicts(second)
    assert second.contradicts(first)
    assert first.id != second.id


def test_another_part_is_another_change() -> None:
    assert read_change("use fewer", "DATA").contradicts(read_change("use fewer", "MODEL"))


def test_wordings_of_models_are_one_lesson_when_they_sound_alike() -> None:
    pool = [
        step(0, 0.3, "use gradient boosting with deep trees", locus="MODEL"),
        step(1, 0.2, "use gradient boosting with very deep trees", locus="MODEL"),
        step(2, 0.4, "replace the network by naive counts", locus="MODEL"),
    ]
    (found,) = extract(pool)
    assert found.evidence == ("s0000", "s0001")
    assert found.change == "MODEL: use gradient boosting with deep trees"
    assert extract([pool[0], step(1, 0.2, pool[1].change, locus="TRAIN")]) == []


def test_models_that_say_the_opposite_are_not_one_lesson() -> None:
    pool = [
        step(0, 0.3, "increase the depth of all trees in the forest", locus="MODEL"),
        step(1, 0.2, "decrease the depth of all trees in the forest", locus="MODEL"),
    ]
    assert extract(pool) == []


def test_the_words_of_the_best_example_are_kept() -> None:
    pool = [
        *tries("MODEL: model_mlp -> model_lightgbm", [0.1]),
        *tries(BETTER, [0.5, 0.4], first=1),
    ]
    (found,) = extract(pool)
    assert found.change == BETTER
    assert len(found.evidence) == 3


def test_the_same_steps_give_the_same_lessons_and_one_question_to_the_embedder() -> None:
    pool = [
        it
        for n in range(5)
        for it in tries(f"MODEL: use idea number {n} of many", [0.3, 0.2], first=2 * n)
    ]
    words = Words()
    extractor = SkillExtractor(words, lambda digest, locus: "")
    assert extractor.extract(pool) == extractor.extract(pool) == extract(pool)
    assert len(words.calls) == 2
    assert len(words.calls[0]) == len(set(words.calls[0]))


def test_nothing_is_embedded_where_nothing_repeats() -> None:
    words = Words()
    assert (
        SkillExtractor(words, lambda digest, locus: "").extract(
            [step(0, 0.3, "one idea", locus="DATA")]
        )
        == []
    )
    assert words.calls == []


def test_work_is_bounded_whatever_models_say() -> None:
    pool = [step(n, 0.1, f"idea{n} word{n} thing{n}", locus="MODEL") for n in range(500)]
    words = Words()
    SkillExtractor(words, lambda digest, locus: "").extract(pool)
    assert sum(map(len, words.calls)) <= 40 + len(TOPICS)


# ---------------------------------------------------------------- topics


def test_fits_say_which_brief_a_lesson_is_for() -> None:
    (found,) = extract(tries("MODEL: change the loss to focal", [0.3, 0.2]))
    assert found.fits.keys() == TOPICS.keys()
    assert (
        found.fits[topic_key("mutate", "MODEL", "loss")]
        > found.fits[topic_key("mutate", "MODEL", "architecture")]
    )


def test_a_brief_that_is_no_topic_takes_the_closest_one() -> None:
    fits = {"tune MODEL": 0.3, "draft": 0.2}
    assert fit(fits, "tune", "MODEL", "loss") == 0.3
    assert fit(fits, "draft", None, None) == 0.2
    assert fit(fits, "merge", None, None) == 0.0


# ---------------------------------------------------------------- the model's words


def test_a_coach_puts_the_lesson_into_words() -> None:
    coach = ScriptedCoach("Boosted trees beat\nlinear models. Evidence: trust me " + "x" * 500)
    _, (event,) = evolved(tries(BETTER, [0.4, 0.2]), using=manager(coach=coach))
    advice, _, evidence = event.skill.text.partition(" Evidence: ")
    assert advice.startswith("Boosted trees beat linear models.")
    assert len(advice) <= LONGEST_ADVICE
    assert evidence == "tried 2 times, helped 2 times, +0.30 spreads on average."
    assert event.skill.fits != extract(tries(BETTER, [0.4, 0.2]))[0].fits
    assert event.skill.change == BETTER


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_a_coach_without_words_costs_nothing(nothing: str | None) -> None:
    _, (event,) = evolved(tries(BETTER, [0.4, 0.2]), using=manager(coach=ScriptedCoach(nothing)))
    assert event.skill.text.startswith("MODEL: use model_lightgbm")


def test_a_coach_is_shown_the_best_steps_and_the_worst_with_their_code() -> None:
    coach = ScriptedCoach(None)
    gains = [0.1, 0.5, 0.4, -0.2, 0.3, 0.2]
    pool = [
        step(n, gain, BETTER, diff=(("MODEL", f"b{n}", f"a{n}"),)) for n, gain in enumerate(gains)
    ]
    evolved(pool, using=manager(coach=coach))
    (examples,) = coach.asked
    assert [example.gain for example in examples] == [0.5, 0.4, 0.3, 0.2, -0.2]
    assert len(examples) == MOST_EXAMPLES
    assert (examples[0].before, examples[0].after) == ("MODEL b1", "MODEL a1")


def test_a_coach_is_asked_about_new_lessons_only_and_not_about_many() -> None:
    coach = ScriptedCoach(None)
    pool = [it for n in range(6) for it in tries(f"MODEL: P{n} 1 -> 2", [0.3, 0.2], first=2 * n)]
    using = manager(coach=coach)
    population, events = evolved(pool, using=using)
    assert len(events) == 6
    assert len(coach.asked) == 3
    evolved([*pool, *tries("MODEL: P1 2 -> 3", [0.3], first=12)], population, using)
    assert len(coach.asked) == 3


def test_genes_are_read_from_programs_by_their_digest() -> None:
    programs = ProgramDict()
    text = "# %% DATA\nd = 1\n# %% MODEL\nm = 1\n"
    genes = Genome.parse(text).hashes()
    first = dataclasses.replace(entry("s0000", 0.5), program=programs.put(text), genes=genes)
    read = gene_reader(lambda: [first], programs.get)
    assert read(genes["MODEL"], "MODEL") == "# %% MODEL\nm = 1\n"
    assert read(genes["MODEL"], "DATA") == ""
    assert read("unknown", "MODEL") == ""
