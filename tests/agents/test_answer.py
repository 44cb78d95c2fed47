"""Whatever form an answer takes, the program in it is found. The odd ones were seen from real
models (lesson D).
"""

from __future__ import annotations

import ast
import json
import textwrap

import pytest

from agents.answers.answer import PLAN_CHARS, WHY_CHARS, one_line, read_answer, without_thinking
from core.genome import Genome
from tests.agents.answers import EDIT, GOOD, PARENT, PLAN, fence

LINES = GOOD.splitlines(keepends=True)
OTHER = GOOD.replace("HistGradientBoostingClassifier", "RandomForestClassifier").replace(
    "learning_rate=0.1", ""
)
NO_MARKERS = "".join(line for line in LINES if not line.startswith("# %%"))
EXAMPLE = "import pandas as pd\nframe = pd.DataFrame()\nprint(frame.describe())\n"
FENCE_INSIDE = GOOD.replace("# %% MODEL", 'HELP = """\n```python\nprint(1)\n```\n"""\n# %% MODEL')
BARE_FENCE_INSIDE = GOOD.replace(
    "# %% MODEL", 'HELP = """\n```\nhow to use it\n```\n"""\n# %% MODEL'
)
PER_LOCUS = "\n".join(
    f"### {block.locus or 'Imports'}\n{fence(block.text)}" for block in Genome.parse(GOOD).blocks
)
SPACED = GOOD.replace("    return", "\u00a0\u00a0\u00a0 return").replace(" = ", "\u00a0=\u00a0")
TABBED = GOOD.replace("    return", "\treturn").replace(
    "def build():", "def build():\n        # a comment"
)


def same(program: str, wanted: str) -> bool:
    return ast.dump(ast.parse(program)) == ast.dump(ast.parse(wanted))


ODD = {
    "plain": f"{PLAN}\n\n{fence(GOOD)}",
    "py": fence(GOOD, "py"),
    "no language": fence(GOOD, ""),
    "Python3 upper case": fence(GOOD, "Python3"),
    "braces around the language": fence(GOOD, "{python}"),
    "a file name after the language": fence(GOOD, "python solution.py"),
    "tildes": f"~~~python\n{GOOD}~~~\n",
    "four backticks": f"````python\n{GOOD}````\n",
    "no fence": GOOD,
    "no fence, prose above": f"Here is the program you asked for.\n\n{GOOD}",
    "no fence, prose around": f"Sure!\n\n{GOOD}\n\nThis program reads the data and trains a model.\n",
    "no fence, an apostrophe below": f"{GOOD}\nThis model doesn't need any scaling, so I left it out.\n",
    "unclosed fence": f"{PLAN}\n```python\n{GOOD}",
    "unclosed fence, prose below": f"```python\n{GOOD}\nThe program above uses boosting because it is strong.\n",
    "fence closed on the last line of code": f"```python\n{GOOD.rstrip()}```",
    "example before": f"First look at the data:\n{fence(EXAMPLE)}\nThen:\n{fence(GOOD)}",
    "example after": f"{fence(GOOD)}\nYou can check it with:\n{fence(EXAMPLE)}",
    "shell before": f"{fence('pip install lightgbm' + chr(10), 'bash')}\n{fence(GOOD)}",
    "output after": f"{fence(GOOD)}\nOutput:\n```\nAUC 0.83\n```\n",
    "corrected below": f"{fence(OTHER)}\nWait, boosting is better:\n{fence(GOOD)}",
    "broken first": f"{fence('import pandas as pd' + chr(10) + 'x = (' + chr(10))}\nAgain:\n{fence(GOOD)}",
    "one fence per locus": PER_LOCUS,
    "inside markdown": f"```markdown\n# Solution\n{fence(GOOD)}```\n",
    "indented in a list": "1. The program:\n" + textwrap.indent(fence(GOOD), "   "),
    "quoted with >": f"> {PLAN}\n\n{fence(GOOD)}",
    "thinking": f"<think>\nLet me try.\n{fence(EXAMPLE)}</think>\n{fence(GOOD)}",
    "thinking with a whole program": f"<think>\nMaybe\n{fence(OTHER)}Hmm.\n</think>\n{fence(GOOD)}",
    "thinking whose start was in the prompt": f"So I use trees.\n{fence(OTHER)}</think>\n\n{fence(GOOD)}",
    "thinking that ends with words": f"I use trees.</think>\n{fence(GOOD)}",
    "thinking by another name": f"<reasoning>{fence(OTHER)}</reasoning>\n{fence(GOOD)}",
    "thinking twice": f"<think>a</think>\n<think>b\n{fence(OTHER)}</think>\n{fence(GOOD)}",
    "thinking never closed, program in it": f"<think>\nI will write it now.\n{fence(GOOD)}",
    "chat tokens": f"<|im_start|>assistant\n{fence(GOOD)}<|im_end|>",
    "Windows line ends": fence(GOOD).replace("\n", "\r\n"),
    "old Mac line ends": fence(GOOD).replace("\n", "\r"),
    "byte order mark": f"\ufeff{GOOD}",
    "byte order mark in the fence": fence(f"\ufeff{GOOD}"),
    "non-breaking spaces": fence(SPACED),
    "tabs": fence(TABBED),
    "typographic quotes": fence(GOOD.replace('"y"', "“y”")),
    "zero-width spaces": fence(GOOD.replace("train = ", "train\u200b = ")),
    "all indented": fence(textwrap.indent(GOOD, "    ")),
    "interpreter prompts": fence(
        "".join(("... " if line[0] == " " else ">>> ") + line for line in LINES)
    ),
    "JSON": json.dumps({"plan": "boosting", "code": GOOD}),
    "JSON in a fence": fence(json.dumps({"plan": "boosting", "program": GOOD}) + "\n", "json"),
    "JSON with raw line ends": json.dumps({"plan": "boosting", "code": GOOD}).replace("\\n", "\n"),
    "markers without a space": fence(GOOD.replace("# %% ", "#%% ")),
    "markers in lower case": fence(
        GOOD.replace("# %% MODEL", "# %% model").replace("# %% DATA", "# %% data:")
    ),
    "markers as headings": fence(
        GOOD.replace("# %% ", "# === ").replace("=== TRAIN", "=== TRAINING ===")
    ),
    "markers numbered": fence(
        GOOD.replace("# %% DATA", "# %% 1. DATA").replace("# %% MODEL", "# %% [MODEL] trees")
    ),
    "post-processing in two words": fence(GOOD.replace("# %% POSTPROCESS", "# %% Post-processing")),
    "no markers": fence(NO_MARKERS),
    "two markers of four": fence(GOOD.replace("# %% MODEL\n", "").replace("# %% TRAIN\n", "")),
}


