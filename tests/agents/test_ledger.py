"""agents/prompting/ledger.py and ideas.py: what the lines say, which stay, and that they agree with
each other over random journals.
"""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import pytest

from agents.prompting.digest import TOTAL, digest_text
from agents.prompting.ideas import best_whole, ideas
from agents.prompting.ledger import PLAN, IdeaLedger, _least_clear_last
from agents.prompting.plan_line import plan_line
from core.doubles import CLEAN, entry
from core.evolution.briefs import BY_KIND
from core.evolution.selection import common_gain
from core.records import Entry, ErrorInfo
from core.score import Direction

FOLDS = 5
METHOD = "boosted trees on lags of a day and a week"
WORDS = (
    "boosted trees on lags, ridge on splines (knots at 3, 6, 9), extra trees on the residuals of both, "
    "weights of the three by least squares on forward folds, clipped to what was seen"
)
COMPARED = re.compile(r"Ideas: (\d+) compared with what they started from, (\d+) of them better\.")

SHORT = BY_KIND["merge"].ledger


def made(entry_id: str, folds: list[float] | None, plan: str = "", **fields: Any) -> Entry:
    """A step with these fold scores of five; None: it failed."""
    names = ("kind", "parents", "locus", "outcome")
    given = {name: fields.pop(name) for name in names if name in fields}
    score, complete = None, False
    if folds is not None:
        score, complete = sum(folds) / len(folds), len(folds) == FOLDS
    step = entry(entry_id, score, folds=folds or [], complete=complete, **given)
    return dataclasses.replace(step, plan=plan or f"{METHOD}, variant {entry_id}", **fields)


def text_of(*entries: Entry, direction: Direction = "maximize") -> str:
    return digest_text(entries, direction, {})


FIRST = made("s0000", [0.70, 0.72, 0.74, 0.71, 0.73])
BETTER = made(
    "s0001",
    [0.71, 0.73, 0.75, 0.72, 0.76],
    "trees with the hour [MODEL: 63 -> 127 leaves]",
    change="MODEL: 63 -> 127 leaves",
    kind="mutate",
    parents=("s0000",),
    locus="MODEL",
)


# ---------------------------------------------------------------- what the lines say


def test_the_head_names_the_best_program_over_all_folds_and_the_list_begins_with_it() -> None:
    lucky = made("s0002", [0.99], "lucky on one fold")
    text = text_of(FIRST, BETTER, lucky)
    assert "Steps: 3 finished, 0 failed; best score over all folds 0.734 +- 0.01 (s0001)." in text
    best = text.split("Best programs")[1].split("Ideas:")[0]
    assert re.findall(r"^- (s\d+)", best, re.MULTILINE) == ["s0001", "s0000"]
    assert "MODEL of s0000, better by 0.014 +- 0.004 (1 s): trees with the hour" in best
    assert "- s0002 recipe: 0.99 (1 of 5 folds), 1 s: lucky on one fold" in text


def test_where_no_program_is_whole_no_score_is_called_the_best() -> None:
    text = text_of(made("s0000", [0.7, 0.8]), made("s0001", [0.9]))
    assert "no program has a score over all folds yet" in text
    assert "0.75 (2 folds so far)" in text
    assert "0.9 (1 fold so far)" in text


def test_before_and_after_are_over_the_folds_that_both_ran() -> None:
    """Its folds are the easy ones of its parent: over all that the parent ran it would seem worse."""
    raced = made(
        "s0002", [0.705, 0.715], kind="rewrite", parents=("s0000",), plan="waves of the week"
    )
    text = text_of(FIRST, BETTER, raced)
    line = "- s0002 s0000 rewritten: 0.71 -> 0.71, no difference (2 of 5 folds), 1 s: waves"
    assert line in text
    lower = dataclasses.replace(raced, folds=made("s0002", [0.60, 0.70]).folds)
    assert "0.71 -> 0.65, worse by 0.06 +- 0.04 (2 of 5 folds)" in text_of(FIRST, BETTER, lower)
    assert "0.71 -> 0.65, better by 0.06 +- 0.04 (2 of 5 folds)" in text_of(
        FIRST, BETTER, lower, direction="minimize"
    )


