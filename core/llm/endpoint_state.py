"""What is known of one model at one address, shared by all who ask it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from core.llm.breaker import Breaker
from core.llm.endpoint import EndpointError, Kind
from core.llm.keys import NO_KEY, KeyRing
from core.llm.policy import RetryPolicy
from core.protocols import Clock

# No later attempt is expected to do better: the circuit opens at once, for long.
_FOR_GOOD: frozenset[Kind] = frozenset({"auth", "quota", "not_found", "not_an_api"})
# The endpoint is well; it is the request that it cannot take, or the model cannot answer in the form
# that it asks for: others who ask the same model are not to rest for that.
_OF_THE_REQUEST: frozenset[Kind] = frozenset({"context", "refusal", "format"})
# These say nothing about the endpoint.
_NEUTRAL: frozenset[Kind] = frozenset({"adapt", "given up"})
_OF_THE_KEY: frozenset[Kind] = frozenset({"auth", "quota", "rate"})


class EndpointState:
    """Which keys rest, whether the circuit is open, how many answers are under way. Thread-safe.

    keys: take turns. circuit: asked before each request. slots: one per answer under way. secrets:
    the keys that no text may show.
    """

    def __init__(self, keys: Sequence[str], policy: RetryPolicy, clock: Clock) -> None:
        self.keys = KeyRing(keys, clock, policy.first_wait_s)
        self.circuit = Breaker(clock, policy.failures, policy.rest_s, policy.longest_rest_s)
        self.slots = threading.Semaphore(policy.concurrency)
        self.secrets = tuple(key for key in keys if key != NO_KEY)

    def worked(self, key: str) -> None:
        """A request with this key was answered."""
        self.keys.worked(key)
        self.circuit.succeeded()

    def failed(self, key: str, error: EndpointError) -> None:
        """A request with this key was not. While another key is ready, a refused one is no failure
        of the endpoint.
        """
        self.keys.failed(key, error)
        another_is_ready = error.kind in _OF_THE_KEY and self.keys.wait_s == 0
        if error.kind in _OF_THE_REQUEST:
            self.circuit.succeeded()
        elif error.kind in _NEUTRAL or another_is_ready:
            self.circuit.let_go()
        else:
            self.circuit.failed(error.message, for_good=error.kind in _FOR_GOOD)
