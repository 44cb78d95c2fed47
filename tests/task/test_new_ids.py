"""Which ids give an answer away, and what stands in their place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.task.recognise.new_ids import carries_label, fresh_ids

COUNT = 200
LABELS = [("cat", "dog")[i * 7 % 5 % 2] for i in range(COUNT)]
VALUES = [f"{10 + i * 37 % 101}.5" for i in range(COUNT)]


def told(names: list[str], labels: list[str], official: list[str]) -> bool:
    frame = pd.DataFrame({"target": labels})
    return carries_label(pd.Series(names, dtype=object), frame, pd.Series(official, dtype=object))


@pytest.mark.parametrize("official", ["test_{}", "{}", "cat.{}"])
def test_lesson_05_the_label_as_a_word_of_the_name(official: str) -> None:
    test = [official.format(i) for i in range(50)]
    assert told([f"{label}.{i}.jpg" for i, label in enumerate(LABELS)], LABELS, test)
    assert told([f"x_{i}_{value}" for i, value in enumerate(VALUES)], VALUES, test)


def test_lesson_05_another_word_for_the_label() -> None:
    codes = ["pos/" if label == "cat" else "neg/" for label in LABELS]
    names = [f"{code}{i}" for i, code in enumerate(codes)]
    assert told(names, LABELS, [f"test/{i}" for i in range(50)])


def test_a_prefix_that_test_names_have_too_is_knowledge_and_no_leak() -> None:
    names = [
        ("site_a/" if label == "cat" else "site_b/") + str(i) for i, label in enumerate(LABELS)
    ]
    assert not told(names, LABELS, [f"site_{'ab'[i % 2]}/{i}" for i in range(50)])


@pytest.mark.parametrize("name", ["{}", "img_{:05d}", "1_{}", "{:x}a"])
def test_plain_names_tell_nothing(name: str) -> None:
    names = [name.format(i) for i in range(COUNT)]
    assert not told(names, LABELS, ["t1", "t2"])
    assert not told(names, [str(int(label == "cat")) for label in LABELS], ["t1", "t2"])


def test_one_constant_word_or_label_tells_nothing() -> None:
    assert not told([f"cat_{i}" for i in range(COUNT)], LABELS, ["t1"])
    assert not told([f"cat_{i}" for i in range(COUNT)], ["cat"] * COUNT, ["t1"])


@pytest.mark.parametrize(
    ("official", "taken", "expected"),
    [
        (["7", "9"], ["12"], {"13", "14", "15"}),
        (["t_007.png", "t_011.png"], ["cat.1"], {"t_012.png", "t_013.png", "t_014.png"}),
        (["test/3", "test/4"], ["dog/900"], {"test/5", "test/6", "test/7"}),
        (["some", "words"], ["row_4"], {"row_5", "row_6", "row_7"}),
        ([], [], {"row_1", "row_2", "row_3"}),
    ],
)
def test_new_ids_look_like_the_official_ones(
    official: list[str], taken: list[str], expected: set[str]
) -> None:
    columns = (pd.Series(taken, dtype=object), pd.Series(official, dtype=object))
    assert set(fresh_ids(3, *columns, np.random.default_rng(0))) == expected
