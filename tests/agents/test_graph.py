"""One conversation per program: what is asked, how often, and that nobody else hears it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agents.answers.attempt import CUT_OFF, NO_PROGRAM, Attempt, Examiner
from agents.graph import conversation
from core.doubles import ScriptedModel
from core.genome import normalised_digest
from core.records import Answer, Brief
from tests.agents.answers import EDIT, GOOD, PARENT, PLAN, brief, fence, parent
from utils.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
BROKEN = GOOD.replace("model.fit(X, y)", "model.fit(X, target)")
ANSWER = f"{PLAN}\n{fence(GOOD)}"


class PlainPrompts:
    """Prompts that say just what they were asked for."""

    def system(self) -> str:
        return "rules"

    def write(self, brief: Brief) -> str:
        return f"write a {brief.kind}"

    def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
        return "\n".join(["repair", *reasons, program])


def talk(
    answers: Sequence[str | Answer | ModelError],
    asked: Brief | None = None,
    known: Callable[[str], bool] = lambda key: False,
    repairs: int = 1,
) -> tuple[Attempt, ScriptedModel]:
    model = ScriptedModel(answers)
    examiner = Examiner(lambda program: (), known)
    return conversation(model, PlainPrompts(), examiner.examine, repairs)(
        asked or brief(), 1e12
    ), model


def test_a_good_answer_takes_one_request() -> None:
    attempt, model = talk([ANSWER])
    assert attempt == Attempt("gradient boosting with a smaller step", GOOD, None, ())
    (request,) = model.requests
    assert request.system == "rules"
    assert [message.text for message in request.messages] == ["write a draft"]
    assert request.purpose == "s0007 draft"
    assert request.deadline == 1e12


def test_a_bad_answer_is_repaired_once_with_its_reasons() -> None:
    attempt, model = talk([f"{PLAN}\n{fence(BROKEN)}", f"Fixed:\n{fence(GOOD)}"])
    assert attempt.program == GOOD
    assert attempt.plan == "gradient boosting with a smaller step"
    assert attempt.reasons == ()
    text = model.requests[1].messages[0].text
    assert "line 18: the name target is never defined or imported" in text
    assert BROKEN in text
    assert model.requests[1].purpose == "s0007 repair"


def test_a_repair_may_be_an_edit_of_the_faulty_program() -> None:
    edit = "<<<<<<< SEARCH\nmodel.fit(X, target)\n=======\nmodel.fit(X, y)\n>>>>>>> REPLACE\n"
    attempt, _ = talk([fence(BROKEN), edit])
    assert attempt.program == GOOD
    assert attempt.reasons == ()


@pytest.mark.parametrize("repairs", [0, 1, 2])
def test_repairs_are_bounded(repairs: int) -> None:
    attempt, model = talk([fence(BROKEN)] * 9, repairs=repairs)
    assert attempt.reasons == ("line 18: the name target is never defined or imported",)
    assert len(model.requests) == 1 + repairs


def test_lesson_d_an_empty_answer_is_asked_for_again() -> None:
    attempt, model = talk(["I cannot help with that.", ANSWER])
    assert attempt.program == GOOD
    assert model.requests[1].messages[0].text == f"repair\n{NO_PROGRAM}\n"
    assert talk(["", ""])[0] == Attempt("", "", None, (NO_PROGRAM,))


def test_a_truncated_answer_is_repaired_by_a_shorter_program() -> None:
    cut = Answer(f"{PLAN}\n```python\n{GOOD[: len(GOOD) // 2]}", complete=False)
    attempt, model = talk([cut, ANSWER])
    assert attempt.program == GOOD
    assert model.requests[1].messages[0].text.splitlines()[1] == CUT_OFF


def test_an_answer_that_was_cut_off_after_its_program_is_good() -> None:
    attempt, model = talk([Answer(ANSWER + "\nThis program", complete=False)])
    assert (attempt.program, attempt.reasons, len(model.requests)) == (GOOD, (), 1)


def test_a_model_that_fails_ends_the_conversation() -> None:
    with pytest.raises(ModelError, match="wrong key"):
        talk([ModelError("wrong key", permanent=True)])
    with pytest.raises(ModelError, match="gone"):
        talk([fence(BROKEN), ModelError("gone")])


# ---------------------------------------------------------------- parents


@pytest.mark.parametrize("kind", ["mutate", "debug", "merge", "tune", "shrink"])
def test_every_kind_with_a_parent_may_edit_it(kind: str) -> None:
    attempt, model = talk(
        [f"{PLAN}\n{EDIT}"],
        brief(kind, [parent()], "MODEL" if kind in ("mutate", "tune") else None),
    )
    assert attempt.program == GOOD
    assert attempt.reasons == ()
    assert attempt.locus == ("MODEL" if kind in ("mutate", "tune") else None)
    assert model.requests[0].purpose == f"s0007 {kind}"


def test_edits_that_do_not_apply_fall_back_to_the_whole_program() -> None:
    stray = EDIT.replace(
        "    return HistGradientBoostingClassifier(learning_rate=0.3)", "    net = Network(width=3)"
    )
    attempt, _ = talk([f"{PLAN}\n{stray}\n{fence(GOOD)}"], brief("mutate", [parent()], "MODEL"))
    assert (attempt.program, attempt.locus, attempt.reasons) == (GOOD, "MODEL", ())
    alone, model = talk([stray, ANSWER], brief("mutate", [parent()], "MODEL"))
    assert alone.program == GOOD
    assert (
        "edit 1 of 1: its search text is not in the program" in model.requests[1].messages[0].text
    )


def test_edits_that_break_the_program_lose_to_a_whole_one_that_does_not() -> None:
    breaking = EDIT.replace("learning_rate=0.1", "learning_rate=RATE")
    attempt, model = talk([f"{breaking}\n{fence(GOOD)}"], brief("mutate", [parent()], "MODEL"))
    assert (attempt.program, attempt.reasons, len(model.requests)) == (GOOD, (), 1)


def test_edits_without_a_program_to_edit_are_told_so() -> None:
    attempt, _ = talk([EDIT, EDIT])
    assert attempt.reasons == (
        "the answer edits a program, but there is none: write the whole program",
    )


def test_a_mutation_keeps_to_its_locus() -> None:
    greedy = GOOD.replace("model.fit(X, y)", "model.fit(X.fillna(0), y)")
    attempt, _ = talk([fence(greedy)], brief("mutate", [parent()], "MODEL"))
    assert (attempt.program, attempt.locus) == (GOOD, "MODEL")
    needed = (
        GOOD.replace("build():", "build(rate):")
        .replace("build()\n", "build(0.1)\n")
        .replace("=0.1", "=rate")
    )
    needed = needed.replace("model = build", "RATES = [1]\nmodel = build").replace(
        "(0.1)", "(RATES[0])"
    )
    attempt, _ = talk(
        [fence(needed.replace("=rate", "=RATES[0]"))], brief("mutate", [parent()], "MODEL")
    )
    assert attempt.locus is None
    assert "RATES = [1]" in attempt.program


def test_a_forgotten_import_costs_no_request_and_no_locus() -> None:
    needs = EDIT.replace("learning_rate=0.1", "learning_rate=math.pi / 30")
    attempt, model = talk([needs], brief("mutate", [parent()], "MODEL"))
    assert (attempt.reasons, attempt.locus, len(model.requests)) == ((), "MODEL", 1)
    assert "import math\n" in attempt.program


def test_lesson_27_an_echo_of_the_parent_or_of_an_earlier_program_is_refused() -> None:
    attempt, _ = talk([fence(PARENT), fence(PARENT)], brief("mutate", [parent()], "MODEL"))
    assert attempt.reasons == ("the program does the same as its parent or an earlier program",)
    earlier = normalised_digest(GOOD)
    attempt, model = talk([ANSWER, fence(PARENT)], known=lambda key: key == earlier)
    assert (attempt.program, attempt.reasons, len(model.requests)) == (PARENT, (), 2)


# ---------------------------------------------------------------- what the library does by itself

ALONE = """
import sys
from agents.answers.attempt import Examiner
from agents.graph import conversation
assert "langgraph" not in sys.modules
from core.doubles import ScriptedModel
from tests.agents.test_graph import ANSWER, PlainPrompts
from tests.agents.answers import brief
examiner = Examiner(lambda program: (), lambda key: False)
attempt = conversation(ScriptedModel([ANSWER]), PlainPrompts(), examiner.examine)(brief(), 1e12)
assert attempt.reasons == (), attempt
assert not {"numpy", "pandas", "openai", "anthropic"} & sys.modules.keys()
"""


class _Collector(BaseHTTPRequestHandler):
    seen: list[str] = []

    def do_POST(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_GET = do_PATCH = do_POST

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("tracing", [False, True])
def test_lesson_24_47_no_warning_is_printed_and_no_prompt_is_traced(tracing: bool) -> None:
    """Whatever a user's shell sets for tracing: nothing reaches its server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    names = "LANGSMITH_TRACING LANGCHAIN_TRACING_V2 LANGSMITH_TRACING_V2 LANGCHAIN_TRACING".split()
    keys = {
        "LANGSMITH_API_KEY": "lsv2_x",
        "LANGSMITH_ENDPOINT": address,
        "LANGCHAIN_ENDPOINT": address,
    }
    environment = {**os.environ, **(dict.fromkeys(names, "true") | keys if tracing else {})}
    command = [sys.executable, "-W", "error", "-c", ALONE]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    finally:
        server.shutdown()
        server.server_close()
    assert (done.returncode, done.stderr) == (0, "")
    assert _Collector.seen == []