def test_a_draft_stands_against_the_leader_of_its_moment() -> None:
    draft = made("s0002", [0.5], "naive Bayes", incumbent="s0001", author="model")
    assert "- s0002 first draft: 0.71 (s0001) -> 0.5, worse by 0.21 (1 of 5 folds)" in text_of(
        FIRST, BETTER, draft
    )


def test_a_draft_among_the_best_says_whom_it_beat() -> None:
    draft = made("s0002", [0.9] * 5, "process", incumbent="s0001", author="model")
    text = text_of(FIRST, BETTER, draft)
    assert (
        "- s0002 0.9 +- 0.01, first draft, better by 0.17 +- 0.0093 than s0001 (1 s): process"
        in text
    )


def test_a_repair_stands_for_the_idea_that_it_mends() -> None:
    error = ErrorInfo("KeyError", "'hour'", "")
    broken = made(
        "s0002",
        None,
        "waves",
        kind="rewrite",
        parents=("s0001",),
        outcome=dataclasses.replace(CLEAN, error=error),
    )
    mend = made("s0003", [0.6] * 5, "waves", kind="debug", parents=("s0002",))
    found = {idea.entry.id: idea for idea in ideas([FIRST, BETTER, broken, mend], "maximize")}
    assert found["s0003"].base == BETTER
    text = text_of(FIRST, BETTER, broken, mend, made("s0004", [0.1] * 5, "x"))
    assert "s0002 mended (s0001 rewritten), worse by 0.13" in text
    assert "- 1x KeyError: 'hour' (last: s0002, s0001 rewritten: waves)" in text


def test_a_value_that_has_not_shown_to_be_better_is_not_told_as_better() -> None:
    words = {"change": "MODEL: RATE 0.1 -> 0.3", "kind": "tune", "parents": ("s0001",)}
    plan = "trees [MODEL: RATE 0.1 -> 0.3]"
    lucky = made("x0005", [0.9] * 5, plan, extra=True, unproven=True, p_parent=0.8, **words)
    text = text_of(FIRST, BETTER, lucky)
    assert "- s0001, values tried at no cost: 1, 0 of them better" in text
    assert "best score over all folds 0.734" in text


def test_what_costs_no_request_is_no_idea_and_values_are_summed_up() -> None:
    values = [
        made(
            f"x{i:04d}",
            [0.734 + gain] * 5,
            f"trees [MODEL: RATE 0.1 -> {rate}]",
            change=f"MODEL: RATE 0.1 -> {rate}",
            kind="tune",
            parents=(parent,),
            extra=True,
        )
        for i, gain, rate, parent in (
            (5, -0.1, 0.3, "s0001"),
            (6, 0.02, 0.05, "s0001"),
            (7, 0.03, 0.02, "x0006"),
        )
    ]
    seed = made("x0008", [0.76] * 5, BETTER.plan, kind="seed", parents=("s0001",), extra=True)
    text = text_of(FIRST, BETTER, *values, seed)
    assert "Steps: 2 finished, 0 failed; 4 more runs at no cost; best" in text
    assert "Ideas: 1 compared with what they started from, 1 of them better." in text
    assert (
        "- s0001, values tried at no cost: 3, 2 of them better; "
        "best x0007, better by 0.01 than x0006: MODEL: RATE 0.1 -> 0.02" in text
    )
    leaders = best_whole([FIRST, BETTER, *values, seed], "maximize")
    assert [each.id for each in leaders] == ["x0007", "s0000"]


def test_plans_of_the_best_are_whole_up_to_300_characters_and_end_behind_a_method() -> None:
    long = ", ".join([WORDS] * 3)
    text = text_of(dataclasses.replace(FIRST, plan=WORDS), dataclasses.replace(BETTER, plan=long))
    assert WORDS in text.split("s0000 0.72")[1]
    shown = re.search(r"^- s0001 .*? \(1 s\): (.*)$", text, re.MULTILINE)
    assert shown is not None
    assert 240 < len(shown[1]) <= PLAN
    assert long.startswith(shown[1].removesuffix(" ..."))
    assert long[len(shown[1].removesuffix(" ...")) :].startswith(",")


# ---------------------------------------------------------------- why


