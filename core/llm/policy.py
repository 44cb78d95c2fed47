"""How often, how long and how dearly a model is asked: numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Times in seconds."""

    # Of one request.
    timeout_s: float
    # Requests for one answer; adaptations and further keys are not counted.
    attempts: int = 4
    # Of an answer that was cut off by length.
    continuations: int = 2
    # Before the second request; doubles with each further one.
    first_wait_s: float = 2.0
    # Bound of a wait, also of what a server may ask for.
    longest_wait_s: float = 60.0
    # In a row, that open the circuit.
    failures: int = 6
    # Of a circuit that opened; doubles each time.
    rest_s: float = 60.0
    # Bound of a rest.
    longest_rest_s: float = 900.0
    # Answers under way at a time, over all who ask the same model at the same address.
    concurrency: int = 8
    # Tokens of the whole run, over resumes; None: no cap.
    max_tokens: int | None = None
    # USD of the whole run, over resumes; None: no cap.
    max_usd: float | None = None
    # A longer prompt is a mistake of the caller and is not sent.
    max_prompt_chars: int = 2_000_000
