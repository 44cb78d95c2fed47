"""Texts of a table: lengths, language, and some whole ones over the range of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from core.records import CompetitionSpec
from core.task.folder.cells import numbers
from core.task.look.columns import MISSING, percent
from core.task.look.language import language
from utils.text import exact
from utils.untrusted import one_line

EXAMPLES, SHOWN = 5, 200
_COLUMNS, _READ = 3, 5000
_QUANTILES = (0.05, 0.5, 0.95)
_NAME, _ANSWER = 30, 30


def text_lines(spec: CompetitionSpec, frame: pd.DataFrame) -> tuple[str, ...]:
    """A line for each of the first text columns."""
    return tuple(_line(name, frame[name]) for name in _columns(spec, frame)[:_COLUMNS])


def text_examples(spec: CompetitionSpec, frame: pd.DataFrame) -> tuple[str, ...]:
    """Whole texts (all text columns of a row) at quantiles of the answer, or one of each of the
    commonest classes; () without texts.
    """
    columns = _columns(spec, frame)[:_COLUMNS]
    labels = [name for name in spec.answers.labels if name in frame.columns]
    if not columns or not len(frame):
        return ()
    room = SHOWN // len(columns)
    return tuple(
        _example(frame.iloc[i], columns, labels, room) for i in _places(spec, frame, labels)
    )


def _columns(spec: CompetitionSpec, frame: pd.DataFrame) -> list[str]:
    return [name for name in spec.features.texts if name in frame.columns]


def _line(name: str, column: pd.Series) -> str:
    filled = column[~column.isin(MISSING)].astype(str)
    shown = one_line(name, _NAME)
    if not len(filled):
        return f"{shown}: empty"
    looked = filled.iloc[:: max(1, len(filled) // _READ)]
    words, characters = looked.str.count(r"\S+"), looked.str.len()
    line = f"{shown}: words {_quantiles(words)}; characters {_quantiles(characters)}; {language(looked)}"
    again = 1 - filled.nunique() / len(filled)
    if again >= 0.005:
        line += f"; {percent(again)} repeat another text"
    missing = 1 - len(filled) / len(column)
    if missing:
        line += f"; {percent(missing)} empty"
    return line


def _quantiles(counts: pd.Series) -> str:
    low, middle, high = np.quantile(counts, _QUANTILES)
    return f"{exact(round(low))} / {exact(round(middle))} / {exact(round(high))} (5 / 50 / 95 %), most {counts.max():,}"


def _places(spec: CompetitionSpec, frame: pd.DataFrame, labels: Sequence[str]) -> list[int]:
    """Rows to show."""
    if not labels:
        return list(range(min(EXAMPLES, len(frame))))
    answers = frame[labels[0]]
    values = numbers(answers).to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(values))
    if spec.value_kind == "real" and len(known):
        in_order = known[np.argsort(values[known], kind="stable")]
        ranks = np.linspace(0, len(in_order) - 1, EXAMPLES).round().astype(int)
        return in_order[ranks].tolist()
    if len(labels) > 1:
        return list(_of_each_label(frame, labels))
    return list(_of_classes(answers))


def _of_classes(answers: pd.Series) -> Iterator[int]:
    """One row of each of the commonest classes, two of each where they are two."""
    common = answers.value_counts().index[:EXAMPLES]
    each = 2 if len(common) == 2 else 1
    for name in common:
        yield from np.flatnonzero((answers == name).to_numpy())[:each].tolist()


def _of_each_label(frame: pd.DataFrame, labels: Sequence[str]) -> Iterator[int]:
    """A row without any label, and the first of each that has it."""
    hits = pd.DataFrame({name: numbers(frame[name]).fillna(0) > 0 for name in labels})
    rows = [np.flatnonzero(~hits.any(axis=1).to_numpy())]
    rows += [np.flatnonzero(hits[name].to_numpy()) for name in labels]
    first = dict.fromkeys(int(places[0]) for places in rows if len(places))
    yield from [*first][:EXAMPLES]


def _example(row: pd.Series, columns: Sequence[str], labels: Sequence[str], room: int) -> str:
    answers = ", ".join(f"{one_line(name, 20)}={_answer(str(row[name]))}" for name in labels[:8])
    several = len(columns) > 1
    parts = []
    for name in columns:
        text = one_line(str(row[name]), room)
        parts.append(f"{one_line(name, _NAME)}: {text}" if several else text)
    return f"{answers} | {' | '.join(parts)}"


def _answer(cell: str) -> str:
    """A number without digits that nobody needs."""
    value = pd.to_numeric(cell, errors="coerce")
    return one_line(cell, _ANSWER) if pd.isna(value) else exact(float(value))