@pytest.mark.parametrize(
    ("folds", "p_better", "incumbent", "finding"),
    [
        ([0.71, 0.73, 0.75, 0.72, 0.74], None, None, "better"),
        ([0.69, 0.71, 0.73, 0.70, 0.72], None, None, "worse"),
        ([0.80, 0.66, 0.78, 0.62, 0.75], None, None, "unclear"),
        ([0.60], None, None, "unclear"),
        ([0.60], 0.05, "s0000", "worse"),
        ([0.80, 0.66, 0.78, 0.62, 0.75], 0.9, "s0000", "better"),
        ([0.71, 0.73, 0.75, 0.72, 0.74], 0.6, "s0000", "unclear"),
        ([0.60], 0.05, "s0009", "unclear"),
    ],
)
def test_what_became_of_a_change_is_said_where_the_gain_is_told_from_chance(
    folds: list[float], p_better: float | None, incumbent: str | None, finding: str
) -> None:
    child = made(
        "s0001",
        folds,
        kind="rewrite",
        parents=("s0000",),
        p_better=p_better,
        incumbent=incumbent,
        hypothesis="the week is missing",
    )
    assert ideas([FIRST, child], "maximize")[1].finding == finding


@pytest.mark.parametrize(("p_parent", "finding"), [(0.9, "better"), (0.6, "unclear")])
def test_a_change_is_compared_with_its_parent_whoever_leads(p_parent: float, finding: str) -> None:
    child = made(
        "s0001",
        [0.80, 0.66, 0.78, 0.62, 0.75],
        kind="rewrite",
        parents=("s0000",),
        p_better=0.01,
        incumbent="s0009",
        p_parent=p_parent,
    )
    assert ideas([FIRST, child], "maximize")[1].finding == finding


def test_a_change_that_was_worse_stays_as_a_constraint_however_many_steps_follow() -> None:
    wrong = made(
        "s0002",
        [0.5] * 5,
        "log of the answer",
        kind="rewrite",
        parents=("s0001",),
        hypothesis="errors grow with the level",
        incumbent="s0001",
        p_better=0.01,
    )
    later = [
        made(f"s{i:04d}", [0.72 + 0.001 * (i % 7)] * 5, kind="rewrite", parents=("s0001",))
        for i in range(3, 300)
    ]
    line = (
        "- s0002 s0001 rewritten: 0.734 -> 0.5, worse by 0.23 +- 0.0093, 1 s: "
        "log of the answer | tried because: errors grow with the level"
    )
    assert line in text_of(FIRST, BETTER, wrong, *later)
    without = dataclasses.replace(wrong, hypothesis="")
    assert "s0002" not in text_of(FIRST, BETTER, without, *later)


def test_the_newest_and_what_helped_most_stay() -> None:
    helped = made("s0002", [0.6] * 5, "sun", kind="mutate", parents=("s0003",), locus="DATA")
    base = made("s0003", [0.4] * 5, "poor")
    later = [
        made(f"s{i:04d}", [0.73] * 5, f"idea {i}", kind="rewrite", parents=("s0001",))
        for i in range(4, 300)
    ]
    text = text_of(FIRST, BETTER, base, helped, *later)
    assert "- s0002 DATA of s0003: 0.4 -> 0.6, better by 0.2, 1 s: sun" in text
    assert "- s0299 s0001 rewritten" in text
    assert "- s0295 s0001 rewritten" in text


def model_draft(entry_id: str, folds: list[float], base: str, plan: str) -> Entry:
    return made(entry_id, folds, plan, author="model", incumbent=base)


def test_gains_over_recipes_are_no_news_once_a_model_leads_and_clear_gains_come_first() -> None:
    """The first two drafts of the model beat a recipe by far, the rest of its gains are small."""
    recipe = made("s0000", [0.1] * 5)
    rough = [0.9 + 0.1 * (fold - 2) for fold in range(5)]
    entries = [
        recipe,
        model_draft("s0001", [0.50, 0.50, 0.51, 0.50, 0.50], "s0000", "trees over a recipe"),
        model_draft("s0002", [0.80] * 5, "s0001", "waves over trees"),
        made("s0003", rough, "large but rough", kind="rewrite", parents=("s0002",), author="model"),
        model_draft("s0004", [0.95] * 5, "s0003", "leader"),
    ]
    leaders = [
        model_draft(f"s{i:04d}", [0.96 + i / 1000] * 5, "s0004", f"l{i}") for i in range(5, 9)
    ]
    clear = made(
        "s0009",
        [0.81, 0.81, 0.81, 0.81, 0.812],
        "small",
        kind="mutate",
        parents=("s0002",),
        author="model",
    )
    ledger = IdeaLedger([*entries, *leaders, clear], "maximize")
    helped = sorted(filter(ledger._helped, ledger._ideas.values()), key=_least_clear_last)
    names = [idea.entry.id for idea in helped]
    assert "s0001" not in names
    assert names.index("s0009") < names.index("s0003")
    # While a recipe leads, a gain over one is all there is.
    early = IdeaLedger([recipe, *entries[1:2], made("s0010", [0.9] * 5)], "maximize")
    assert [idea.entry.id for idea in filter(early._helped, early._ideas.values())] == ["s0001"]


