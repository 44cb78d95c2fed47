"""Edits are applied where they are meant, once, and verified; a mutation keeps to its locus."""

from __future__ import annotations

import pytest

from agents.answers.edits import (
    Edit,
    EditRefusedError,
    apply_edits,
    differing_loci,
    keep_to_locus,
    only_changed,
    read_edits,
    without_edits,
)
from core.genome import Genome
from tests.agents.answers import EDIT, GOOD, PARENT, fence

LEARNING = "    return HistGradientBoostingClassifier(learning_rate=0.3)"
FASTER = "    return HistGradientBoostingClassifier(learning_rate=0.1)"


def block(
    search: str, replace: str, start: str = "<<<<<<< SEARCH", end: str = ">>>>>>> REPLACE"
) -> str:
    return f"{start}\n{search}\n=======\n{replace}\n{end}\n"


def edited(search: str, replace: str, program: str = PARENT) -> str | EditRefusedError:
    return apply_edits(program, [Edit(search, replace)])


def refusal(search: str, replace: str, program: str = PARENT) -> str:
    result = edited(search, replace, program)
    assert isinstance(result, EditRefusedError)
    return result.reason


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text",
    [
        EDIT,
        f"PLAN: smaller step\n\n{EDIT}\nThat is all.",
        fence(EDIT),
        fence(EDIT, "diff"),
        block(LEARNING, FASTER, "<<<<<<< ORIGINAL", ">>>>>>> UPDATED"),
        block(LEARNING, FASTER, "<<<<<SEARCH", ">>>>>REPLACE"),
        block(LEARNING, FASTER, "<<<<<<< search (solution.py)", ">>>>>>>"),
        block(fence(LEARNING + "\n").rstrip(), fence(FASTER + "\n").rstrip()),
        fence(EDIT.replace(">>>>>>> REPLACE\n", "")),
    ],
    ids=["bare", "prose", "fence", "diff", "original", "short", "named", "fences inside", "no end"],
)
def test_edit_blocks_are_read(text: str) -> None:
    assert read_edits(text) == (Edit(LEARNING, FASTER),)
    assert apply_edits(PARENT, read_edits(text)) == GOOD


def test_several_edits_are_read_in_order_and_taken_out_of_the_answer() -> None:
    text = f"One:\n{block('a', 'b')}Two:\n{block('c', '')}Done."
    assert read_edits(text) == (Edit("a", "b"), Edit("c", ""))
    assert without_edits(text) == "One:\nTwo:\nDone."


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD,
        "x = 1\n=======\ny = 2\n",
        EDIT.split("=======")[0],
        EDIT.replace(">>>>>>> REPLACE\n", ""),
        "<<<<<<< SEARCH",
    ],
    ids=["empty", "program", "heading", "half", "cut off", "start"],
)
def test_an_unfinished_edit_is_none(text: str) -> None:
    assert read_edits(text) == ()


# ---------------------------------------------------------------- applying


def test_edits_apply_one_after_the_other() -> None:
    edits = [
        Edit("model = build()\nmodel.fit(X, y)", "model = build()\nmodel.fit(X.fillna(0), y)"),
        Edit("model.fit(X.fillna(0), y)", "model.fit(X.fillna(-1), y)"),
        Edit('sample = pd.read_csv("./input/sample_submission.csv")\n', ""),
    ]
    result = apply_edits(PARENT.replace("sample[", "test[").replace("sample.to", "test.to"), edits)
    assert isinstance(result, str)
    assert "fillna(-1)" in result
    assert "sample_submission" not in result


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        (LEARNING.strip(), FASTER.strip()),
        ("\n" + LEARNING + "\n\n", FASTER),
        (LEARNING + "   ", FASTER),
        (LEARNING.replace("    ", "\t"), FASTER.replace("    ", "\t")),
        ("def build():\n" + LEARNING.strip(), "def build():\n" + FASTER),
        (LEARNING.replace("=0.3", " = 0.3"), FASTER),
        (LEARNING.replace("Classifier", "Clasifier"), FASTER),
    ],
    ids=["no indent", "blank lines", "trailing", "tab", "flat", "spaces", "typing error"],
)
def test_drift_of_spaces_and_small_errors_are_forgiven(search: str, replace: str) -> None:
    assert edited(search, replace) == GOOD


