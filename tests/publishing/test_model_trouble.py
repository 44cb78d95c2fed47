"""When a language model that failed makes a run `degraded`: what counts is who wrote the programs
afterwards.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from core.doubles import proposal
from core.events import Event, LlmCall, Proposed
from core.journal.history import History
from core.publishing.reasons import MODEL_LOST, USELESS, model_trouble
from core.records import Brief
from utils.json_records import to_json

OK = LlmCall("code", "m", True, 1.0, 10, 0, 3, 0.1, "s0002 draft", "ab", "cd")
QUOTA = LlmCall(
    "code", "m", False, 1.0, 10, 0, 0, None, "s0003 draft", "ab", None, "quota: used up"
)
STOPPED = LlmCall(
    "code", "m", False, 1.0, 10, 0, 0, None, "s0004 draft", "ab", None, "given up: the run stops"
)
FEEDBACK = LlmCall("feedback", "judge", True, 1.0, 10, 0, 3, 0.1, "metric", "ab", "cd")
RECIPE = Proposed(proposal(Brief(9, "mutate", 7), "x = 1\n"), "digest")


def told(*events: Event) -> str | None:
    history = History(lambda key: "x = 1\n")
    for seq, event in enumerate(events):
        line: dict[str, Any] = {"type": event.type, "seq": seq, "t": 0.0} | to_json(event.fields())
        history.apply(line)
    return model_trouble(history)


@pytest.mark.parametrize(
    "events",
    [
        [QUOTA],
        [OK, QUOTA, *[RECIPE] * MODEL_LOST],
        [OK, QUOTA, FEEDBACK, *[RECIPE] * MODEL_LOST],
        [OK, QUOTA, QUOTA, QUOTA],
        [QUOTA, STOPPED],
    ],
)
def test_a_model_that_was_lost_is_told(events: list[Event]) -> None:
    reason = told(*events)
    assert reason is not None
    assert reason.startswith("the language model m at ")
    assert reason.endswith("quota: used up")


@pytest.mark.parametrize(
    "events",
    [
        [],
        [OK, *[RECIPE] * 9],
        [OK, QUOTA, *[RECIPE] * (MODEL_LOST - 1)],
        [QUOTA, *[RECIPE] * 9, OK],
        [OK, STOPPED],
        [STOPPED],
        [FEEDBACK],
    ],
)
def test_a_model_that_came_back_or_that_the_end_cut_off_is_no_trouble(events: list[Event]) -> None:
    assert told(*events) is None


def test_a_model_whose_answers_hold_no_program_is_told() -> None:
    by_model = proposal(Brief(9, "mutate", 7), "x = 1\n")
    written = Proposed(dataclasses.replace(by_model, author="model"), "digest")
    reason = told(*[OK] * USELESS, RECIPE)
    assert reason is not None
    assert reason.endswith("was asked 5 times and gave no program that could be used")
    assert told(*[OK] * USELESS, RECIPE, written) is None
    assert told(*[OK] * (USELESS - 1), RECIPE) is None
