"""A real client against a scripted server, on a clock that waiting moves."""

from __future__ import annotations

import dataclasses
import random
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.scripted_server import ScriptedServer
from core.doubles import ManualStop
from core.events import LlmCall
from core.genome import digest
from core.journal.journal import Journal
from core.llm.client import RetryingModel
from core.llm.endpoint import EndpointSettings
from core.llm.endpoint_state import EndpointState
from core.llm.ledger import CallBook, Ledger, Prices
from core.llm.models import Models
from core.llm.policy import RetryPolicy
from core.llm.providers import ENDPOINTS
from core.records import Answer, Message, Request
from utils.config_schema import LlmConfig
from utils.errors import ModelError

VENDORS = ("openai", "anthropic")
KEY = "key-of-the-first-account"
POLICY = RetryPolicy(timeout_s=20.0)
MODEL = "some-model-1"
SCHEMA = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}, "score": {"type": "number"}},
    "required": ["good", "score"],
    "additionalProperties": False,
}


def request(
    text: str = "write a program",
    schema: dict[str, Any] | None = None,
    purpose: str = "s0001 draft",
) -> Request:
    """A request whose deadline is set when it is asked."""
    return Request("You write programs.", (Message("user", text),), purpose, 0.0, schema)


class Rig:
    """waits: what the model slept. events: its ledger. texts: kept answers by digest."""

    def __init__(
        self,
        vendor: str,
        server: ScriptedServer,
        *,
        keys: tuple[str, ...] = (KEY,),
        policy: RetryPolicy = POLICY,
        prices: Prices | None = None,
        spent: tuple[int, float | None] | None = None,
        **settings: Any,
    ) -> None:
        self.waits: list[float] = []
        self.events: list[LlmCall] = []
        self.texts: dict[str, str] = {}
        self._skew = 0.0
        self._spent = spent
        known: dict[str, Any] = {
            "model": MODEL,
            "base_url": server.base_url(vendor),
            "max_tokens": 1000,
        }
        self.endpoint = ENDPOINTS[vendor](EndpointSettings(**(known | settings)))
        ledger = Ledger(
            "code",
            known["model"],
            prices or {},
            CallBook(self.events.append, self._put, self._total),
            self.clock,
        )
        self.model = RetryingModel(
            self.endpoint,
            EndpointState(keys, policy, self.clock),
            ledger,
            policy,
            spent=self._total,
            clock=self.clock,
            sleep=self._sleep,
            rng=random.Random(0),
        )

    def clock(self) -> float:
        return time.time() + self._skew

    def pass_time(self, seconds: float) -> None:
        self._skew += seconds

    def ask(self, asked: Request | None = None, seconds: float = 1000.0) -> Answer:
        return self.model.complete(
            dataclasses.replace(asked or request(), deadline=self.clock() + seconds)
        )

    def fail(self, asked: Request | None = None, seconds: float = 1000.0) -> ModelError:
        """The error of a request that must fail; one line without the key, and nothing hidden
        behind it.
        """
        with pytest.raises(ModelError) as caught:
            self.ask(asked, seconds)
        error = caught.value
        assert KEY not in "".join(traceback.format_exception(error))
        assert "\n" not in str(error)
        assert len(str(error)) < 600
        assert error.__cause__ is None
        return error

    def _put(self, text: str) -> str:
        self.texts[digest(text)] = text
        return digest(text)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._skew += seconds

    def _total(self) -> tuple[int, float | None]:
        if self._spent is not None:
            return self._spent
        costs = [event.cost_usd for event in self.events]
        tokens = sum(event.prompt_tokens + event.completion_tokens for event in self.events)
        return tokens, None if None in costs else sum(cost for cost in costs if cost is not None)


def keep(rig: Rig, folder: Path) -> Path:
    """The log folder that a run with these calls leaves."""
    (folder / "answers").mkdir(parents=True)
    for key, text in rig.texts.items():
        (folder / "answers" / f"{key}.txt").write_text(text)
    journal = Journal(folder / "journal.jsonl", lambda: 1.0, lambda line: None)
    for event in rig.events:
        journal.append(event)
    journal.close()
    return folder


def models(
    llm: LlmConfig,
    record: Callable[[LlmCall], None] = lambda call: None,
    put: Callable[[str], str] = digest,
    **more: Any,
) -> Models:
    """The models of a run that nobody stops."""
    return Models(llm, CallBook(record, put, lambda: (0, 0.0)), ManualStop(), **more)
