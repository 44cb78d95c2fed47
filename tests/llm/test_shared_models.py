"""Whoever asks in a role gets the same model, and roles share what is known of the model that they
name: a key that rests, a circuit that is open.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from core.doubles import ManualClock, ManualStop
from core.events import LlmCall
from core.genome import digest
from core.llm.ledger import CallBook
from core.llm.models import Models
from core.protocols import Model
from core.records import Role
from tests.llm.rig import VENDORS, Rig, keep, request
from utils.config import load_config
from utils.errors import Interrupted, ModelError

REFUSED, GOOD = "key-of-the-first-account", "key-of-the-second-account"
MODEL = "m"


class RunModels:
    """Two roles at one server. stop: of the run. calls: what it recorded."""

    def __init__(self, vendor: str, url: str, feedback_model: str = MODEL, **more: Any) -> None:
        overrides: dict[str, Any] = dict(more)
        for role, name in (("code", MODEL), ("feedback", feedback_model)):
            overrides[f"llm.{role}.provider"] = vendor
            overrides[f"llm.{role}.base_url"] = url
            overrides[f"llm.{role}.model"] = name
            overrides[f"llm.{role}.api_key"] = f"{REFUSED},{GOOD}"
        llm = load_config(use_cli=False, overrides=overrides).llm
        self.stop, self.clock = ManualStop(), ManualClock(time.time())
        self.calls: list[LlmCall] = []
        book = CallBook(self.calls.append, digest, lambda: (0, 0.0))
        self.models = Models(llm, book, self.stop, clock=self.clock, sleep=self.clock.advance)

    def model(self, role: Role) -> Model:
        model = self.models.of(role)
        assert model is not None
        return model

    def ask(self, role: Role, text: str = "write") -> str:
        asked = dataclasses.replace(request(text), deadline=self.clock() + 1000)
        return self.model(role).complete(asked).text

    def fail(self, role: Role) -> ModelError:
        with pytest.raises(ModelError) as caught:
            self.ask(role)
        return caught.value


def test_whoever_asks_in_a_role_gets_the_same_model() -> None:
    run = RunModels("openai", "http://127.0.0.1:9")
    assert run.model("code") is run.model("code")
    assert run.model("code") is not run.model("feedback")


@pytest.mark.parametrize("vendor", VENDORS)
def test_requests_that_are_abandoned_are_recorded_and_no_other_is_sent(vendor: str) -> None:
    arrived = threading.Event()

    def hang(seen: Any) -> Turn:
        arrived.set()
        return Turn(fault="hang")

    with Server(then=hang) as server:
        run = RunModels(vendor, server.base_url(vendor))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(run.ask, "code")
            assert arrived.wait(20)
            run.models.abandon()
            assert isinstance(waiting.exception(), Interrupted)
        with pytest.raises(Interrupted):
            run.ask("feedback")
        assert len(server.requests) == 1
    assert [(call.ok, call.role) for call in run.calls] == [(False, "code")]
    assert run.stop.reason is None


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_that_was_refused_to_the_proposer_rests_for_the_coach(vendor: str) -> None:
    by_key = {REFUSED: Turn(status=401, error="invalid")}
    with Server(then=Turn("x = 1"), by_key=by_key) as server:
        run = RunModels(vendor, server.base_url(vendor))
        run.ask("code")
        for _ in range(3):
            run.ask("feedback")
    assert [seen.key for seen in server.requests] == [REFUSED, GOOD, GOOD, GOOD, GOOD]
    assert [call.role for call in run.calls] == ["code"] * 2 + ["feedback"] * 3


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_circuit_that_opened_for_one_is_open_for_the_other(vendor: str) -> None:
    with Server(then=Turn(status=500, error="broken")) as server:
        run = RunModels(vendor, server.base_url(vendor))
        assert run.model("code").available
        for _ in range(2):
            run.fail("feedback")
        sent = len(server.requests)
        assert not run.model("code").available
        assert run.fail("code").kind == "open"
        assert len(server.requests) == sent
        run.clock.advance(61)
        assert run.model("code").available


def test_an_answer_of_another_form_rests_nobody() -> None:
    """A model that cannot follow a schema can write programs all the same."""
    with Server(then=Turn("no JSON at all")) as server:
        run = RunModels("openai", server.base_url("openai"))
        schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
        for _ in range(3):
            asked = dataclasses.replace(request("read"), deadline=run.clock() + 1000, schema=schema)
            with pytest.raises(ModelError):
                run.model("feedback").complete(asked)
        assert run.model("code").available
        assert run.ask("code") == "no JSON at all"


def test_another_model_at_the_same_address_has_its_own_state() -> None:
    """A key may be refused for one model only."""

    def answer(seen: Any) -> Turn:
        if seen.body["model"] == "mini":
            return Turn(status=403, error="this key may not use that model")
        return Turn("x = 1")

    with Server(then=answer) as server:
        run = RunModels("openai", server.base_url("openai"), feedback_model="mini")
        assert run.fail("feedback").kind == "auth"
        assert not run.model("feedback").available
        assert run.ask("code") == "x = 1"


def test_a_stop_ends_every_role() -> None:
    run = RunModels("openai", "http://127.0.0.1:9")
    run.stop.reason = "SIGTERM"
    for role in ("code", "feedback"):
        with pytest.raises(Interrupted):
            run.ask(role)  # type: ignore[arg-type]


def test_a_recorded_answer_is_given_once_to_all_who_ask_in_a_role(tmp_path: Path) -> None:
    with Server(["one", "two"]) as server:
        rig = Rig("openai", server)
        rig.ask(request("a"))
        rig.ask(request("b"))
    replay = {"llm.replay_dir": str(keep(rig, tmp_path / "logs"))}
    run = RunModels("openai", "http://127.0.0.1:9", **replay)
    assert [run.ask("code", "changed"), run.ask("code", "changed again")] == ["one", "two"]
    assert not run.model("code").available
