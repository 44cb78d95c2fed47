"""Callers of a model leave when the run stops."""

from __future__ import annotations

import threading

import pytest

from core.doubles import ManualStop, ScriptedModel
from core.llm.abandon import StoppableModel
from core.records import Answer, Message, Request
from utils.errors import Interrupted, ModelError

REQUEST = Request("system", (Message("user", "write"),), "s0001 draft", 1e12)


class HangingModel:
    """Answers only when let go."""

    available = True

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def complete(self, request: Request) -> Answer:
        self.asked.set()
        self.go.wait(30)
        return Answer("late")


def test_answers_and_errors_come_through() -> None:
    model = StoppableModel(ScriptedModel(["x = 1", ModelError("refused", permanent=True)]), ManualStop())
    assert model.complete(REQUEST).text == "x = 1"
    with pytest.raises(ModelError, match="refused") as caught:
        model.complete(REQUEST)
    assert caught.value.permanent


def test_a_stop_ends_the_wait_for_a_hanging_endpoint() -> None:
    inner, stop = HangingModel(), ManualStop()
    model = StoppableModel(inner, stop)

    def stop_once_asked() -> None:
        inner.asked.wait(30)
        stop.reason = "SIGTERM"

    thread = threading.Thread(target=stop_once_asked)
    thread.start()
    with pytest.raises(Interrupted, match="s0001 draft"):
        model.complete(REQUEST)
    inner.go.set()
    thread.join()
