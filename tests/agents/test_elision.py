"""What of a program is shown: never less than the brief needs."""

from __future__ import annotations

import ast

import pytest

from agents.answers.edits import Edit, apply_edits
from agents.prompting.elision import (
    PAIR,
    ROOM,
    around_fault,
    elided,
    without_helpers,
    without_reading,
)
from agents.prompting.pairs import ShownPair, differing, pair
from agents.prompting.partner import condensed
from agents.recipes.proposer import RecipesProposer
from core.genome import LOCI, Genome
from core.records import Brief, CompetitionSpec, ErrorInfo, Parent


def statements(name: str, count: int) -> str:
    return "".join(f"{name}{i} = {name}_of({i})  # a line of some length\n" for i in range(count))


def function(name: str, calls: str = "") -> str:
    lines = "".join(f"    a += {i}\n" for i in range(12))
    return f'def {name}(a):\n    """Says."""\n{lines}    return a{calls}\n\n\n'


PROGRAM = (
    "import os\n\n"
    "# %% DATA\n" + function("read") + "table = read(1)\n" + statements("column", 40)
    + "# %% MODEL\n" + function("build") + function("inner") + function("outer", " + inner(a)")
    + "# %% TRAIN\n" + "model = build(2)\nfor i in range(3):\n" + "    print(i)\n" * 9
    + "# %% POSTPROCESS\n" + "write(model, column3)\n"
)  # fmt: skip


def test_a_program_that_fits_is_shown_whole() -> None:
    assert elided(PROGRAM, ("MODEL",), len(PROGRAM)) == PROGRAM
    assert elided("def f(:\n" * 2000, ("MODEL",)) == "def f(:\n" * 2000


def test_reading_goes_first_and_what_it_makes_is_named() -> None:
    shown = elided(PROGRAM, ("MODEL",), len(PROGRAM) - 100)
    assert "# ... 41 unchanged lines that make column3, table," in shown
    assert "column7 =" not in shown
    assert Genome.parse(shown).gene("MODEL") == Genome.parse(PROGRAM).gene("MODEL")
    assert shown.count("print(i)") == 9, "no more goes than has to"


def test_the_part_that_a_brief_is_about_stays_whole_at_any_room() -> None:
    for locus in LOCI:
        shown = elided(PROGRAM, (locus,), 0)
        assert Genome.parse(shown).gene(locus) == Genome.parse(PROGRAM).gene(locus)
        assert len(shown) < len(PROGRAM)
    assert elided(PROGRAM, (None, *LOCI), 0) == PROGRAM