@pytest.mark.parametrize("name", ODD)
def test_lesson_d_the_program_is_found(name: str) -> None:
    program = read_answer(ODD[name]).program
    assert same(program, GOOD), program
    assert Genome.parse(program).complete


@pytest.mark.parametrize(
    "program", [FENCE_INSIDE, BARE_FENCE_INSIDE], ids=["a fence", "a bare fence"]
)
def test_lesson_d_a_fence_inside_a_string_does_not_end_the_program(program: str) -> None:
    assert same(read_answer(f"{PLAN}\n{fence(program)}\nThat is all.\n").program, program)


def test_notebook_commands_are_taken_out() -> None:
    program = read_answer(fence("!pip install lightgbm\n%matplotlib inline\n" + GOOD)).program
    assert same(program, "pass\npass\n" + GOOD)


def test_an_echo_of_the_prompt_is_not_the_answer() -> None:
    echoed = (
        f"The program was:\n{fence(PARENT)}\nMine:\n{fence(GOOD)}\nInstead of:\n{fence(PARENT)}"
    )
    assert same(read_answer(echoed, [PARENT]).program, GOOD)
    assert same(read_answer(fence(PARENT), [PARENT]).program, PARENT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "I'm sorry, but I can't help with that.",
        "The best approach would be gradient boosting with five folds.",
        "<think>\nI should use boosting. The data has",
        "```\n```",
        "```python\n```",
        "{}",
        '{"code": false, "plan": "0.91"}',
        "NaN",
        "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        "\x00\x01\x02" * 50,
        "```" * 500,
        "(" * 3000,
        "<think>\n" * 20_000,
        "```\n" * 20_000,
        "```python\nx = (\n```\n" * 5_000,
        "<<<<<<< SEARCH\n" * 10_000,
        "\n" * 100_000,
        '{"code": "' * 10_000,
    ],
    ids=range(20),
)
def test_lesson_d_an_answer_without_a_program_gives_none(text: str) -> None:
    written = read_answer(text)
    assert written.program == ""
    assert written.edits == ()


def test_lesson_d_an_answer_may_end_anywhere() -> None:
    """Whatever is left of an answer, it is read; a part of the program is never taken for Python
    that it is not.
    """
    whole = f"<think>\nhm\n</think>\n{PLAN}\n{EDIT}\n{fence(GOOD)}\nThat is all.\n"
    for end in range(0, len(whole), 7):
        written = read_answer(whole[:end])
        assert written.program.rstrip("\n") in GOOD or Genome.parse(written.program).complete
    assert written.program == GOOD


