"""What reads texts and files from outside raises nothing but what it says, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from agents.answers.answer import read_answer
from agents.answers.edits import Edit, EditRefusedError, apply_edits, only_changed, read_edits
from agents.prompting.description import cut_description
from core.execution.static_check import reasons_to_reject
from core.genome import normalised_digest
from core.judging.samples import load_sample
from core.judging.submission import check_bytes
from core.llm.causes import from_status, retry_after
from core.llm.loose_json import read_json
from core.records import TableFile
from core.task.metric.text import recognise
from tests.judging.arena import make_spec
from utils.untrusted import one_line

PIECES = [
    "import os\n", "# %% DATA\n", "# %% MODEL\n", "x = ", "1", "+", "(", ")", "[", "]", "{", "}", '"', "'", "\\", "\n",
    " ", "\t", "\x00", "\x1b[", "\ud800", "\u202e", "```", "```python\n", "<think>", "</think>", "&#", "99999999999",
    "<h1>", "</h1>", "<!--", "-->", "![", "](", "$$", "# ", "Evaluation\n", "metric: ", "accuracy", ",", ":", "null",
    "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "submission", "lambda: ", "if a:\n", "id,target\n", "a,0\n",
    "\r", ";", "1e999", "-", "NaN", "\ufeff", "+1" * 1500, "[" * 1500, '{"a":' * 1500, "-" * 1500,
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
BOUNDED = settings(max_examples=150, deadline=None, database=None)
PROGRAM = "import os\n# %% DATA\nx = 1\n# %% MODEL\ny = 2\n"


@seed(1)
@BOUNDED
@given(TEXTS)
def test_answers_and_the_check_of_their_programs(text: str) -> None:
    reading = read_answer(f"Plan: x\n```python\n{text}\n```", (PROGRAM,))
    for program in (reading.program, text):
        assert all(isinstance(reason, str) for reason in reasons_to_reject(program))
    normalised_digest(reading.program)
    only_changed(PROGRAM, reading.program)


@seed(2)
@BOUNDED
@given(TEXTS, TEXTS)
def test_edits(search: str, replace: str) -> None:
    reading = read_answer(f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
    edits = (*reading.edits, *read_edits(search), Edit("x = 1", reading.program))
    for edit in edits:
        assert isinstance(apply_edits(PROGRAM, [edit]), str | EditRefusedError)


@seed(3)
@BOUNDED
@given(TEXTS)
def test_json(text: str) -> None:
    message = ""
    try:
        value = read_json(text, {"type": "object"})
    except ValueError as error:
        message = str(error)
    else:
        assert isinstance(value, dict)
    assert "\n" not in message


@seed(4)
@BOUNDED
@given(TEXTS, st.integers(300, 599))
def test_errors_of_endpoints(text: str, status: int) -> None:
    for body in (text, {"error": text}, {"error": {"message": text}}):
        message = from_status(status, body, {"location": text}).message
        assert not any(char < " " or char in "\x1b\u202e" for char in message)
    retry_after({"retry-after": text, "date": text})


@seed(5)
@BOUNDED
@given(TEXTS)
def test_descriptions_and_lines_of_a_preview(text: str) -> None:
    for whole in (text, f"# Evaluation\n{text}"):
        recognise(whole)
        assert not set(cut_description(whole, 500)) & set("\x00\x1b\u202e")
    assert not set(one_line(text, 40)) & set("\x00\x1b\u202e\n")


@seed(6)
@BOUNDED
@given(TEXTS)
def test_submissions(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder: Path = tmp_path_factory.getbasetemp()
    (folder / "sample.csv").write_text("id,target\na,0\nb,0\n")
    sample = load_sample(folder, TableFile("sample.csv"), ("id",))
    for content in (text, f"id,target\n{text}", f"id,target\na,{text}\nb,0\n"):
        found = check_bytes(content.encode(errors="replace"), sample, make_spec("rmse"))
        assert (found.values is None) == bool(found.reasons)
        assert all(one_line(reason, 2_000) == reason.strip() for reason in found.reasons)
