"""A model from the configuration; what is missing is one line."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from core.events import LlmCall
from core.genome import digest
from core.llm.models import preload, provider_in_force
from core.llm.providers import ENDPOINTS
from core.protocols import Model
from run_mle_adapter import map_env_vars
from tests.house.source import ROOT
from tests.llm.rig import KEY, models, request
from utils.config import load_config
from utils.config_schema import VENDORS, LlmConfig

NOTHING = {
    "llm.code.provider": None, "llm.code.model": None, "llm.code.base_url": None, "llm.code.api_key": None,
    "llm.feedback.provider": None, "llm.feedback.base_url": None, "llm.feedback.api_key": None,
}  # fmt: skip


def configured(**words: Any) -> LlmConfig:
    overrides = {f"llm.{key.replace('__', '.')}": value for key, value in words.items()}
    return load_config(use_cli=False, overrides=NOTHING | overrides).llm


def build(events: list[LlmCall] | None = None, **words: Any) -> Model | None:
    record = (events if events is not None else []).append
    return models(configured(**words), record).of("code")


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_a_role_of_the_configuration_answers(vendor: str) -> None:
    events: list[LlmCall] = []
    with Server(["x = 1"]) as server:
        role = {
            "code__provider": vendor,
            "code__model": "claude-sonnet-4-x",
            "code__api_key": f"{KEY},another",
        }
        model = build(events, **role, code__base_url=server.base_url(vendor), code__max_tokens=77)
        assert model is not None
        assert model.available
        asked = dataclasses.replace(request(), deadline=time.time() + 30)
        assert model.complete(asked).text == "x = 1"
    (seen,) = server.requests
    assert (seen.vendor, seen.key, seen.body["max_tokens"], seen.body["temperature"]) == (
        vendor,
        KEY,
        77,
        0.7,
    )
    assert events[0].cost_usd == pytest.approx((60 * 3 + 40 * 0.3 + 20 * 15) / 1e6)


def test_without_a_key_there_is_no_model() -> None:
    assert build() is None
    assert build(code__provider="recipes", code__api_key=KEY) is None
    assert provider_in_force(configured()) == ("recipes", "")
    keyed = configured(code__api_key=KEY, code__model="m")
    assert provider_in_force(keyed) == ("openai", "")


def test_nobody_is_asked_in_the_other_role_where_no_model_writes_programs() -> None:
    other = {"feedback__provider": "openai", "feedback__model": "m", "feedback__api_key": KEY}
    assert models(configured(**other)).of("feedback") is None
    both = other | {"code__provider": "openai", "code__model": "m", "code__api_key": KEY}
    assert models(configured(**both)).of("feedback") is not None


def test_a_server_of_ones_own_needs_no_key() -> None:
    with Server(["x = 1"]) as server:
        model = build(
            code__provider="openai", code__model="m", code__base_url=server.base_url("openai")
        )
        assert model is not None
        model.complete(dataclasses.replace(request(), deadline=time.time() + 30))
    assert server.requests[0].key == "no-key-is-set"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"code__api_key": KEY}, r"^provider openai: llm\.code\.model is not set$"),
        (
            {"code__provider": "anthropic", "code__model": "m"},
            r"^provider anthropic: llm\.code\.api_key is not set$",
        ),
        ({"code__api_key": KEY, "code__model": "m", "max_cost_usd": 1}, r"names no price of m$"),
        ({"replay_dir": "/dev/null/x"}, r"^provider replay: llm\.replay_dir: cannot read"),
    ],
)
def test_what_is_missing_is_one_line(words: dict[str, Any], said: str) -> None:
    provider, missing = provider_in_force(configured(**words))
    assert provider == "recipes"
    assert re.search(said, missing)
    assert "\n" not in missing
    assert KEY not in missing
    assert build(**words) is None


def test_a_recording_needs_no_provider(tmp_path: Path) -> None:
    call = LlmCall("code", "m", True, 1.0, 1, 0, 1, None, request="x", answer=digest("x = 1"))
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / f"{digest('x = 1')}.txt").write_text("x = 1")
    (tmp_path / "journal.jsonl").write_text(json.dumps({"type": "llm_call"} | call.fields()) + "\n")
    model = build(replay_dir=str(tmp_path))
    assert model is not None
    assert model.complete(request()).text == "x = 1"
    assert not model.available


def test_the_client_library_is_imported_meanwhile() -> None:
    llm = load_config(use_cli=False, overrides=NOTHING | {"llm.code.api_key": KEY}).llm
    thread = preload(llm)
    assert thread is not None
    thread.join(30)
    assert "openai" in sys.modules
    assert preload(load_config(use_cli=False, overrides=NOTHING).llm) is None


_LOADED = """
import sys, time
from core.llm.providers import ENDPOINTS
from core.llm.endpoint import EndpointSettings
assert not {"openai", "anthropic", "httpx", "httpx2"} & sys.modules.keys()
from core.records import Message, Request
vendor, url = sys.argv[1:]
endpoint = ENDPOINTS[vendor](EndpointSettings("m", url, 100))
assert endpoint.send(Request("", (Message("user", "hi"),), "p", 0.0), "k", 30).text == "x = 1"
print(sorted({"openai", "anthropic"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_only_the_chosen_client_is_imported_and_late(vendor: str) -> None:
    with Server([Turn("x = 1")]) as server:
        words = [sys.executable, "-c", _LOADED, vendor, server.base_url(vendor)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"['{vendor}']\n"
    assert done.stderr == ""


def test_every_provider_of_the_configuration_has_an_endpoint() -> None:
    assert tuple(ENDPOINTS) == VENDORS


@pytest.mark.parametrize("provider", [*VENDORS, "recipes", ""])
def test_a_container_gives_its_key_to_the_provider_that_it_names(provider: str) -> None:
    environ = {"API_KEY": KEY, "LLM_PROVIDER": provider}
    map_env_vars(environ)
    keys = {name for name, value in environ.items() if value == KEY and name != "API_KEY"}
    vendor = provider if provider in VENDORS else "openai"
    assert keys == {"OPENAI_API_KEY", f"{vendor.upper()}_API_KEY"}