def called(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names.add(node.func.id)
    return names


@pytest.mark.parametrize("locus", LOCI)
@pytest.mark.parametrize("room", [0, 1500, 2500, ROOM])
def test_no_function_goes_that_the_shown_rest_calls(locus: str, room: int) -> None:
    shown = elided(PROGRAM, (locus,), room)  # type: ignore[arg-type]
    hidden = {
        node.name
        for node in ast.parse(shown).body
        if isinstance(node, ast.FunctionDef)
        and "unchanged lines" in ast.get_source_segment(shown, node)  # type: ignore[operator]
    }
    assert not hidden & called(shown)


def test_functions_that_only_hidden_ones_use_go_with_them() -> None:
    shown = elided(PROGRAM, ("TRAIN",), 0)
    assert function("build") in shown
    assert function("outer", " + inner(a)") not in shown
    assert function("inner") not in shown
    assert shown.count('    """Says."""\n    ...  # 13 unchanged lines ...') == 2


def test_functions_that_serve_data_alone_go_with_it_and_others_stay() -> None:
    data = "".join(
        function(f"feature{i}") + f"column{i} = feature{i}({i}) + mend({i})\n" for i in range(9)
    )
    program = PROGRAM.replace("# %% MODEL", function("mend") + data + function("fold", " + ratio(a)")
        + function("ratio") + "# %% MODEL").replace("model = build(2)", "model = build(fold(2))")  # fmt: skip
    shown = elided(program, ("MODEL",), len(program) // 2)
    assert "feature3" not in shown
    assert "that make column3, table, column0" in shown
    assert function("fold", " + ratio(a)").strip() in shown
    assert function("ratio").strip() in shown, "fold calls it"
    assert function("mend").strip() not in shown
    assert Genome.parse(shown).gene("MODEL") == Genome.parse(program).gene("MODEL")
    ast.parse(shown)


def recipe(spec: CompetitionSpec) -> str:
    return RecipesProposer(spec, frozenset()).propose(Brief(0, "draft", 0)).program


def test_a_recipe_loses_its_helpers_and_nothing_else(binary: CompetitionSpec) -> None:
    program = recipe(binary)
    shown = without_helpers(program)
    assert "def fit_predict(" in program
    assert (
        "# helpers, not shown: read(path, delimiter=',', encoding='utf-8'), fit_predict(" in shown
    )
    assert "def fit_predict(" not in shown
    assert len(shown) < 0.8 * len(program)
    for locus in LOCI:
        assert Genome.parse(shown).gene(locus) == Genome.parse(program).gene(locus)
    assert set(shown.splitlines()) - set(program.splitlines()) == {
        line for line in shown.splitlines() if line.startswith("# helpers, not shown")
    }
    assert without_helpers(PROGRAM) == PROGRAM
    inside = 'File "solution.py", line 41, in fit_predict\n    model = build_model(seed)'
    assert without_helpers(program, inside) == program
    assert without_helpers(program, inside.replace("fit_predict", "<module>")) == shown


def merge(first: str, second: str) -> Brief:
    parents = (Parent("s1", first, "one", 0.5, None), Parent("s2", second, "two", 0.4, None))
    return Brief(3, "merge", 0, parents)


def test_both_programs_of_a_merge_are_whole_where_they_fit() -> None:
    other = PROGRAM.replace("build(2)", "build(5)")
    assert 2 * len(PROGRAM) < PAIR
    assert pair(merge(PROGRAM, other)) == ShownPair(PROGRAM, other, "whole")


LONG = PROGRAM.replace("# %% MODEL", statements("more", 200) + "# %% MODEL")


def test_of_a_long_relative_what_differs_is_shown_and_of_the_first_what_both_have_may_go() -> None:
    other = LONG.replace("build(2)", "build(5)")
    shown = pair(merge(LONG, other))
    assert shown.second_as == "difference"
    for locus in ("MODEL", "TRAIN", "POSTPROCESS"):
        assert Genome.parse(shown.first).gene(locus) == Genome.parse(LONG).gene(locus)
    assert "more7 =" not in shown.first
    changes = [line for line in shown.second.splitlines() if line[0] in "+-"]
    assert changes == ["-model = build(2)", "+model = build(5)"]
    assert len(shown.second) < 300


def test_of_long_strangers_the_parts_that_differ_are_whole() -> None:
    train = "# %% TRAIN\n" + statements("other", 400)
    other = LONG[: LONG.index("# %% TRAIN")] + train + LONG[LONG.index("# %% POSTPROCESS") :]
    assert differing(LONG, other) == ["TRAIN"]
    shown = pair(merge(LONG, other))
    assert shown.second_as == "parts"
    assert shown.second.splitlines() == [line.partition("  #")[0] for line in train.splitlines()]
    assert Genome.parse(shown.first).gene("TRAIN") == Genome.parse(LONG).gene("TRAIN")
    assert "more7 =" not in shown.first
    assert differing(LONG, "x = 1\n") == [None, *LOCI]


# ---------------------------------------------------------------- any part may change

READING = """train = pd.read_csv("input/train.csv").dropna(subset=["y"])
test = pd.read_csv("input/test.csv")
test = sample[["id"]].merge(test.drop_duplicates("id"), on="id", how="left")

# whole numbers
train["day"] = train["day"].astype(int)
"""
FEATURES = "top = train.rolling(48).max().to_numpy()\nLAGS = 3  # tune: 2, 4\n"
FREE = PROGRAM.replace("# %% DATA\n", f"# %% DATA\n{READING}{FEATURES}")


def test_who_may_change_any_part_sees_all_but_reading_and_cleaning() -> None:
    shown = without_reading(FREE, 0)
    note = "# ... 6 unchanged lines that make train, test ..."
    assert shown == FREE.replace(READING, f"{note}\n")
    assert without_reading(FREE, len(FREE)) == FREE
    assert without_reading("def f(:\n", 0) == "def f(:\n"


def test_edits_of_lines_that_are_shown_apply_to_the_whole_program() -> None:
    shown = without_reading(FREE, 0)
    search = "\n".join(line for line in shown.splitlines() if line.startswith(("top", "LAGS")))
    changed = apply_edits(FREE, [Edit(search, "top = train.rolling(24).max().to_numpy()")])
    assert changed == FREE.replace(FEATURES, "top = train.rolling(24).max().to_numpy()\n")


# ---------------------------------------------------------------- around a fault

FAULTY = (
    "import os\n\n"
    "# %% DATA\n" + function("read") + statements("column", 40) + "both = read(1)\nboth['heat'] = 2\n"
    "cold = both['temp']\n" + statements("more", 9)
    + "# %% MODEL\n" + function("build") + function("inner") + function("outer", " + inner(a)")
    + "# %% TRAIN\n" + "model = build(column3)\nprint(model, 'temp')\n" + statements("score", 20)
    + "# %% POSTPROCESS\n" + "write(model, column3)\n"
)  # fmt: skip


def fault(program: str, *lines: str, message: str = "'temp'") -> ErrorInfo:
    """That went through these lines of a program."""
    numbers = [program.splitlines().index(line) + 1 for line in lines]
    frames = "".join(
        f'  File "/srv/ws/solution.py", line {number}, in <module>\n' for number in numbers
    )
    return ErrorInfo("KeyError", message, f"Traceback\n{frames}KeyError: {message}")


def test_a_repair_sees_the_fault_what_made_it_and_where_else_it_may_be() -> None:
    shown = around_fault(FAULTY, fault(FAULTY, "cold = both['temp']"), 0)
    kept = "both = read(1)\nboth['heat'] = 2\ncold = both['temp']\n"
    assert kept in shown
    assert "print(model, 'temp')" in shown, "the message names it"
    assert shown.startswith("import os\n")
    assert "column7 =" not in shown
    assert "score7 =" not in shown
    assert "# ... 40 unchanged lines that make column3, " in shown
    for name in ("read", "build", "inner", "outer"):
        assert f'def {name}(a):\n    """Says."""\n    ...  # 13 unchanged lines ...' in shown
    ast.parse(shown)
    assert len(shown) < 0.4 * len(FAULTY)


def test_a_function_that_failed_is_whole_and_as_little_goes_as_has_to() -> None:
    error = fault(FAULTY, "model = build(column3)", "    a += 7")
    # The line stands in the first function of the program.
    shown = around_fault(FAULTY, error, 0)
    assert function("read").strip() in shown
    assert function("build").strip() not in shown
    assert "model = build(column3)" in shown
    assert "column3 = column_of(3)" in shown, "the failed line uses it"
    assert "column4 = " not in shown
    roomy = around_fault(FAULTY, error, len(FAULTY) - 100)
    assert function("build").strip() in roomy
    assert "column4 = " not in roomy


@pytest.mark.parametrize("line", ["cold = both['temp']", "model = build(column3)", "    a += 3"])
@pytest.mark.parametrize("room", [0, 1500, 2500])
def test_every_line_that_a_repair_is_shown_can_be_found_in_the_program(
    line: str, room: int
) -> None:
    lines = iter(FAULTY.splitlines())
    for seen in around_fault(FAULTY, fault(FAULTY, line), room).splitlines():
        if "unchanged lines" not in seen:
            assert seen in lines, "in this order"


def test_where_an_import_failed_whatever_uses_it_stays() -> None:
    program = FAULTY.replace("import os\n", "import fastboost as fb\n").replace(
        "more3 =", "fb.seed ="
    )
    error = fault(program, "import fastboost as fb", message="No module named 'fastboost'")
    shown = around_fault(program, error, 0)
    assert "fb.seed = more_of(3)" in shown
    assert "more4 =" not in shown


def test_a_fault_without_a_line_of_the_program_leaves_it_whole() -> None:
    assert around_fault(FAULTY, ErrorInfo("ValueError", "odd", "Traceback ..."), 0) == FAULTY


# ---------------------------------------------------------------- the partner of a merge

PARTNER = """import numpy as np

# %% DATA
train = pd.read_csv("input/train.csv").dropna(subset=["y"])
test = pd.read_csv("input/test.csv")
lags = {k: [row.shift(k) for row in test] for k in (1,
                                                      2)}  # a comment

# %% MODEL
def build(x):
    "Says."
    # why
    print("built", x)


# %% TRAIN
if lags:
    model = build(3)
    print(model, score(model))
"""


def test_a_partner_is_shown_without_what_only_says_something_or_stands_in_the_first() -> None:
    shown = condensed(PARTNER, f"{READING}x = 1\n")
    assert shown == (
        "import numpy as np\n# %% DATA\n# as in the first program: train, test\n"
        "lags = {k: [row.shift(k) for row in test] for k in (1, 2)}\n"
        "# %% MODEL\ndef build(x):\n    pass\n# %% TRAIN\nif lags:\n    model = build(3)\n"
    )
    assert condensed("def f(:\n", READING) == "def f(:\n"


def test_of_two_long_families_reading_goes_and_no_function() -> None:
    first = FREE.replace("# %% MODEL", statements("extra", 150) + "# %% MODEL")
    other = "".join(
        f"# %% {part}\n{READING if part == 'DATA' else ''}{statements(part.lower(), 60)}"
        for part in LOCI
    )
    shown = pair(merge(first, other + function("last")))
    assert shown.second_as == "parts"
    assert READING not in shown.first
    assert "extra7 = extra_of(7)" in shown.first, "features stay: the parts differ"
    for name in ("read", "build", "inner", "outer"):
        assert f"def {name}(a):" in shown.first
    assert "# as in the first program: train, test" in shown.second
    assert "read_csv" not in shown.second
    assert "def last(a):\n    a += 0" in shown.second
