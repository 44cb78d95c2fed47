"""What runs of policies add up to: paired gains, regrets, promises. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Rows = Sequence[Mapping[str, Any]]
_DRAWS = 2000
_SEED = 7
# A score without any error is possible on few rows.
_LEAST = 1e-9


def gains(
    measured: Mapping[str, Any], policy: str, other: str, field: str = "private"
) -> list[float]:
    """What `policy` had over `other` with the same seed on the same case.

    In units of the library: from its median program to its best one, by private score.
    """
    runs = {(run["competition"], run["seed"], run["policy"]): run for run in measured["runs"]}
    found = []
    for (name, seed, played), run in runs.items():
        if played == policy and (name, seed, other) in runs:
            library = measured["libraries"][name]
            span = (library["best"] - library["median"]) or 1.0
            found.append((run[field] - runs[name, seed, other][field]) / span)
    return found


def interval(
    values: Sequence[float], statistic: Callable[..., Any] = np.median
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic over (competition, seed)."""
    drawn = np.random.default_rng(_SEED).choice(np.asarray(values), (_DRAWS, len(values)))
    low, high = np.quantile(statistic(drawn, axis=1), [0.025, 0.975])
    return float(low), float(high)


def regrets(runs: Rows, libraries: Mapping[str, Any]) -> list[float]:
    """How much worse than the best finalist the final pick's choice is, in standard errors of its
    private score.
    """
    found = []
    for run in runs:
        worse = _sign(run, libraries) * (run["best_finalist"] - run["private"])
        found.append(worse / max(run["stderr"], _LEAST))
    return found


def misses(runs: Rows, libraries: Mapping[str, Any]) -> list[tuple[float, float]]:
    """How far the final pick's score promised too much: in standard errors of the private score,
    and of the difference of both scores.
    """
    found = []
    for run in runs:
        if run["picked"] is not None:
            over = _sign(run, libraries) * (run["picked"] - run["private"])
            both = np.hypot(run["stderr"], run["picked_stderr"] or 0.0)
            found.append((over / max(run["stderr"], _LEAST), over / max(float(both), _LEAST)))
    return found


def _sign(run: Mapping[str, Any], libraries: Mapping[str, Any]) -> int:
    if libraries[run["competition"]]["direction"] == "maximize":
        return 1
    return -1
