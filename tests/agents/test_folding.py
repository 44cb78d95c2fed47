"""What is shown of a program that is longer than a prompt can show."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Sequence

import pytest

from agents.answers.attempt import Examiner
from agents.answers.self_check import SHOWN
from agents.prompting.folding import SECOND, folded, unused
from agents.prompting.pairs import pair
from agents.prompting.prompt_parts import program_block
from core.records import Answer, Brief, Parent
from tests.agents.answers import GOOD


def function(name: str, lines: int, calls: str = "a") -> str:
    inner = "".join(f"    a += {i}  # a step of {name}\n" for i in range(lines))
    return f'def {name}(a):\n    """Says what {name} is for."""\n{inner}    return {calls}\n\n\n'


WORDS = "WORDS = [\n" + "".join(f'    "word{i}",\n' for i in range(200)) + "]\n"
LONG = (
    "import os\n\n# %% DATA\n"
    + WORDS + function("dead", 30, "deader(a)") + function("deader", 40)
    + "# %% MODEL\n" + function("wide", 300) + function("narrow", 50, "wide(a)")
    + "# %% TRAIN\nvalue = narrow(1)\n"
    + "# %% POSTPROCESS\nprint(value, WORDS)\n"
)  # fmt: skip


def test_what_fits_is_whole() -> None:
    assert folded(LONG, len(LONG)) == LONG
    program = "x = 1  # a line\n" * 2_000
    assert program in program_block(program)


def test_functions_that_nothing_uses_go_before_the_longest() -> None:
    shown = folded(LONG, len(LONG) - 100)
    assert "a step of deader" not in shown
    assert "Says what deader is for" in shown
    assert "a step of dead\n" in shown, "no more goes than has to"
    assert "a step of wide" in shown


def test_then_long_functions_go_and_stay_by_name_and_words_last() -> None:
    shown = folded(LONG, len(LONG) - 3_000)
    assert "a step of wide" not in shown
    assert "a step of narrow" in shown
    assert 'def wide(a):\n    """Says what wide is for."""\n    ...  # 301 unchanged lines' in shown
    assert "word199" in shown
    least = folded(LONG, 0)
    assert "# ... 202 unchanged lines that make WORDS ..." in least
    assert "value = narrow(1)" in least
    ast.parse(least)


def test_no_program_within_the_limit_is_cut_and_no_longer_one_in_the_middle() -> None:
    program = LONG
    for number in range(20):
        program += function(f"more{number}", 80)
    assert len(program) > SHOWN
    shown = program_block(program)
    assert len(shown) <= SHOWN + 20
    assert "characters cut" not in shown
    assert all(f"def more{number}(a)" in shown for number in range(20))


def test_functions_that_nothing_uses_have_names() -> None:
    assert unused(LONG) == ["dead", "deader"]
    assert unused("@keep\ndef kept(): pass\n\ndef used(): pass\n\nused()\n") == []
    assert unused("def broken(:\n") == []


def bundle(first: str, second: str) -> Brief:
    brief = Brief(1, "merge", 1)
    parents = (
        Parent("s0001", first, "trees", 0.8, None),
        Parent("s0002", second, "trees", 0.7, None),
    )
    return dataclasses.replace(brief, parents=parents)


def test_a_merge_cuts_neither_program_in_the_middle() -> None:
    first, second = LONG, LONG.replace("value", "other").replace("WORDS", "TERMS")
    for number in range(20):
        first += function(f"mine{number}", 80)
        second += function(f"theirs{number}", 120)
    shown = pair(bundle(first, second))
    assert shown.second_as == "parts"
    assert len(shown.first) <= SHOWN
    assert len(shown.second) <= SECOND
    assert all(f"def theirs{number}(a)" in shown.second for number in range(20))


def examined(program: str, parents: Sequence[str]) -> tuple[str, ...]:
    brief = Brief(1, "rewrite", 1)
    known = tuple(
        Parent(f"s{place}", text, "trees", 0.5, None) for place, text in enumerate(parents)
    )
    brief = dataclasses.replace(brief, parents=known)
    examiner = Examiner(lambda text: (), lambda digest: False)
    text = f"PLAN: trees\n```python\n{program}```\n"
    return examiner.examine(brief, Answer(text, True), list(parents)).reasons


def longer(characters: int) -> str:
    return GOOD + f"NOTE = '{'x' * (characters - len(GOOD) - 10)}'\n"


def test_an_answer_that_authors_cannot_be_shown_is_refused_at_once() -> None:
    assert len(longer(41_000)) == 41_000
    assert examined(longer(SHOWN), [GOOD]) == ()
    (reason,) = examined(longer(41_000), [GOOD])
    assert reason.startswith("the program has 41,000 characters, 1,000 too many")


@pytest.mark.parametrize(("count", "good"), [(44_000, True), (46_000, False)])
def test_what_was_too_long_before_may_become_shorter(count: int, good: bool) -> None:
    parent = longer(45_000).replace("NOTE", "REMARK")
    assert (examined(longer(count), [parent]) == ()) == good
