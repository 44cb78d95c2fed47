"""Which columns say how rows count in the score: what a text or the user names, and whether the
cells can do it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
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
    spoken: dict[str, str] = {}
    for name in columns.names:
        words = _words(name)
        if "weight" in words and _spoken_of(words, text):
            spoken[name] = words
    longest = [name for name in spoken if not _inside_another(name, spoken)]
    if len(longest) != 1 or weight_problem(columns.cells(longest[0])):
        return None
    return longest[0]


def _inside_another(name: str, words: Mapping[str, str]) -> bool:
    """The words of the name stand among those of another one."""
    return any(words[name] in text for other, text in words.items() if other != name)


def levels_named(metric: str, section: str, columns: RowColumns) -> str | None:
    """The one column over whose values the section says that scores are averaged; None without one."""
    known = BY_NAME[metric]
    if not known.weighable or known.over_classes:
        return None
    sentences = list(map(_words, _SENTENCES.split(section.lower())))
    # The average may stand in the sentence before or behind the one with the column.
    pairs = itertools.zip_longest(sentences, sentences[1:], fillvalue="")
    near = list(filter(_AVERAGED.search, map(" ".join, pairs)))
    found = []
    for name in columns.names:
        column = re.compile(_by(_words(name)))
        if any(map(column.search, near)):
            found.append(name)
    if len(found) != 1 or levels_problem(columns.cells(found[0])):
        return None
    return found[0]


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
    if (values < 0).any() or not (values > 0).any():
        return "weights are not negative, and one at least is above 0"
    return ""


def levels_problem(cells: pd.Series) -> str:
    """Why scores cannot be averaged over the values of these cells, "" where they can."""
    count = cells.nunique()
    if not 1 < count <= _LEVELS_MAX:
        return f"it has {count} values, not 2 to {_LEVELS_MAX}"
    if 2 * count > len(cells):
        return "most of its values occur once"
    return ""


def _by(name: str) -> str:
    plain = name.removesuffix(" id")
    return rf"{_BY}(?:{re.escape(name)}|{re.escape(plain)})(?:s|es)?\b"


def _spoken_of(name: str, text: str) -> bool:
    """Names of several words may stand anywhere; one word must be called a column."""
    word, kind = re.escape(name), r"(?:column|field|variable)"
    phrase = rf"\b{word}\b"
    if " " not in name:
        phrase = rf"\b{word} {kind}\b|\b{kind} (?:named |called )?{word}\b"
    return re.search(phrase, text) is not None


def _words(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())
