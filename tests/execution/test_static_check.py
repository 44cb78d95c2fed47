"""What is rejected before it runs, and above all what is not."""

from __future__ import annotations

import pytest

from core.execution.static_check import reasons_to_reject

REJECTED = {
    'import pandas as pd\npd.read_csv("/home/data/train.csv")': "line 2: uses the absolute path '/home/data/train.csv'",
    'open("/private/answers.csv")': "line 1: uses the absolute path",
    'open("/home//data/./train.csv")': "line 1: uses the absolute path",
    'ROOT = "/home/data"': "line 1: uses the absolute path",
    'name = "a"\nopen(f"/home/data/{name}.csv")': "line 2: uses the absolute path",
    'open("/home" + "/data/x")': "line 1: uses the absolute path",
    'import os\nos.path.join("/home", "data", "x")': "line 2: uses the absolute path",
    'from pathlib import Path\nPath("/home") / "data" / "x"': "line 2: uses the absolute path",
    'open("/somewhere/runs/ws/views/answers")': "line 1: uses the absolute path",
    'print(open("/home/data/x").read())': "line 1: uses the absolute path",
    'open("../answers.csv")': "line 1: leaves its folder through '../answers.csv'",
    'open("./input/../../answers.csv")': "line 1: leaves its folder",
    'from pathlib import Path\nx = Path("input") / ".." / "x"': "line 2: leaves its folder",
    'import os\nos.listdir("..")': "line 2: leaves its folder",
    "import os\nos.listdir(os.pardir)": "line 2: leaves its folder through os.pardir",
    'import pandas as pd\nx = pd.read_csv("..")': "line 2: leaves its folder",
    "import openai": "line 1: imports openai",
    "import numpy\nfrom anthropic import Anthropic": "line 2: imports anthropic.Anthropic",
    "from langchain_openai.chat_models import ChatOpenAI": "line 1: imports langchain_openai",
    "def f():\n    import litellm": "line 2: imports litellm",
    "import google.generativeai as genai": "line 1: imports google.generativeai",
    'import importlib\nimportlib.import_module("openai")': "line 2: imports openai",
    "from huggingface_hub import InferenceClient": "line 1: imports huggingface_hub.InferenceClient",
    'import requests\nrequests.post("http://localhost:5000/validate")': "line 2: calls the grading server",
    'import os\nos.system("curl -X POST 127.0.0.1:5000/validate -F file=@x")': "line 2: calls the grading server",
    'BASE = "x"\nURL = f"{BASE}" + "/validate"': "line 2: calls the grading server",
    "x = (\n": "line 1: syntax error",
    "x = 1\n  y = 2\n": "line 2: syntax error",
    "x = '\0'": "line 1: ",
}

ACCEPTED = [
    '"""Reads /home/data/train.csv? No: see ../notes and http://localhost:5000/validate."""\nx = 1',
    'def f():\n    "/home/data"\n    return 1',
    "# open('/home/data/x'), import openai, ../input\nx = 1",
    'print("/home/data is not read here")',
    'print("../")',
    'print(f"../{1}")',
    'raise ValueError("no ../x")',
    'x = "wait... or not.."',
    'x = ", ".join(["..", "a"])',
    'sep = ".."',
    'import re\nre.sub(r"\\.\\./", "", "x")',
    'import re\nre.split("../", "x")',
    'x = "/home/database/x"',
    'x = "/homes"',
    'open("./input/train.csv")',
    'open("submission/submission.csv", "w")',
    'import glob\nglob.glob("input/**/*.png")',
    "from google.protobuf import message",
    "import transformers, torch, huggingface_hub",
    "from . import openai",
    "open_ai = 1\nopenai = open_ai",
    'x = 10 / 2\ny = "a" + "b"',
    'x = "/"',
    'x = "openai and anthropic"',
    'label = "validate"',
    'from pathlib import Path\np = Path("input") / "train.csv"',
    'x = "\\d"',
    'port = "localhost:50001"',
    'import os\nw = os.environ["SWARM_WEIGHTS"] + "/resnet.pth"',
]


@pytest.mark.parametrize("program", list(REJECTED))
def test_rejected_with_line_and_reason(program: str) -> None:
    reasons = reasons_to_reject(program, ["/somewhere/runs/"])
    assert any(reason.startswith(REJECTED[program]) for reason in reasons), reasons


@pytest.mark.parametrize("program", ACCEPTED)
def test_no_false_alarm(program: str) -> None:
    assert reasons_to_reject(program, ["/somewhere/runs", "/"]) == ()


def test_reasons_come_by_line_and_once() -> None:
    reasons = reasons_to_reject('x = 1\nopen("../x")\nopen("/private/x")\nimport openai\n')
    assert [reason.split(":")[0] for reason in reasons] == ["line 2", "line 3", "line 4"]


def test_a_program_that_nests_too_deep_is_rejected_and_not_an_error() -> None:
    assert reasons_to_reject("x = " + "(" * 5000 + ")" * 5000)
    assert reasons_to_reject("x = " + "-" * 100_000 + "1")


@pytest.mark.parametrize(
    "line",
    [
        "x = " + "+".join(["1"] * 1500),
        "x = " + "+".join(['"a"'] * 1500),
        "print(" + "+".join(['"a"'] * 1500) + ")",
        "x = a" + ".b" * 1500,
    ],
)
def test_a_program_that_is_nested_deeply_is_rejected_with_its_line(line: str) -> None:
    (reason,) = reasons_to_reject(f"import os\n{line}\n")
    assert reason == "line 2: nested more than 150 levels deep: write it in steps"


def test_a_sum_of_a_hundred_terms_may_run() -> None:
    assert reasons_to_reject("x = " + "+".join(["1"] * 100) + "\n") == ()