def test_a_program_with_a_fault_comes_as_it_stands() -> None:
    broken = GOOD.replace("def build():", "def build(:")
    assert read_answer(f"{PLAN}\n{fence(broken)}").program.strip() == broken.strip()
    half = GOOD[: len(GOOD) * 2 // 3]
    assert read_answer(f"{PLAN}\n```python\n{half}").program.strip() == half.strip()


def test_a_program_is_never_cut_in_its_own_code() -> None:
    broken = GOOD + "\nfor i in range(3)\n    print(i)\n"
    assert read_answer(fence(broken)).program.strip() == broken.strip()


def test_a_long_broken_program_is_preferred_to_a_short_example() -> None:
    broken = GOOD.replace("def build():", "def build(:")
    assert "def build(:" in read_answer(f"{fence(EXAMPLE)}\n{fence(broken)}").program


def test_edits_and_program_are_both_found() -> None:
    written = read_answer(f"{PLAN}\n{EDIT}")
    assert written.program == ""
    assert len(written.edits) == 1
    both = read_answer(f"{PLAN}\n{EDIT}\nThe whole program:\n{fence(GOOD)}")
    assert same(both.program, GOOD)
    assert len(both.edits) == 1


# ---------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        (f"PLAN: boosting on ratios\n{fence(GOOD)}", "boosting on ratios"),
        (f"**Plan:** boosting on ratios\n\n{fence(GOOD)}", "boosting on ratios"),
        (f"`PLAN: boosting on ratios`\n{fence(GOOD)}", "boosting on ratios"),
        (f"## Plan\n\nboosting on ratios\n{fence(GOOD)}", "boosting on ratios"),
        (f"Sure, here you go:\n\nBoosting on ratios.\n{fence(GOOD)}", "Boosting on ratios."),
        (json.dumps({"plan": "boosting on ratios", "code": GOOD}), "boosting on ratios"),
        (fence(GOOD), "Gradient boosting on all columns."),
        (fence("# boosting on ratios\n" + "".join(LINES[1:])), "boosting on ratios"),
        (f"<think>PLAN: no</think>\nPlan: boosting on ratios\n{EDIT}", "boosting on ratios"),
        (
            f"\u8ba1\u5212:\u4f7f\u7528\u68af\u5ea6\u63d0\u5347\n{fence(GOOD)}",
            "Gradient boosting on all columns.",
        ),
        (f"> PLAN: boosting [MODEL: `DEPTH` 4 -> 6]\n{EDIT}", "boosting [MODEL: DEPTH 4 -> 6]"),
        ("", ""),
    ],
)
def test_the_plan_is_one_line_of_english(text: str, plan: str) -> None:
    assert read_answer(text).plan == plan


def test_a_plan_is_cut() -> None:
    assert len(one_line("word " * 100)) <= PLAN_CHARS
    assert one_line("word " * 100).endswith("...")
    assert one_line("two\nlines") == "two lines"


def test_a_plan_is_never_cut_in_the_middle_of_a_method() -> None:
    methods = [f"extra trees on {i} waves of the day (depth {i}, {i} leaves)" for i in range(20)]
    line = one_line(", ".join(methods))
    assert 200 < len(line) <= PLAN_CHARS
    assert line.removesuffix(" ...").split(", extra") == ", ".join(methods[:5]).split(", extra")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            f"{PLAN}\nWHY: the waves of the week are missing\n{EDIT}",
            "the waves of the week are missing",
        ),
        (f"{PLAN}\n**Why:** the *level* drifts\n{fence(GOOD)}", "the level drifts"),
        (f"{PLAN}\nHypothesis: noise hides it\n{EDIT}", "noise hides it"),
        (json.dumps({"plan": "trees", "why": "noise hides it", "code": GOOD}), "noise hides it"),
        (f"<think>WHY: no</think>\n{PLAN}\n{EDIT}", ""),
        (
            f"{PLAN}\n{fence(GOOD.replace('# %% MODEL', '# why: a small step' + chr(10) + '# %% MODEL'))}",
            "",
        ),
        (f"{PLAN}\nWHY: \u4f7f\u7528\u68af\u5ea6\u63d0\u5347\n{EDIT}", ""),
        ("", ""),
    ],
)
def test_the_hypothesis_is_one_line_of_english(text: str, why: str) -> None:
    assert read_answer(text).hypothesis == why


def test_a_hypothesis_is_cut_and_is_no_plan() -> None:
    reading = read_answer(f"WHY: {'long ' * 99}\n{fence(GOOD)}")
    assert 100 < len(reading.hypothesis) <= WHY_CHARS
    assert reading.plan == "Gradient boosting on all columns."


def test_thoughts_inside_a_string_stay() -> None:
    program = GOOD.replace("# %% MODEL", 'TAG = "</think>"\n# %% MODEL')
    assert without_thinking(fence(program)) == fence(program)
