"""What a metric with a parameter knows beside its name: quantiles as texts and columns name them,
and the scale of errors as the answers of train give it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from core.metric_names import BY_NAME, QUANTILE, SCALE
from core.records import MetricSpec
from core.task.folder.cells import Mask, numbers, parse_times
from core.task.metric.columns import RowColumns

_ABOUT = re.compile(r"quantile|percentile|pinball|\btau\b|\balpha\b|\u03c4|\u03b1")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d\"'(])|\n\s*\n")
_SHARE = r"(?<![\d.])(?P<share>0?\.\d+)(?![\d.]*\d)"
_PERCENT = r"(?<![\d.])(?P<percent>\d{1,2}(?:\.\d+)?) ?(?:st|nd|rd|th|%|percent)(?![a-z])"
_LEVELS = re.compile(rf"{_SHARE}|{_PERCENT}|(?P<median>\bmedian\b)")
# q0.1, 0.975, sales_q10, p90, 50%, quantile_5
_NAME_OF_SHARE = re.compile(r"(?:.*[^\d.])?(0?\.\d+)")
_NAME_OF_PERCENT = re.compile(
    r"(?:.*[\W_])?(?:q|p|quantile|percentile|pct)[\W_]?(\d{1,2}(?:\.\d+)?)|(\d{1,2})%", re.I
)


def quantiles_of(section: str, targets: Sequence[str]) -> tuple[float, ...]:
    """The quantile of each target column: by the columns' names, else those that an evaluation
    section names, where they are as many. () where neither says it.
    """
    named = quantiles_named(targets)
    if named:
        return named
    levels = _in_text(section)
    if len(levels) != len(targets):
        return ()
    return levels


def quantiles_named(columns: Sequence[str]) -> tuple[float, ...]:
    """The quantile in the name of each of several columns; () where some name holds none, or two
    hold the same.
    """
    found = tuple(filter(None, map(_in_name, columns)))
    if len(columns) < 2 or len(set(found)) < len(columns):
        return ()
    return found


def _in_name(column: str) -> float | None:
    share, percent = _NAME_OF_SHARE.fullmatch(column), _NAME_OF_PERCENT.fullmatch(column)
    if share:
        level = float(share[1])
    elif percent:
        level = float(percent[1] or percent[2]) / 100
    else:
        return None
    if not 0 < level < 1:
        return None
    return level


def _in_text(section: str) -> tuple[float, ...]:
    """The quantiles of sentences that are about some, in their order, each once."""
    found = dict[float, None]()
    for sentence in _SENTENCES.split(section):
        text = sentence.lower()
        if _ABOUT.search(text):
            found |= dict.fromkeys(map(_level, _LEVELS.finditer(text)))
    return tuple(level for level in found if 0 < level < 1)


def _level(match: re.Match[str]) -> float:
    if match["median"]:
        return 0.5
    if match["share"]:
        return float(match["share"])
    return round(float(match["percent"]) / 100, 6)


def with_quantiles(
    metric: MetricSpec, section: str, targets: Sequence[str]
) -> tuple[MetricSpec, list[str]]:
    """The metric with the quantile of each target, where it is one of quantiles; lines for the
    notes.
    """
    if BY_NAME[metric.name].parameter != QUANTILE:
        return metric, []
    levels = quantiles_of(section, targets)
    why = ""
    if not levels:
        levels = (QUANTILE.usual,) * len(targets)
        why = ", because nothing says another"
    shown = ", ".join(f"{name!r} {level:g}" for name, level in zip(targets, levels, strict=True))
    return replace(metric, parameters=levels), [f"metric: quantiles {shown}{why}"]


def with_scale(
    metric: MetricSpec,
    labels: pd.DataFrame,
    columns: RowColumns,
    group: str | None,
    time: str | None,
) -> MetricSpec:
    """The metric with the scale of each target, where it is one of scaled errors. labels: answers
    of train, cells as text; group, time: columns that tell series apart and order their rows.

    A scale is the mean absolute step from a row to the next of its series; without columns that say
    so, all rows are one series in the order of the file. It is the same for all predictions, so
    that no order of theirs depends on it.
    """
    if BY_NAME[metric.name].parameter != SCALE:
        return metric
    rows = pd.DataFrame({"series": 0, "time": 0.0}, index=range(len(labels)))
    if columns.read is not None:
        if time is not None:
            rows["time"] = parse_times(columns.cells(time))
        name = group or _series_column(columns, rows["time"], time)
        if name is not None:
            rows["series"] = pd.factorize(columns.cells(name))[0]
    order = rows.sort_values(["series", "time"], kind="stable")
    same = (order["series"].diff() == 0).to_numpy()
    values = labels.reset_index(drop=True).loc[order.index]
    scales = (_mean_step(numbers(values[label]), same) for label in values.columns)
    return replace(metric, parameters=tuple(scales))


def _series_column(columns: RowColumns, times: pd.Series, time: str | None) -> str | None:
    """The first column in which no value has the same time twice, where times repeat."""
    if time is None or times.is_unique:
        return None
    for name in columns.names:
        series = pd.Series(pd.factorize(columns.cells(name))[0])
        if name != time and not pd.DataFrame({"series": series, "time": times}).duplicated().any():
            return name
    return None


def _mean_step(values: pd.Series, same: Mask) -> float:
    """Mean absolute difference of neighbours of the same series; 1 where there is none above 0."""
    steps = values.diff().abs().to_numpy()[same]
    steps = steps[np.isfinite(steps)]
    if not steps.any():
        return SCALE.usual
    return float(steps.mean())
