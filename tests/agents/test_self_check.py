"""What is not worth running is found before it costs an execution; what is worth running is never
held back.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.answers import imports
from agents.answers.imports import with_imports
from agents.answers.names import undefined_names
from agents.answers.self_check import reasons_against
from core.execution.static_check import reasons_to_reject
from core.genome import normalised_digest
from tests.agents.answers import GOOD

ROOT = Path(__file__).resolve().parents[2]


def reasons(program: str) -> tuple[str, ...]:
    return reasons_against(program, reasons_to_reject)


def test_a_good_program_passes() -> None:
    assert reasons(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "to", "reason"),
    [
        ("def build():", "def build(:", "line 13: syntax error"),
        ("model.fit(X, y)", "return model", "'return' outside function"),
        (
            "model.fit(X, y)",
            "model.fit(X, target)",
            "line 18: the name target is never defined or imported",
        ),
        ("import numpy as np\n", "", "the name np is never defined"),
        ("# %% TRAIN\n", "", "sections are missing: # %% TRAIN"),
        ("./input/", "./data/", "reads nothing from ./input"),
        ("./input/", "", "reads nothing from ./input"),
        ("./submission/submission.csv", "submission.csv", "into the wrong folder"),
        ("./submission/submission.csv", "./working/submission.csv", "into the wrong folder"),
        ("./submission/submission.csv", "./result.csv", "never writes ./submission/submission.csv"),
        ("sample.to_csv", "print", "never writes ./submission/submission.csv"),
        ("model.fit(X, y)", "model.fit(X, y)  # ... rest of the code", "leaves code out"),
        ("model.fit(X, y)", "# ... existing code ...", "leaves code out"),
        ("model.fit(X, y)", "# your code here", "leaves code out"),
        (
            "import numpy as np\n",
            "import numpy as np, openai\n",
            "language model clients are not allowed",
        ),
        ("./input/train.csv", "/home/data/input/train.csv", "uses the absolute path"),
        (
            "model.fit(X, y)",
            "model.fit(X, y)\ndef main():\n    pass\n",
            "main() is defined and never called",
        ),
        ("model.fit(X, y)", "x = '\x00'", "null bytes"),
    ],
)
def test_each_fault_has_its_reason(change: str, to: str, reason: str) -> None:
    assert change in GOOD
    assert any(reason in found for found in reasons(GOOD.replace(change, to))), reasons(
        GOOD.replace(change, to)
    )


@pytest.mark.parametrize(
    ("wrong", "hint"), [("x", " (is it X?)"), ("tarin", " (is it train?)"), ("zzz", "")]
)
def test_a_name_that_is_misspelt_comes_with_the_right_one(wrong: str, hint: str) -> None:
    (line,) = reasons(GOOD.replace("model.fit(X, y)", f"model.fit({wrong}, y)"))
    assert line.endswith(f"the name {wrong} is never defined or imported{hint}")


def test_lesson_27_a_copy_is_not_worth_running() -> None:
    copied = GOOD.replace("# %% MODEL", "# %% MODEL\n# now better")
    assert reasons_against(copied, reasons_to_reject, {normalised_digest(GOOD)}) == (
        "the program does the same as its parent or an earlier program",
    )


@pytest.mark.parametrize(
    "path",
    [
        'Path("submission") / "submission.csv"',
        'os.path.join("submission", "submission.csv")',
        'f"submission/{name}.csv"',
        '"submission/submission.csv"',
    ],
)
def test_paths_may_be_written_in_many_ways(path: str) -> None:
    program = GOOD.replace('"./submission/submission.csv"', path).replace(
        '"./input/train.csv"', 'Path("input", "t.csv")'
    )
    header = "import os\nfrom pathlib import Path\nname = 'submission'\n"
    assert reasons(header + program) == ()


# ---------------------------------------------------------------- names


NO_FAULT = {
    "comprehensions": """
a = [x for x in range(3) if x]
b = {k: v for k, v in zip(a, a)}
c = {y for y in (z for z in a)}
""",
    "nested comprehension in a class": """
class A:
    n = 3
    m = [n for n in range(n)]
""",
    "class scope": """
class A:
    x = 1
    y = x + 1
    def f(self):
        return self.x, __class__, super()
""",
    "except as": """
try:
    pass
except ValueError as error:
    print(error)
""",
    "walrus": """
if (n := 3) > 2:
    print(n)
print([last := i for i in range(3)], last)
""",
    "match": """
p = (1, 2)
match p:
    case (x, y):
        print(x, y)
    case {'a': q, **rest}:
        print(q, rest)
    case [*more] as every:
        print(more, every)
""",
    "global": """
def f():
    global COUNT
    COUNT = 1
f()
print(COUNT)
""",
    "nonlocal": """
def f():
    n = 0
    def g():
        nonlocal n
        n += 1
    g()
    return n
f()
""",
    "later at the top": """
def f():
    return LATER
LATER = 1
f()
""",
    "conditional": """
if True:
    import os as system
else:
    system = None
print(system)
""",
    "loop and with": """
for i, (a, *b) in []:
    pass
with open('x') as f, open('y') as (g, h):
    print(f, g, h, i, a, b)