def test_values_stand_against_the_program_that_they_changed_on_all_folds() -> None:
    """The second value takes back half of what the first one gained, and a third ran on one fold."""
    first = made(
        "x0001",
        [0.80] * 5,
        "trees [M: A 1 -> 2]",
        change="M: A 1 -> 2",
        kind="tune",
        parents=("s0000",),
        extra=True,
    )
    second = made(
        "x0002",
        [0.76] * 5,
        "trees [M: A 1 -> 2, B 3 -> 4]",
        change="M: A 1 -> 2, B 3 -> 4",
        kind="tune",
        parents=("x0001",),
        extra=True,
    )
    raced = made(
        "x0003",
        [0.99],
        "trees [M: B 3 -> 5]",
        change="M: B 3 -> 5",
        kind="tune",
        parents=("s0000",),
        extra=True,
    )
    text = text_of(FIRST, first, second, raced)
    assert (
        "- s0000, values tried at no cost: 3, 1 of them better; "
        "best x0001, better by 0.08 +- 0.0071 than s0000: M: A 1 -> 2"
    ) in text


def test_what_was_changed_is_told_as_it_is_stated_and_brackets_of_an_author_are_words() -> None:
    idea = made(
        "s0002", [0.5], "waves of the week [mean of two]", kind="rewrite", parents=("s0001",)
    )
    stated = dataclasses.replace(idea, change="DATA: WEEKS 1 -> 2")
    assert "1 s: waves of the week [mean of two]" in text_of(FIRST, BETTER, idea)
    assert "1 s: DATA: WEEKS 1 -> 2" in text_of(FIRST, BETTER, stated)


# ---------------------------------------------------------------- a plan in one line

LONG = (
    "The trees and their lags stay as they are in the program before, with all of their values. "
    * 4
)


@pytest.mark.parametrize("news", ["Adds waves of the week.", "RATE 0.1 -> 0.05 for all trees."])
def test_a_plan_that_is_too_long_keeps_the_sentence_that_says_what_is_new(news: str) -> None:
    line = plan_line(f"{LONG}{news}", PLAN)
    assert news in line
    assert " ..." in line
    assert len(line) <= PLAN
    assert f"{LONG}{news}".startswith(line.split(news)[0].split(" ...")[0])


def test_a_plan_that_is_too_long_keeps_the_change_at_its_end() -> None:
    plan = f"{LONG}{LONG}[MODEL: RATE 0.1 -> 0.05]"
    line = plan_line(plan, PLAN)
    assert line.endswith("before, with all of their values. ... [MODEL: RATE 0.1 -> 0.05]")
    assert len(line) <= PLAN


def test_what_stands_before_a_plan_is_never_cut() -> None:
    line = plan_line(f"{LONG}Adds waves.", 118, "- s0007, rewrite from s0003:")
    assert line == (
        "- s0007, rewrite from s0003: The trees and their lags stay as they are in the program "
        "before ... Adds waves. ..."
    )
    assert len(line) <= 118


def test_plans_of_up_to_300_characters_stand_whole_among_the_ideas() -> None:
    plan = (
        WORDS + ", and the mean of all of them over three seeds of the run and two views of the day"
    )
    assert 240 < len(plan) <= PLAN
    idea = made("s0002", [0.5], plan, kind="rewrite", parents=("s0001",), hypothesis="too few")
    assert f"{plan} | tried because: too few" in text_of(FIRST, BETTER, idea)


# ---------------------------------------------------------------- any journal


