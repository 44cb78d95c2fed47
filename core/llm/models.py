"""The language models of a run: which provider is in force, and one model per role."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from functools import partial

from core.llm.client import RetryingModel
from core.llm.endpoint import EndpointError, EndpointSettings
from core.llm.endpoint_state import EndpointState
from core.llm.keys import NO_KEY, split_keys
from core.llm.ledger import CallBook, Ledger, price_of
from core.llm.model_choice import ChoiceOfModels
from core.llm.policy import RetryPolicy
from core.llm.providers import ENDPOINTS
from core.llm.replay import JOURNAL, ReplayModel, recorded_calls
from core.llm.stoppable import StopOrAbandoned, StoppableModel
from core.protocols import Clock, Model, Stop
from core.records import Role
from utils.config_schema import LlmConfig, RoleConfig
from utils.errors import ConfigError, ModelError

log = logging.getLogger(__name__)

# Provider in force where recorded answers are given again, and where no model is asked.
REPLAY, RECIPES = "replay", "recipes"

# Of the time for one call: models that think send nothing for minutes, and so do busy local
# servers.
_IDLE_SHARE = 0.5


def provider_in_force(llm: LlmConfig) -> tuple[str, str]:
    """Who is asked for programs, a name of ENDPOINTS, REPLAY or RECIPES, and what keeps a
    configured provider from being asked ("" where nothing does).

    The one answer to whether a run has a language model. Reads no network and imports no client
    library.
    """
    provider = _configured_provider(llm, "code")
    try:
        if provider == REPLAY and llm.replay_dir is not None:
            recorded_calls(llm.replay_dir / JOURNAL)
        elif provider != RECIPES:
            _name_and_keys(llm, "code")
    except ConfigError as error:
        return RECIPES, f"provider {provider}: {error}"
    return provider, ""


def preload(llm: LlmConfig) -> threading.Thread | None:
    """Imports the client library of the role `code` in a thread, so that the first request need not
    wait for it.

    None where there is none to import. What is wrong with a library is told by the first request.
    """
    endpoint = ENDPOINTS.get(_configured_provider(llm, "code"))
    if endpoint is None:
        return None

    def load() -> None:
        with contextlib.suppress(EndpointError):
            endpoint.library()

    thread = threading.Thread(target=load, name="llm import", daemon=True)
    thread.start()
    return thread


class Models:
    """One model per role, made when it is first asked for and the same for all who ask.

    Roles that name the same model at the same address with the same keys share its state: a key
    that was refused to one rests for the other, and a circuit that opened is open for both. When
    the run stops, or answers come too late, whoever waits for one leaves with Interrupted.
    """

    def __init__(
        self,
        llm: LlmConfig,
        book: CallBook,
        stop: Stop,
        *,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
    ) -> None:
        """seed: of the jitter of waits."""
        self._llm = llm
        self._book = book
        self._stop = StopOrAbandoned(stop)
        self._clock, self._sleep = clock, sleep
        self._seed = seed
        self._lock = threading.Lock()
        self._by_role: dict[Role, Model | None] = {}
        self._states: dict[tuple[str, str | None, tuple[str, ...], str], EndpointState] = {}

    def of(self, role: Role) -> Model | None:
        """None where nobody can be asked in this role, which is logged: no provider is in force, or
        the role lacks what only the user can give.
        """
        with self._lock:
            if role not in self._by_role:
                self._by_role[role] = self._stoppable(role)
            return self._by_role[role]

    def abandon(self) -> None:
        """Ends the requests under way, each with its line in the ledger; no other is sent, in any
        role. For the end of a search, when no answer is of use any more.
        """
        self._stop.abandon()

    def timeout(self, role: Role) -> float:
        """Seconds for one call."""
        return _settings(self._llm, role).timeout

    def _stoppable(self, role: Role) -> Model | None:
        provider, _ = provider_in_force(self._llm)
        if provider == RECIPES:
            return None
        try:
            model = self._model(role)
        except ConfigError as error:
            log.warning("nobody is asked in the role %s: %s", role, error)
            return None
        return None if model is None else StoppableModel(model, self._stop)

    def _model(self, role: Role) -> Model | None:
        """Over the network, or from a recording. Raises ConfigError, one line, when something is
        missing that only the user can give.
        """
        if self._llm.replay_dir is not None:
            replay = ReplayModel(self._llm.replay_dir, role, self._book.record, self._book.put)
            return ChoiceOfModels(replay, _settings(self._llm, role).model, lambda name: replay)
        if _configured_provider(self._llm, role) == RECIPES:
            return None
        name, keys = _name_and_keys(self._llm, role)
        build = partial(self._named, role, keys)
        return ChoiceOfModels(build(name), name, build)

    def _named(self, role: Role, keys: tuple[str, ...], name: str) -> Model:
        """A model of the role's provider. Raises ModelError when it may not be asked."""
        llm, settings = self._llm, _settings(self._llm, role)
        if _unpriced(llm, name):
            raise ModelError(f"llm.prices names no price of {name}", permanent=True, kind="cap")
        provider = _configured_provider(llm, role)
        policy = RetryPolicy(
            settings.timeout, max_tokens=llm.max_total_tokens, max_usd=llm.max_cost_usd
        )
        shared_by = (provider, settings.base_url, keys, name)
        if shared_by not in self._states:
            self._states[shared_by] = EndpointState(keys, policy, self._clock)
        return RetryingModel(
            ENDPOINTS[provider](_endpoint_settings(settings, name)),
            self._states[shared_by],
            Ledger(role, name, llm.prices, self._book, self._clock),
            policy,
            spent=self._book.spent,
            clock=self._clock,
            sleep=self._sleep,
            rng=random.Random(self._seed),
        )


def _settings(llm: LlmConfig, role: Role) -> RoleConfig:
    return llm.code if role == "code" else llm.feedback


def _configured_provider(llm: LlmConfig, role: Role) -> str:
    """Without a name, openai when only a key is there, recipes when nothing is."""
    if llm.replay_dir is not None:
        return REPLAY
    settings = _settings(llm, role)
    return settings.provider or ("openai" if settings.api_key else RECIPES)


def _name_and_keys(llm: LlmConfig, role: Role) -> tuple[str, tuple[str, ...]]:
    """The role's own model and the keys for it. Servers at another address than the provider's own
    may want no key. Raises ConfigError, one line, when something is missing.
    """
    settings = _settings(llm, role)
    if settings.model is None:
        raise ConfigError(f"llm.{role}.model is not set")
    keys = split_keys(settings.api_key)
    if not keys and settings.base_url is None:
        raise ConfigError(f"llm.{role}.api_key is not set")
    if _unpriced(llm, settings.model):
        raise ConfigError(
            f"llm.max_cost_usd cannot be held: llm.prices names no price of {settings.model}"
        )
    return settings.model, keys or (NO_KEY,)


def _unpriced(llm: LlmConfig, model: str) -> bool:
    """True when a cap on the cost cannot be held with this model."""
    return llm.max_cost_usd is not None and price_of(model, llm.prices) is None


def _endpoint_settings(settings: RoleConfig, model: str) -> EndpointSettings:
    return EndpointSettings(
        model=model,
        base_url=settings.base_url,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        idle_s=settings.timeout * _IDLE_SHARE,
    )
