"""Which columns say how rows count in the score: what a text or the user names, and whether the
cells can do it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.metric_names import BY_NAME
from core.records import MetricSpec
from core.task.folder.cells import numbers
from utils.config_schema import TaskConfig
from utils.errors import ConfigError

_LEVELS_MAX = 500
_AVERAGED = re.compile(r"\baverag(?:e|ed|es|ing)\b(?! precision)|\bmean (?:of|over|across|taken)\b")
_BY = r"\b(?:each|every|per|across|over|by)(?: (?:the|all|different|distinct|unique|of|these))*(?: [\w-]+){0,3}? "
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


@dataclass(frozen=True, slots=True)
class RowColumns:
    """The columns of the train table that are neither ids nor answers. read: cells as text."""

    names: Sequence[str] = ()
    read: Callable[[str], pd.Series] | None = None

    def cells(self, name: str) -> pd.Series:
        assert self.read is not None
        return self.read(name)


NO_COLUMNS = RowColumns()


def weight_named(section: str, columns: RowColumns) -> str | None:
    """The one column of usable weights of which an evaluation section speaks as a column; None
    without one.

    A column that is merely called weight may hold kilograms.
    """
    text = _words(section)
    found = [
        name
        for name in columns.names
        if _spoken_of(_words(name), text) and "weight" in _words(name)
    ]
    found = [
        name
        for name in found
        if not any(_words(name) in _words(other) for other in found if other != name)
    ]
    return found[0] if len(found) == 1 and not weight_problem(columns.cells(found[0])) else None


def levels_named(metric: str, section: str, columns: RowColumns) -> str | None:
    """The one column over whose values the section says that scores are averaged; None without one."""
    known = BY_NAME[metric]
    if not known.weighable or known.over_classes:
        return None
    sentences = [_words(sentence) for sentence in _SENTENCES.split(section.lower())]
    near = [
        " ".join(sentences[i : i + 2])
        for i in range(len(sentences))
        if _averages(sentences[i : i + 2])
    ]
    found = [
        name for name in columns.names if any(re.search(_by(_words(name)), text) for text in near)
    ]
    return found[0] if len(found) == 1 and not levels_problem(columns.cells(found[0])) else None


def asked_columns(metric: MetricSpec, columns: RowColumns, task: TaskConfig) -> MetricSpec:
    """The metric with the columns that the user names. Raises ConfigError for one that cannot be."""
    checks = {
        "weight_column": (task.weight_column, weight_problem),
        "mean_over": (task.mean_over, levels_problem),
    }
    for key, (name, problem_of) in checks.items():
        if not name:
            continue
        if not BY_NAME[metric.name].weighable:
            problem = f"{metric.name} is not made of rows"
        elif name not in columns.names:
            problem = "the train table has no such column beside ids and answers"
        else:
            problem = problem_of(columns.cells(name))
        if problem:
            raise ConfigError(f"task.{key}={name}: {problem}")
        metric = replace(metric, **{key: name})  # type: ignore[arg-type]
    return metric


def weight_problem(cells: pd.Series) -> str:
    """Why these cells are no weights, "" where they are."""
    values = numbers(cells).to_numpy(dtype=float)
    if not np.isfinite(values).all():
        return "its cells are not all numbers"
    return (
        ""
        if (values >= 0).all() and (values > 0).any()
        else "weights are not negative, and one at least is above 0"
    )


def levels_problem(cells: pd.Series) -> str:
    """Why scores cannot be averaged over the values of these cells, "" where they can."""
    count = cells.nunique()
    if not 1 < count <= _LEVELS_MAX:
        return f"it has {count} values, not 2 to {_LEVELS_MAX}"
    return "" if 2 * count <= len(cells) else "most of its values occur once"


def _averages(sentences: Sequence[str]) -> bool:
    return any(_AVERAGED.search(sentence) for sentence in sentences)


def _by(name: str) -> str:
    plain = name.removesuffix(" id")
    return rf"{_BY}(?:{re.escape(name)}|{re.escape(plain)})(?:s|es)?\b"


def _spoken_of(name: str, text: str) -> bool:
    """Names of several words may stand anywhere; one word must be called a column."""
    if " " in name:
        return re.search(rf"\b{re.escape(name)}\b", text) is not None
    kind = r"(?:column|field|variable)"
    return (
        re.search(
            rf"\b{re.escape(name)} {kind}\b|\b{kind} (?:named |called )?{re.escape(name)}\b", text
        )
        is not None
    )


def _words(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())
