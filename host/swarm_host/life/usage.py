"""What a unit cost, as its agent says it: logs/run.json of swarm-evo, or logs/usage.json.

usage.json is one object with any of `usd`, `tokens` and `requests`. What an agent says is believed
as a cost of its own run only; it decides nothing but budgets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swarm_host.disk.files import read_regular
from swarm_host.life.outcomes import seconds_of
from swarm_host.records import Ending, Usage

# Far above what such a report needs.
_MOST_BYTES = 1 << 20


def usage_of(logs: Path, ending: Ending | None) -> Usage:
    """seconds from the agent's ending, the rest from its files; None where nobody says it."""
    said = _object(logs / "usage.json")
    llm = _object(logs / "run.json").get("llm")
    if not said and isinstance(llm, dict):
        said = {
            "usd": llm.get("cost_usd"),
            "tokens": _sum(llm, "prompt_tokens", "completion_tokens"),
            "requests": llm.get("requests"),
        }
    tokens, requests = _amount(said, "tokens"), _amount(said, "requests")
    return Usage(
        seconds=seconds_of(ending),
        usd=_amount(said, "usd"),
        tokens=_whole(tokens),
        requests=_whole(requests),
    )


def _object(path: Path) -> Mapping[str, Any]:
    """A small JSON object in a regular file; an empty one for everything else."""
    try:
        data = json.loads(read_regular(path, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _sum(values: Mapping[str, Any], *names: str) -> float | None:
    amounts = [_amount(values, name) for name in names]
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _amount(values: Mapping[str, Any], name: str) -> float | None:
    """A number that can be a cost: finite and not below zero."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)
