"""The tables of docs/benchmarks.md about policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmark.study.paired_figures import gains, interval, misses, regrets

Measured = Mapping[str, Any]
_WITHIN = 2.0
HOUR = 60
# Minutes that a comparison on the quick tier may take.
COMPARISON = 2.0


def fill_table(measured: Measured) -> str:
    """How long one call of `fill` took; only one that evaluated everything says whether the hour
    was kept.
    """
    whole, minutes = measured["made"] == measured["evaluations"], measured["minutes"]
    verdict = (
        ("met" if minutes <= HOUR else "missed")
        if whole
        else f"not measured: {measured['made']} by this call"
    )
    lines = ["| tier | competitions | evaluations | minutes | target |", "|---|---|---|---|---|"]
    cells = [measured["tier"], measured["competitions"], measured["evaluations"], f"{minutes:.1f}"]
    return "\n".join([*lines, f"| {' | '.join(map(str, cells))} | <= {HOUR}: {verdict} |"])


def search_table(measured: Measured) -> str:
    """Each policy by competition, then what the first had over the others, in time as well, then
    the final pick.
    """
    parts = [
        _scores(measured),
        _comparison(measured),
        _over_time(measured),
        _pick(measured),
        _minutes(measured),
    ]
    return "\n\n".join(part for part in parts if part)


def ablate_table(measured: Measured) -> str:
    """What the whole has over each variant, and how much of the search was spent on what."""
    full, *variants = measured["policies"]
    head = [
        "| without or instead | median gain of the whole | mean gain | whole better, equal, worse | programs tried |"
    ]
    head.append("|---|---|---|---|---|")
    rows = []
    for name in variants:
        found = gains(measured, full, name)
        tried = fmean(run["steps"] for run in _runs(measured, name))
        rows.append(
            f"| {name} | {_centre(found)} | {_mean(found)} | {_counts(found)} | {tried:.0f} |"
        )
    tried = fmean(run["steps"] for run in _runs(measured, full))
    rows.append(f"| nothing: {full} | | | | {tried:.0f} |")
    return "\n\n".join(part for part in ("\n".join([*head, *rows]), _minutes(measured)) if part)


def _minutes(measured: Measured) -> str:
    """ "" for figures that were kept without them."""
    if "minutes" not in measured:
        return ""
    minutes = measured["minutes"]
    verdict = f" (target {COMPARISON:g}: {'met' if minutes <= COMPARISON else 'missed'})"
    return f"Minutes that this comparison took: {minutes:.1f}{verdict if measured['tier'] == 'quick' else ''}."


def _scores(measured: Measured) -> str:
    """Median private score over seeds: published, and in brackets of the best single program."""
    policies = measured["policies"]
    lines = [
        f"| private score, median of seeds | {' | '.join(policies)} | library: median, best | programs |"
    ]
    lines.append("|---" * (len(policies) + 3) + "|")
    for name, library in measured["libraries"].items():
        cells = []
        for policy in policies:
            runs = [run for run in _runs(measured, policy) if run["competition"] == name]
            cells.append(
                f"{median(r['private'] for r in runs):.4f} ({median(r['alone'] for r in runs):.4f})"
            )
        known = f"{library['median']:.4f}, {library['best']:.4f}"
        lines.append(
            f"| {name}, {library['metric']} | {' | '.join(cells)} | {known} | {library['programs']} |"
        )
    lines += [f"| {name} |" + " |" * (len(policies) + 2) for name in measured["absent"]]
    return "\n".join(lines)


def _comparison(measured: Measured) -> str:
    first, *others = measured["policies"]
    lines = [
        "| paired gain in private score | median | mean | better, equal, worse | target |",
        "|---|---|---|---|---|",
    ]
    for other in others:
        for field, what in (("private", "what is published"), ("alone", "best single program")):
            found = gains(measured, first, other, field)
            target = _target(found) if (other, field) == ("random", "private") else ""
            cells = f"{_centre(found)} | {_mean(found)} | {_counts(found)}"
            lines.append(f"| {first} over {other}, {what} | {cells} | {target} |")
    return "\n".join(lines)


def _over_time(measured: Measured) -> str:
    """What the first policy had over the others when searches were shorter."""
    first, *others = measured["policies"]
    lines = ["| executions | programs tried | paired gain | median | mean | better, equal, worse |"]
    lines.append("|---" * 6 + "|")
    stages = {**measured["earlier"], str(measured["executions"]): measured["runs"]}
    for executions, runs in stages.items():
        then = {**measured, "runs": runs}
        tried = f"{fmean(run['steps'] for run in _runs(then, first)):.0f}"
        for other in others:
            found = gains(then, first, other)
            cells = f"{_centre(found)} | {_mean(found)} | {_counts(found)}"
            lines.append(f"| {executions} | {tried} | {first} over {other} | {cells} |")
    return "\n".join(lines)


def _target(found: Sequence[float]) -> str:
    if len(found) < 2:
        return "not measured: one run has no interval"
    low, _ = interval(found)
    return f"> 0 with its interval: {'met' if low > 0 else 'missed'}"


def _pick(measured: Measured) -> str:
    runs = _runs(measured, measured["policies"][0])
    regret = fmean(regrets(runs, measured["libraries"]))
    over = misses(runs, measured["libraries"])
    lines = ["| final pick | measured | target |", "|---|---|---|"]
    met = "met" if regret <= 0.5 else "missed"
    lines.append(
        f"| mean regret against the best finalist, standard errors | {regret:.2f} | <= 0.5: {met} |"
    )
    for place, what in enumerate(("the private score", "the difference of both scores")):
        share = fmean(abs(pair[place]) <= _WITHIN for pair in over) if over else 0.0
        target = f">= 0.9: {'met' if share >= 0.9 else 'missed'}" if place == 0 else ""
        lines.append(f"| share within 2 standard errors of {what} | {share:.2f} | {target} |")
    bias = f"{median(pair[0] for pair in over):+.2f}" if over else "none"
    lines.append(
        f"| its score minus the private one, better is plus, median in standard errors | {bias} | |"
    )
    kinds = [run["winner"] for run in runs]
    lines.append(f"| ensembles among the winners | {kinds.count('ensemble')} of {len(kinds)} | |")
    return "\n".join(lines)


def _runs(measured: Measured, policy: str) -> list[Mapping[str, Any]]:
    return [run for run in measured["runs"] if run["policy"] == policy]


def _centre(found: Sequence[float]) -> str:
    return _with_interval(median(found), found, np.median)


def _mean(found: Sequence[float]) -> str:
    return _with_interval(fmean(found), found, np.mean)


def _with_interval(value: float, found: Sequence[float], statistic: Callable[..., Any]) -> str:
    if len(found) < 2:
        return f"{value:+.3f}"
    low, high = interval(found, statistic)
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _counts(found: Sequence[float]) -> str:
    better, worse = sum(value > 0 for value in found), sum(value < 0 for value in found)
    return f"{better}, {len(found) - better - worse}, {worse}"
