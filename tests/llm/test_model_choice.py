"""A request may name its model and its temperature: what goes over the wire, what it costs, and who
answers instead.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from core.doubles import ManualStop
from core.events import LlmCall
from core.genome import digest
from core.journal.journal import Journal
from core.llm.ledger import CallBook, request_digest
from core.llm.model_choice import ChoiceOfModels
from core.llm.models import Models
from core.protocols import Model
from core.records import Answer, Request
from tests.llm.rig import KEY, VENDORS, Rig, request
from utils.config import load_config
from utils.errors import Interrupted, ModelError

OWN, OTHER = "gpt-4o-mini-x", "gpt-4.1-y"
UNKNOWN = Turn(status=404, error=f"The model `{OTHER}` does not exist")


class Run:
    """The role `code` of a configuration, and what it recorded."""

    def __init__(self, vendor: str, url: str, **llm: Any) -> None:
        words = {
            "provider": vendor,
            "model": OWN,
            "base_url": url,
            "api_key": KEY,
            "temperature": 0.7,
        }
        overrides = {f"llm.code.{name}": value for name, value in words.items()}
        overrides |= {f"llm.{name}": value for name, value in llm.items()}
        self.calls: list[LlmCall] = []
        self.texts: dict[str, str] = {}
        self.stop = ManualStop()
        book = CallBook(self.calls.append, self._put, lambda: (0, 0.0))
        models = Models(load_config(use_cli=False, overrides=overrides).llm, book, self.stop)
        built = models.of("code")
        assert built is not None
        self.model: Model = built

    def ask(self, text: str = "write a program", **changes: Any) -> Answer:
        return self.model.complete(asked(text, **changes))

    def _put(self, text: str) -> str:
        self.texts[digest(text)] = text
        return digest(text)


def asked(text: str = "write a program", **changes: Any) -> Request:
    return dataclasses.replace(request(text), deadline=time.time() + 30, **changes)


def only(known: str) -> Any:
    """A server that knows one model."""

    def answer(seen: HttpRequest) -> Turn:
        return Turn(f"by {known}") if seen.body["model"] == known else UNKNOWN

    return answer


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_request_names_its_model_and_temperature(vendor: str) -> None:
    with ScriptedServer(["a", "b", "c"]) as server:
        run = Run(vendor, server.base_url(vendor))
        answers = [
            run.ask().text,
            run.ask(model=OTHER, temperature=0.2).text,
            run.ask(temperature=0.0).text,
        ]
    assert answers == ["a", "b", "c"]
    sent = [(seen.body["model"], seen.body["temperature"]) for seen in server.requests]
    assert sent == [(OWN, 0.7), (OTHER, 0.2), (OWN, 0.0)]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_ledger_names_and_prices_the_model_that_was_asked(vendor: str) -> None:
    with ScriptedServer(["a", "b"]) as server:
        run = Run(vendor, server.base_url(vendor))
        run.ask()
        run.ask(model=OTHER)
    assert [call.model for call in run.calls] == [OWN, OTHER]
    assert [call.cost_usd for call in run.calls] == pytest.approx(
        [(60 * 0.15 + 40 * 0.075 + 20 * 0.6) / 1e6, (60 * 2 + 40 * 0.5 + 20 * 8) / 1e6]
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_unknown_model_is_said_once_and_the_role_answers(
    vendor: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), ScriptedServer(then=only(OWN)) as server:
        run = Run(vendor, server.base_url(vendor))
        answers = [run.ask(str(number), model=OTHER, temperature=0.3).text for number in range(3)]
        assert run.model.available
    assert answers == [f"by {OWN}"] * 3
    assert [seen.body["model"] for seen in server.requests] == [OTHER, OWN, OWN, OWN]
    assert server.requests[1].body["temperature"] == 0.3
    (said,) = [line for line in caplog.messages if OTHER in line]
    assert "is refused, the model of the role answers instead" in said
    assert KEY not in said
    assert [call.ok for call in run.calls] == [False, True, True, True]


def test_an_unknown_model_of_the_role_stays_an_error() -> None:
    with ScriptedServer(then=only("nobody")) as server:
        run = Run("openai", server.base_url("openai"))
        with pytest.raises(ModelError, match=OWN) as caught:
            run.ask(model=OTHER)
    assert caught.value.kind == "not_found"
    assert len(server.requests) == 2


def test_a_failing_model_leaves_the_circuit_of_the_role_alone() -> None:
    def answer(seen: HttpRequest) -> Turn:
        return Turn("good") if seen.body["model"] == OWN else Turn(finish="refusal", text="no")

    with ScriptedServer(then=answer) as server:
        run = Run("openai", server.base_url("openai"))
        for number in range(7):
            with pytest.raises(ModelError, match="declined"):
                run.ask(str(number), model=OTHER)
        assert run.model.available
        assert run.ask().text == "good"


def test_each_model_has_its_own_dialect() -> None:
    """A model that takes no temperature takes it from nobody else."""

    def answer(seen: HttpRequest) -> Turn:
        if seen.body["model"] == OTHER and "temperature" in seen.body:
            return Turn(
                status=400,
                error="Unsupported parameter: 'temperature' is not supported with this model.",
            )
        return Turn("good")

    with ScriptedServer(then=answer) as server:
        run = Run("openai", server.base_url("openai"))
        assert [run.ask(model=OTHER).text, run.ask().text, run.ask(model=OTHER).text] == [
            "good"
        ] * 3
    sent = [(seen.body["model"], "temperature" in seen.body) for seen in server.requests]
    assert sent == [(OTHER, True), (OTHER, False), (OWN, True), (OTHER, False)]


def test_a_model_without_a_price_is_not_asked_under_a_cap(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), ScriptedServer(then=Turn("good")) as server:
        run = Run("openai", server.base_url("openai"), max_cost_usd=1)
        assert [run.ask(model="mystery").text, run.ask(model="mystery").text] == ["good", "good"]
    assert {seen.body["model"] for seen in server.requests} == {OWN}
    assert [
        line for line in caplog.messages if "names no price of mystery" in line
    ] == caplog.messages


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_stop_ends_requests_to_other_models_too(vendor: str) -> None:
    with ScriptedServer(then=Turn(fault="hang")) as server, ThreadPoolExecutor(1) as pool:
        run = Run(vendor, server.base_url(vendor))
        waiting = pool.submit(run.ask, model=OTHER)
        deadline = time.monotonic() + 20
        while not server.requests:
            assert time.monotonic() < deadline
        run.stop.reason = "SIGTERM"
        assert isinstance(waiting.exception(20), Interrupted)
        for name in (OTHER, "another", None):
            with pytest.raises(Interrupted):
                run.ask(model=name)
        assert len(server.requests) == 1
    (call,) = run.calls
    assert (call.model, call.ok, (call.error or "").partition(":")[0]) == (OTHER, False, "given up")


@pytest.mark.parametrize("vendor", VENDORS)
def test_after_a_cancel_no_model_is_asked(vendor: str) -> None:
    with ScriptedServer(then=Turn("late")) as server:
        choice = ChoiceOfModels(
            Rig(vendor, server).model, OWN, lambda name: Rig(vendor, server, model=name).model
        )
        assert choice.complete(asked(model=OTHER)).text == "late"
        choice.cancel()
        for name in (OTHER, "another", None):
            with pytest.raises(Interrupted):
                choice.complete(asked(model=name))
        assert len(server.requests) == 1


# ---------------------------------------------------------------- replay


def test_the_key_of_a_plain_request_stays_as_it_was() -> None:
    plain = request()
    assert request_digest(plain) == "8d75782e7a44283c"
    others = [
        dataclasses.replace(plain, **change) for change in ({"model": "m"}, {"temperature": 0.1})
    ]
    assert len({request_digest(each) for each in (plain, *others)}) == 3


def test_a_recorded_fallback_is_replayed(tmp_path: Path) -> None:
    with ScriptedServer(then=only(OWN)) as server:
        run = Run("openai", server.base_url("openai"))
        live = [run.ask("a", model=OTHER).text, run.ask("b", model=OTHER).text, run.ask("c").text]
    (tmp_path / "answers").mkdir()
    for key, text in run.texts.items():
        (tmp_path / "answers" / f"{key}.txt").write_text(text)
    journal = Journal(tmp_path / "journal.jsonl", lambda: 1.0, lambda line: None)
    for call in run.calls:
        journal.append(call)
    journal.close()
    again = Run("openai", "http://127.0.0.1:9", replay_dir=str(tmp_path))
    assert [
        again.ask("a", model=OTHER).text,
        again.ask("b", model=OTHER).text,
        again.ask("c").text,
    ] == live
    assert again.calls == run.calls