""",
    "lambda and defaults": """
k = 2
f = lambda a, *b, c=k, **d: (a, b, c, d)
f(1)
""",
    "decorator and annotation": """
import functools
@functools.cache
def f(x: int = 1) -> 'Undefined':
    return x
f()
""",
    "star import": """
from math import *
print(sqrt(2))
""",
    "globals": """
globals()['made'] = 1
print(made)
""",
    "exec": """
exec('made = 1')
print(made)
""",
    "locals": """
if 'made' in locals():
    print(made)
""",
    "NameError caught": """
try:
    display
except NameError:
    display = print
display(1)
""",
    "notebook guard": """
try:
    get_ipython().run_line_magic('time', '')
except Exception:
    pass
""",
    "bare guard": """
try:
    display(1)
except:
    print(2)
""",
    "dunders": """
print(__name__, __file__, __doc__, __builtins__)
if __name__ == '__main__':
    pass
""",
    "module annotations": """
x: int = 1
y: 'Nothing'
print(x, __annotations__)
""",
    "future annotations": """
from __future__ import annotations
def f(x: Whatever) -> Nothing:
    y: Unknown = 1
    return y
f(1)
""",
    "import of a submodule": """
import os.path
import a.b as c
print(os, c)
""",
    "deleted": """
x = 1
del x
x = 2
print(x)
""",
    "star arguments": """
def f(*args, key, **kw):
    return args, key, kw
f(key=1)
""",
    "async": """
async def f():
    async for x in g():
        yield x
async def g():
    yield 1
""",
    "type variables": """
from typing import TypeVar
T = TypeVar('T')
def f(x: T) -> T:
    return x
f(1)
""",
    "augmented": """
n = 0
def f():
    global n
    n += 1
f()
""",
    "class in a function": """
def f():
    base = object
    class A(base):
        pass
    return A
f()
""",
    "builtins": """
print(sorted(map(int, '12')), NotImplementedError, Ellipsis, __import__('os'), exit, quit)
""",
}


@pytest.mark.parametrize("name", NO_FAULT)
def test_a_name_that_is_bound_is_never_reported(name: str) -> None:
    compile(NO_FAULT[name], name, "exec", dont_inherit=True)
    assert undefined_names(NO_FAULT[name]) == ()


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("print(x)\n", [(1, "x")]),
        ("def f():\n    return np.mean([1])\nf()\n", [(2, "np")]),
        ("a = [b for c in range(3)]\n", [(1, "b")]),
        ("for i in range(3):\n    total = totals + i\n", [(2, "totals")]),
        ("class A(Base):\n    pass\n", [(1, "Base")]),
        ("def f(x):\n    return x\nprint(x)\n", [(3, "x")]),
        ("f = lambda: g(1)\nprint(g)\n", [(1, "g")]),
        ("try:\n    a()\nexcept ValueError:\n    pass\n", [(2, "a")]),
        ("try:\n    pass\nexcept Missing:\n    pass\n", [(3, "Missing")]),
        ("@cached\ndef f(x: Kind):\n    pass\n", [(1, "cached"), (2, "Kind")]),
        ("x = 1\nprint(f'{x} {y!r}')\n", [(2, "y")]),
        ("def f(:\n", []),
    ],
)
def test_a_name_that_is_bound_nowhere_is_reported_with_its_line(
    program: str, found: list[tuple[int, str]]
) -> None:
    assert list(undefined_names(program)) == found


# ---------------------------------------------------------------- imports that were forgotten


def test_forgotten_imports_are_added_above_the_first_statement() -> None:
    bare = GOOD.replace("import numpy as np\nimport pandas as pd\n", "")
    assert with_imports(bare) == GOOD.replace(
        "numpy as np\nimport pandas as pd", "pandas as pd\nimport numpy as np"
    )
    header = '#!/usr/bin/env python\n"""Text."""\nfrom __future__ import annotations\n'
    added = "from pathlib import Path\nimport os\n"
    assert (
        with_imports(f"{header}# %% DATA\nPath(os.curdir)\n")
        == f"{header}{added}# %% DATA\nPath(os.curdir)\n"
    )


def test_nothing_is_added_to_a_program_that_needs_nothing() -> None:
    for program in (
        GOOD,
        "np = 1\nprint(np)\n",
        "print(own_name)\n",
        "def f(:\n",
        "from numpy import *\nprint(np)\n",
    ):
        assert with_imports(program) == program


def test_every_line_that_can_be_added_binds_its_name() -> None:
    for name, line in imports._lines().items():
        assert undefined_names(f"{line}\n{name}\n") == ()


def test_no_module_of_this_project_is_reported() -> None:
    """Thousands of lines that are known to be right."""
    for path in (
        path
        for folder in ("utils", "agents", "core/execution")
        for path in (ROOT / folder).rglob("*.py")
    ):
        if "fragments" not in path.parts and "programs" not in path.parts:
            assert undefined_names(path.read_text(encoding="utf-8")) == (), path


def test_the_standard_library_is_not_reported() -> None:
    for name in ("argparse", "dataclasses", "inspect", "enum"):
        module = __import__(name)
        assert undefined_names(Path(module.__file__).read_text(encoding="utf-8")) == (), name