def journal(seed: int) -> list[Entry]:
    """Drafts, rewrites, merges, repairs and extras; races lost, failures, lost predictions."""
    rng = random.Random(seed)
    made_: list[Entry] = []
    for i in range(rng.choice((1, 4, 8, 30, 120))):
        valid = [each for each in made_ if each.verdict.valid]
        failed = [each for each in made_ if not each.verdict.valid]
        kind = rng.choice(("draft", "rewrite", "mutate", "merge", "tune", "seed", "folds", "debug"))
        pool = failed if kind == "debug" else valid
        needed = {"draft": 0, "merge": 2}.get(kind, 1)
        if len(pool) < needed:
            kind, needed = "draft", 0
        parents = tuple(each.id for each in rng.sample(pool, needed))
        folds = None
        if rng.random() > 0.2:
            ran = rng.choice((1, 2, FOLDS, FOLDS, FOLDS))
            folds = [round(rng.uniform(0.1, 9.0), 4) for _ in range(ran)]
        extra = kind in ("tune", "seed", "folds")
        step = made(
            f"{'x' if extra else 's'}{i:04d}",
            folds,
            rng.choice((WORDS, METHOD, "short")) + f" {i}" * rng.randrange(2),
            kind=kind,
            parents=parents,
            extra=extra,
            hypothesis=rng.choice(("", "the level drifts", WORDS)),
            incumbent=rng.choice([each.id for each in valid] or [None]),
            p_better=rng.choice((None, 0.02, 0.5, 0.9)),
        )
        if rng.random() < 0.1:
            step = step.without_predictions({fold.key for fold in step.folds})
        made_.append(step)
    return made_


def lines_about(text: str) -> dict[str, str]:
    """The lines that begin with the id of a program, without those of values."""
    lines = re.findall(r"^- ([sx]\d{4}) (.*)$", text, re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("seed", range(40))
def test_head_list_and_ledger_agree_over_any_journal(seed: int, direction: Direction) -> None:
    entries = journal(seed)
    text = digest_text(entries, direction, {"trees": "nothing"})
    lines = lines_about(text)
    assert len(text) <= TOTAL
    assert len(digest_text(entries, direction, {}, SHORT)) <= SHORT

    complete = [each for each in entries if each.complete]
    if complete:
        top = max(complete, key=lambda each: each.score(direction).utility)
        named = re.search(r"best score over all folds (\S+) .*?\(([sx]\d{4})\)", text)
        first = re.search(r"^Best programs.*\n- ([sx]\d{4}) (\S+) ", text, re.MULTILINE)
        assert named is not None
        assert first is not None
        assert named[2] == first[1] == top.id
        assert named[1] == first[2] == f"{top.verdict.score:.5g}"
    else:
        assert "no program has a score over all folds" in text

    gains = {
        idea.entry.id: common_gain(idea.entry, idea.base, direction)
        for idea in ideas(entries, direction)
        if idea.base is not None
    }
    gains = {name: gain for name, gain in gains.items() if gain is not None}
    count = COMPARED.search(text)
    if count is None:
        assert not gains
    else:
        assert int(count[1]) == len(gains)
        assert int(count[2]) == sum(gain > 0 for gain in gains.values())
    for name, line in lines.items():
        if name in gains:
            assert ("better by" in line) == (gains[name] > 0), line
            assert ("worse by" in line) == (gains[name] < 0), line


def test_no_score_over_part_of_the_folds_stands_unmarked() -> None:
    seen = 0
    for seed in range(60):
        entries = journal(seed)
        whole = any(each.complete for each in entries)
        known = {idea.entry.id: idea for idea in ideas(entries, "maximize")}
        for name, line in lines_about(digest_text(entries, "maximize", {})).items():
            involved = [each for each in entries if each.id == name]
            if name in known and known[name].gain is not None:
                involved.append(known[name].base or involved[0])
            if not whole or any(len(each.folds) < FOLDS for each in involved):
                assert re.search(r"\(\d (?:of 5 folds|folds? so far)\)", line), line
                seen += 1
    assert seen > 60


def test_every_compared_idea_has_its_line_where_all_fit() -> None:
    for seed in range(200):
        entries = journal(seed)
        if len(entries) > 8:
            continue
        ledger = IdeaLedger(entries, "maximize")
        text = "\n".join([*ledger.best_lines(), *ledger.idea_lines(100_000)])
        compared = [idea for idea in ideas(entries, "maximize") if idea.gain is not None]
        better = [idea for idea in compared if idea.helped]
        if len({each.plan for each in entries}) == len(entries):
            assert text.count("better by") == len(better), text
