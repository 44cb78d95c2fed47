"""Imports of what is not installed are found before a program runs; what is guarded is the
program's own business.
"""

from __future__ import annotations

import pytest

from agents.answers.absent import absent_packages
from tests.agents.answers import GOOD
from utils.packages import importable


def lines(program: str) -> list[str]:
    return list(absent_packages(program, lambda name: name != "gone"))


@pytest.mark.parametrize(
    "program",
    [
        "import gone",
        "import gone.part as g",
        "from gone import x",
        "from gone.part import x",
        "import os, gone",
    ],
)
def test_an_import_that_cannot_work_is_named_with_its_line(program: str) -> None:
    assert lines(f"import os\n{program}\n") == ["line 2: the package gone is not installed"]


def test_each_package_is_named_once_and_inside_functions_too() -> None:
    assert lines("def f():\n    import gone\nimport gone\n") == [
        "line 2: the package gone is not installed"
    ]


@pytest.mark.parametrize(
    "program",
    [
        "try:\n    import gone\nexcept ImportError:\n    gone = None\n",
        "try:\n    pass\nexcept OSError:\n    import gone\n",
        "if GPU:\n    import gone\n",
        "with suppress(ImportError):\n    import gone\n",
        "from . import gone\n",
        "import sys\nsys.path.append('x')\nimport gone\n",
        "import gone(\n",
        "gone = 1\n",
    ],
)
def test_what_may_work_is_left_alone(program: str) -> None:
    assert lines(program) == []


def test_the_good_program_has_what_it_needs() -> None:
    assert list(absent_packages(GOOD, importable)) == []
