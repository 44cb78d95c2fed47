"""Values that a program declares, read and set."""

from __future__ import annotations

import pytest

from core.evolution.values import (
    MOST_VALUES,
    ValueChange,
    code_around,
    declared_values,
    values_changed,
    with_value,
)
from core.genome import Genome, changed_loci

PROGRAM = """import os
SEED = int(os.environ["SWARM_SEED"])
KEEP: float = 0.9  # tune: 0.8

# %% DATA
LAGS = (1, 7)  # tune: (1, 7, 28), (1,)
NAME = "äöü"; WIDTH = 5
# %% MODEL
RATE = 0.05  # tune: 0.02, 0.1
DEPTH = 6
LOSS = "l2"  # tune: "l1", "huber"
SHIFT = -1  # Tune: 0, 1
# %% TRAIN
def fit():
    INNER = 3  # tune: 4
    return INNER
WAVES = [
    1, 2,
]  # tune: [3]
# %% POSTPROCESS
print(RATE, DEPTH)
"""


def test_constants_with_their_values_and_parts() -> None:
    found = [(one.name, one.value, one.values, one.locus) for one in declared_values(PROGRAM)]
    assert found == [
        ("KEEP", "0.9", ("0.8",), None),
        ("LAGS", "(1, 7)", ("(1, 7, 28)", "(1,)"), "DATA"),
        ("RATE", "0.05", ("0.02", "0.1"), "MODEL"),
        ("LOSS", '"l2"', ("'l1'", "'huber'"), "MODEL"),
        ("SHIFT", "-1", ("0", "1"), "MODEL"),
    ]


@pytest.mark.parametrize("name", ["KEEP", "LAGS", "RATE", "LOSS", "SHIFT"])
def test_a_child_differs_by_the_literal_in_the_one_part_alone(name: str) -> None:
    declared = next(one for one in declared_values(PROGRAM) if one.name == name)
    child = with_value(PROGRAM, declared, declared.values[0])
    assert changed_loci(Genome.parse(PROGRAM), Genome.parse(child)) == {declared.locus}
    before, after = PROGRAM.splitlines(), child.splitlines()
    differing = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    (change,) = differing
    assert change[1] == change[0].replace(declared.value, declared.values[0], 1)


def test_what_differs_by_values_is_named_also_where_a_list_has_nothing_more_to_offer() -> None:
    program = "A = 1  # tune: 2\n# %% MODEL\nB = 3  # tune: 4, 5\n"
    other = program.replace("A = 1", "A = 2").replace("B = 3", "B = 5")
    assert [one.name for one in declared_values(other)] == ["B"]
    assert values_changed(program, other) == [
        ValueChange("A", "1", "2", None),
        ValueChange("B", "3", "5", "MODEL"),
    ]
    assert values_changed(program, program) == []


def test_the_code_around_a_constant_is_its_part_without_such_values() -> None:
    program = "A = 1  # tune: 2\n# %% MODEL\nB = 3  # tune: 40\nC = 1  # tune: 7\n"
    values = program.replace("B = 3", "B = 40").replace("C = 1", "C = 7").replace("A = 1", "A = 2")
    assert code_around(values) == code_around(program)
    code = program.replace("C = 1", "C = 1; D = 2")
    assert code_around(code)["A"] == code_around(program)["A"]
    assert code_around(code)["B"] != code_around(program)["B"]
    assert code_around("def") == {}


def test_bytes_before_the_literal_may_be_any() -> None:
    program = 'A = "ä"; RATE = 0.5  # tune: 0.25\n'
    (declared,) = declared_values(program)
    assert with_value(program, declared, "0.25") == 'A = "ä"; RATE = 0.25  # tune: 0.25\n'


@pytest.mark.parametrize(
    "line",
    [
        "RATE = 0.05",
        "RATE = 0.05  # the rate",
        "RATE = 0.05  # tune:",
        "RATE = 0.05  # tune: 0.05",
        "RATE = 0.05  # tune: about a tenth",
        "RATE = 0.05  # tune: open('x'), rate(2)",
        "RATE = float(1)  # tune: 2.0",
        "A = B = 1  # tune: 2",
        "A, B = 1, 2  # tune: (3, 4)",
        "RATE = = 1  # tune: 2",
    ],
)
def test_what_declares_nothing(line: str) -> None:
    assert declared_values(line + "\n") == []


def test_what_is_no_literal_is_left_out_and_a_wish_is_cut() -> None:
    (declared,) = declared_values("A = 1  # tune: 2, f(3), 2, 4\n")
    assert declared.values == ("2", "4")
    (wish,) = declared_values(f"A = 1  # tune: {', '.join(map(str, range(2, 40)))}\n")
    assert len(wish.values) == MOST_VALUES


@pytest.mark.parametrize(
    "line",
    [
        "A = 1  # tune: " + "-" * 3000 + "1",
        "A = 1  # tune: " + "1+" * 3000 + "1",
        "A = 1  # tune: 0x" + "f" * 4000,
        "A = 0x" + "f" * 4000 + "  # tune: 1, 2",
    ],
)
def test_a_list_that_python_cannot_read_or_write_declares_nothing(line: str) -> None:
    known = declared_values("B = 1  # tune: 2\n")
    assert [one.name for one in known] == ["B"]
    assert declared_values(f"B = 1  # tune: 2\n{line}\n") == known


def test_a_program_that_is_nested_too_deep_declares_nothing() -> None:
    deep = "A = " + "-" * 200_000 + "1\n"
    assert declared_values(f"B = 1  # tune: 2\n{deep}") == []
