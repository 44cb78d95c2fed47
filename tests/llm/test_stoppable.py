"""Callers of a model leave when the run stops, and every request that they leave behind is in the
ledger.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from core.doubles import ManualStop, ScriptedModel
from core.events import LlmCall
from core.llm.partial_reply import PartialReply
from core.llm.replay import ReplayModel
from core.llm.stoppable import OpenRequests, StoppableModel
from core.records import Answer, Message, Request
from tests.llm.rig import VENDORS, Rig, keep, request
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
    model = StoppableModel(
        ScriptedModel(["x = 1", ModelError("refused", permanent=True)]), ManualStop()
    )
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


def test_nobody_is_asked_after_the_stop() -> None:
    inner, stop = ScriptedModel(["x = 1"]), ManualStop()
    stop.reason = "SIGTERM"
    with pytest.raises(Interrupted, match="s0001 draft"):
        StoppableModel(inner, stop).complete(REQUEST)
    assert not inner.requests


def test_no_request_begins_once_they_are_closed() -> None:
    requests = OpenRequests()
    with requests.one():
        requests.close()
        requests.wait(0.01)
    with pytest.raises(Interrupted), requests.one():
        pytest.fail("it began")


# ---------------------------------------------------------------- over the real clients


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def left(rig: Rig, ready: Callable[[], object], callers: int = 1) -> float:
    """Seconds that callers need to leave when the run stops; it does so once all is ready."""
    stop = ManualStop()
    model = StoppableModel(rig.model, stop)
    asked = dataclasses.replace(request(), deadline=rig.clock() + 1000)
    with ThreadPoolExecutor(callers) as pool:
        waiting = [pool.submit(model.complete, asked) for _ in range(callers)]
        until(ready)
        began = time.monotonic()
        stop.reason = "SIGTERM"
        for future in waiting:
            assert isinstance(future.exception(), Interrupted)
        return time.monotonic() - began


def threads_end() -> None:
    for thread in threading.enumerate():
        if thread.name in ("model call", "llm request"):
            thread.join(20)


def given_up(event: LlmCall) -> bool:
    return not event.ok and event.error == "given up: the run stops"


@pytest.mark.parametrize("callers", [1, 3])
def test_a_request_that_is_left_has_its_line_when_the_caller_leaves(
    vendor: str, callers: int
) -> None:
    with Server(then=Turn(fault="hang")) as server:
        rig = Rig(vendor, server)
        assert left(rig, lambda: len(server.requests) == callers, callers) < 1.5
        events = list(rig.events)
    assert len(server.requests) == len(events) == callers
    for event in events:
        assert given_up(event)
        assert (event.prompt_tokens, event.completion_tokens, event.cost_usd) == (0, 0, 0.0)
        assert (event.attempt, event.purpose) == (1, "s0001 draft")


def test_what_was_heard_until_then_is_counted_and_kept(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(then=Turn("a long program", fault="silent_midway")) as server:
        rig, heard = Rig(vendor, server), threading.Event()
        take = rig.endpoint._take

        def listen(notes: PartialReply, event: object) -> None:
            take(notes, event)
            if notes.parts:
                heard.set()

        monkeypatch.setattr(rig.endpoint, "_take", listen)
        left(rig, heard.is_set)
    (event,) = rig.events
    assert given_up(event)
    assert min(event.prompt_tokens, event.completion_tokens) > 0
    assert rig.texts[str(event.answer)] == "a long "


def test_an_answer_that_comes_late_writes_no_second_line(vendor: str) -> None:
    with Server(then=Turn("x = 1", latency=0.5)) as server:
        rig = Rig(vendor, server)
        left(rig, lambda: server.requests)
        threads_end()
    assert [given_up(event) for event in rig.events] == [True]
    assert not rig.texts


def test_a_caller_between_two_requests_leaves_at_once_and_sends_no_other(vendor: str) -> None:
    asleep, awake = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        asleep.set()
        awake.wait(20)

    with Server(then=Turn(status=500)) as server:
        rig = Rig(vendor, server)
        rig.model._sleep = sleep
        assert left(rig, asleep.is_set) < 1.5
        awake.set()
        threads_end()
        assert len(server.requests) == 1
    (event,) = rig.events
    assert event.error is not None
    assert not given_up(event)


def test_replay_asks_again_for_what_was_given_up(vendor: str, tmp_path: Path) -> None:
    """As a resumed run did, whose journal holds both."""
    with Server([Turn(fault="hang")], then=Turn("x = 1")) as server:
        stopped, resumed = Rig(vendor, server), Rig(vendor, server)
        left(stopped, lambda: server.requests)
        answer = resumed.ask()
    resumed.events[:0] = stopped.events
    events: list[LlmCall] = []
    model = ReplayModel(keep(resumed, tmp_path / "logs"), "code", events.append)
    assert model.complete(request()) == answer
    assert events == resumed.events
    assert [event.ok for event in events] == [False, True]
