"""A role's model from its configuration."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from core.events import LlmCall
from core.llm import anthropic_endpoint, openai_endpoint
from core.llm.anthropic_endpoint import AnthropicEndpoint
from core.llm.client import RetryingModel, RetryPolicy, Spent
from core.llm.endpoint import Endpoint, EndpointError, EndpointSettings
from core.llm.keys import NO_KEY, split_keys
from core.llm.ledger import Ledger, price_of
from core.llm.model_choice import ChoiceOfModels
from core.llm.openai_endpoint import OpenAiEndpoint
from core.llm.replay import ReplayModel
from core.protocols import Clock, Model
from utils.config_schema import LlmConfig
from utils.config_schema import RoleConfig as RoleSettings
from utils.errors import ConfigError, ModelError

RoleName = Literal["code", "feedback"]

_ENDPOINTS: dict[str, Callable[[EndpointSettings], Endpoint]] = {
    "openai": OpenAiEndpoint,
    "anthropic": AnthropicEndpoint,
}
_LIBRARIES: dict[str, Callable[[], Any]] = {
    "openai": openai_endpoint.load,
    "anthropic": anthropic_endpoint.load,
}
# Of the time for one call: models that think send nothing for minutes, and so do busy local
# servers.
_IDLE_SHARE = 0.5


def provider_of(settings: RoleSettings) -> str:
    """The provider in force: openai when only a key is there, recipes when nothing is."""
    return settings.provider or ("openai" if settings.api_key else "recipes")


def preload(llm: LlmConfig) -> threading.Thread | None:
    """Imports the client library of the role `code` in a thread, so that the first request need not
    wait for it.

    None where there is none to import. What is wrong with a library is told by the first request.
    """
    library = _LIBRARIES.get(provider_of(llm.code)) if llm.replay_dir is None else None
    if library is None:
        return None

    def load() -> None:
        with contextlib.suppress(EndpointError):
            library()

    thread = threading.Thread(target=load, name="llm import", daemon=True)
    thread.start()
    return thread


def build_model(
    llm: LlmConfig,
    role: RoleName,
    *,
    record: Callable[[LlmCall], None],
    put: Callable[[str], str],
    spent: Spent,
    clock: Clock = time.time,
    sleep: Callable[[float], None] = time.sleep,
    seed: int = 0,
) -> Model | None:
    """The model of a role: over the network, or from a recording; None where the provider is
    recipes.

    record: takes each call's event. put: keeps an answer's text (see core.llm.replay.ANSWERS) and
    returns its digest. spent: tokens and USD of the run so far. seed: of the jitter. Reads no
    network and imports no client library. Raises ConfigError, one line, when something is missing
    that only the user can give.
    """
    settings: RoleSettings = llm.code if role == "code" else llm.feedback
    if llm.replay_dir is not None:
        replay = ReplayModel(llm.replay_dir, role, record, put)
        return ChoiceOfModels(replay, settings.model, lambda name: replay)
    provider = provider_of(settings)
    if provider == "recipes":
        return None
    model, keys = _model_and_keys(settings, role)
    if _unpriced(llm, model):
        raise ConfigError(f"llm.max_cost_usd cannot be held: llm.prices names no price of {model}")

    def build(name: str) -> Model:
        if _unpriced(llm, name):
            raise ModelError(f"llm.prices names no price of {name}", permanent=True, kind="cap")
        return RetryingModel(
            _ENDPOINTS[provider](_endpoint_settings(settings, name)),
            keys,
            Ledger(role, name, llm.prices, record, put, clock),
            RetryPolicy(
                settings.timeout, max_tokens=llm.max_total_tokens, max_usd=llm.max_cost_usd
            ),
            spent=spent,
            clock=clock,
            sleep=sleep,
            rng=random.Random(seed),
        )

    return ChoiceOfModels(build(model), model, build)


def _unpriced(llm: LlmConfig, model: str) -> bool:
    """True when a cap on the cost cannot be held with this model."""
    return llm.max_cost_usd is not None and price_of(model, llm.prices) is None


def _endpoint_settings(settings: RoleSettings, model: str) -> EndpointSettings:
    return EndpointSettings(
        model=model,
        base_url=settings.base_url,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        idle_s=settings.timeout * _IDLE_SHARE,
    )


def _model_and_keys(settings: RoleSettings, role: RoleName) -> tuple[str, tuple[str, ...]]:
    """Servers at another address than the provider's own may want no key."""
    if settings.model is None:
        raise ConfigError(f"llm.{role}.model is not set")
    keys = split_keys(settings.api_key)
    if not keys and settings.base_url is None:
        raise ConfigError(f"llm.{role}.api_key is not set")
    return settings.model, keys or (NO_KEY,)