def test_the_new_text_moves_with_the_place_that_was_found() -> None:
    program = "if a:\n    for x in b:\n        c = x\n        d = x\n"
    assert edited("c = x\nd = x", "c = 2\nif c:\n    d = 3", program) == (
        "if a:\n    for x in b:\n        c = 2\n        if c:\n            d = 3\n"
    )
    assert edited("            c = x\n            d = x", "            c = 2", program) == (
        "if a:\n    for x in b:\n        c = 2\n"
    )


def test_a_part_of_one_line_is_enough() -> None:
    assert edited("learning_rate=0.3", "learning_rate=0.1") == GOOD


def test_an_edit_needs_exactly_one_place() -> None:
    assert "stands at 2 places" in refusal("x = 1", "x = 2", "x = 1\ny = 2\nx = 1\n")
    assert "is not in the program" in refusal("net = build_network(depth=12, width=256)", "x = 2")
    assert "is not in the program" in refusal("pd", "np")
    near = "total_a = compute(alpha, 1)\nprint(1)\nprint(2)\ntotal_b = compute(alpha, 1)\n"
    assert "is not in the program" in refusal("total_c = compute(alpha, 1)", "x = 2", near)
    assert "empty" in refusal("\n", "x = 2")


def test_an_edit_that_does_nothing_or_breaks_the_program_is_refused() -> None:
    assert refusal(LEARNING, LEARNING) == "the edits change nothing"
    assert refusal(LEARNING, f"    # faster\n{LEARNING}") == "the edits change nothing"
    assert "syntax error" in refusal(LEARNING, "    return (")
    assert refusal("model = build()", "model = (").startswith("after the edits, line ")


def test_all_edits_or_none() -> None:
    result = apply_edits(PARENT, [Edit(LEARNING, FASTER), Edit("no such line in it at all", "x")])
    assert isinstance(result, EditRefusedError)
    assert result.reason.startswith("edit 2 of 2: ")


# ---------------------------------------------------------------- only this locus

ALSO_TRAIN = GOOD.replace("model.fit(X, y)", "model.fit(X.fillna(0), y)")


def yes(program: str) -> bool:
    return True


def test_a_change_of_the_asked_locus_is_kept() -> None:
    assert keep_to_locus(PARENT, GOOD, "MODEL", yes) == (GOOD, "MODEL")


def test_new_imports_belong_to_any_locus() -> None:
    program = GOOD.replace("import numpy as np\n", "import numpy as np\nimport time\n")
    assert keep_to_locus(PARENT, program, "MODEL", yes) == (program, "MODEL")


def test_only_the_asked_locus_is_taken_when_more_changed() -> None:
    assert keep_to_locus(PARENT, ALSO_TRAIN, "MODEL", yes) == (GOOD, "MODEL")


def test_imports_come_with_the_locus_that_is_taken() -> None:
    program = "import math\nSCALE = 3\n" + ALSO_TRAIN
    narrow, locus = keep_to_locus(PARENT, program, "MODEL", yes)
    assert locus == "MODEL"
    assert narrow == GOOD.replace("\n# %% DATA", "\nimport math\n# %% DATA", 1)


def test_a_change_that_needs_its_other_parts_stays_whole_and_counts_for_no_locus() -> None:
    assert keep_to_locus(PARENT, ALSO_TRAIN, "MODEL", lambda program: False) == (ALSO_TRAIN, None)


def test_a_change_of_one_other_locus_counts_for_that_one() -> None:
    assert keep_to_locus(PARENT, GOOD, "TRAIN", yes) == (GOOD, "MODEL")


def test_comments_and_blank_lines_are_no_change() -> None:
    commented = PARENT.replace("model = build()", "# fit it\n\nmodel = build()").replace(
        '"""Gradient', '"""A gradient'
    )
    assert differing_loci(Genome.parse(PARENT), Genome.parse(commented)) == frozenset()


def test_a_preamble_that_is_nested_deeply_is_compared_by_its_text() -> None:
    deep = "x = " + "+".join(["1"] * 1500) + "\n"
    assert only_changed(f"{deep}{PARENT}", f"import os\n{deep}{PARENT}") is None
    assert only_changed(f"{deep}{PARENT}", f"{deep}{PARENT}") is None
