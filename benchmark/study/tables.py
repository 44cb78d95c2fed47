"""The tables of docs/benchmarks.md about policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmark.measure import Figures, markdown
from benchmark.study.paired_figures import gains, interval, misses, regrets

_WITHIN = 2.0
HOUR = 60
# Minutes that a comparison on the quick tier may take.
COMPARISON = 2.0
# Columns of a line of paired gains.
_GAINS = ("median", "mean", "better, equal, worse")


def fill_table(measured: Figures) -> str:
    """How long one call of `fill` took; only one that evaluated everything says whether the hour
    was kept.
    """
    minutes = measured["minutes"]
    verdict = _verdict(minutes <= HOUR)
    if measured["made"] != measured["evaluations"]:
        verdict = f"not measured: {measured['made']} by this call"
    head = ("tier", "competitions", "evaluations")
    row = [*(measured[name] for name in head), f"{minutes:.1f}", f"<= {HOUR}: {verdict}"]
    return markdown((*head, "minutes", "target"), [row])


def search_table(measured: Figures) -> str:
    """Each policy by competition, then what the first had over the others, in time as well, then
    the final pick.
    """
    parts = (
        _scores(measured),
        _comparison(measured),
        _over_time(measured),
        _pick(measured),
        _minutes(measured),
    )
    return "\n\n".join(filter(None, parts))


def ablate_table(measured: Figures) -> str:
    """What the whole has over each variant, and how much of the search was spent on what."""
    full, *variants = measured["policies"]
    what = ("median gain of the whole", "mean gain", "whole better, equal, worse")
    rows = []
    for name in variants:
        rows.append([name, *_gain_cells(gains(measured, full, name)), _tried(measured, name)])
    rows.append([f"nothing: {full}", "", "", "", _tried(measured, full)])
    table = markdown(("without or instead", *what, "programs tried"), rows)
    return "\n\n".join(filter(None, (table, _minutes(measured))))


def _minutes(measured: Figures) -> str:
    """ "" for figures that were kept without them."""
    if "minutes" not in measured:
        return ""
    minutes, target = measured["minutes"], ""
    if measured["tier"] == "quick":
        target = f" (target {COMPARISON:g}: {_verdict(minutes <= COMPARISON)})"
    return f"Minutes that this comparison took: {minutes:.1f}{target}."


def _scores(measured: Figures) -> str:
    """Median private score over seeds: published, and in brackets of the best single program."""
    policies, rows = measured["policies"], []
    for name, library in measured["libraries"].items():
        cells = [f"{name}, {library['metric']}"]
        for policy in policies:
            runs = [run for run in _runs(measured, policy) if run["competition"] == name]
            cells.append(f"{_median(runs, 'private')} ({_median(runs, 'alone')})")
        known = f"{library['median']:.4f}, {library['best']:.4f}"
        rows.append([*cells, known, library["programs"]])
    for name in measured["absent"]:
        rows.append([name])
    head = ["private score, median of seeds", *policies, "library: median, best", "programs"]
    return markdown(head, rows)


def _median(runs: Sequence[Figures], field: str) -> str:
    return f"{median(run[field] for run in runs):.4f}"


def _comparison(measured: Figures) -> str:
    first, *others = measured["policies"]
    rows = []
    for other in others:
        for field, what in (("private", "what is published"), ("alone", "best single program")):
            found, target = gains(measured, first, other, field), ""
            if (other, field) == ("random", "private"):
                target = _target(found)
            rows.append([f"{first} over {other}, {what}", *_gain_cells(found), target])
    return markdown(("paired gain in private score", *_GAINS, "target"), rows)


def _over_time(measured: Figures) -> str:
    """What the first policy had over the others when searches were shorter."""
    first, *others = measured["policies"]
    stages = {**measured["earlier"], str(measured["executions"]): measured["runs"]}
    rows = []
    for executions, runs in stages.items():
        then = {**measured, "runs": runs}
        for other in others:
            cells = _gain_cells(gains(then, first, other))
            rows.append([executions, _tried(then, first), f"{first} over {other}", *cells])
    return markdown(("executions", "programs tried", "paired gain", *_GAINS), rows)


def _target(found: Sequence[float]) -> str:
    if len(found) < 2:
        return "not measured: one run has no interval"
    low, _ = interval(found)
    return f"> 0 with its interval: {_verdict(low > 0)}"


def _pick(measured: Figures) -> str:
    """Of the first policy."""
    runs = _runs(measured, measured["policies"][0])
    regret = fmean(regrets(runs, measured["libraries"]))
    over = misses(runs, measured["libraries"])
    in_private = [errors for errors, _ in over]
    near = _share_within(in_private)
    near_both = _share_within([errors for _, errors in over])
    bias = "none"
    if over:
        bias = f"{median(in_private):+.2f}"
    kinds = [run["winner"] for run in runs]
    share = "share within 2 standard errors of"
    return markdown(
        ("final pick", "measured", "target"),
        (
            (
                "mean regret against the best finalist, standard errors",
                f"{regret:.2f}",
                f"<= 0.5: {_verdict(regret <= 0.5)}",
            ),
            (
                f"{share} the private score",
                f"{near:.2f}",
                f">= 0.9: {_verdict(near >= 0.9)}",
            ),
            (f"{share} the difference of both scores", f"{near_both:.2f}"),
            (
                "its score minus the private one, better is plus, median in standard errors",
                bias,
            ),
            ("ensembles among the winners", f"{kinds.count('ensemble')} of {len(kinds)}"),
        ),
    )


def _share_within(errors: Sequence[float]) -> float:
    """Of misses of at most two standard errors; 0 where there are none."""
    if not errors:
        return 0.0
    return fmean(abs(error) <= _WITHIN for error in errors)


def _verdict(met: bool) -> str:
    if met:
        return "met"
    return "missed"


def _runs(measured: Figures, policy: str) -> list[Figures]:
    return [run for run in measured["runs"] if run["policy"] == policy]


def _tried(measured: Figures, policy: str) -> str:
    """Programs per run."""
    return f"{fmean(run['steps'] for run in _runs(measured, policy)):.0f}"


def _gain_cells(found: Sequence[float]) -> list[str]:
    """Median and mean with their intervals, and how often it was better, equal and worse."""
    signs = np.sign(found).tolist()
    better, equal, worse = map(signs.count, (1, 0, -1))
    return [
        _with_interval(median(found), found, np.median),
        _with_interval(fmean(found), found, np.mean),
        f"{better}, {equal}, {worse}",
    ]


def _with_interval(value: float, found: Sequence[float], statistic: Callable[..., Any]) -> str:
    if len(found) < 2:
        return f"{value:+.3f}"
    low, high = interval(found, statistic)
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
