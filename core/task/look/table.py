"""The train table beside the test table, its answers and a few rows, in bounded space."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, TableFile
from core.task.folder.cells import numbers
from core.task.look.columns import MISSING, column_facts, shares
from core.task.look.sample import SampledRows
from core.task.preview import ColumnFacts, TableFacts
from utils.untrusted import one_line

MAX_LINES = 60
_RUN = 4
_NAMED = 12
_NARROW = 8
_EXAMPLE_COLUMNS = 12
_NUMBERED = re.compile(r"(.*?)\d+$")
_CELL = 40
# Characters of the names of columns that have no line of their own.
_FURTHER = 500


def table_facts(spec: CompetitionSpec, train: SampledRows, test: SampledRows | None) -> TableFacts:
    """The facts of spec.tables.train. test: rows of spec.tables.test, None where there is no test table."""
    assert spec.tables.train is not None
    ids, labels = _ids(spec), {*spec.answers.labels, *spec.answers.targets}
    names = [name for name in train.frame.columns if name not in ids | labels]
    other, lacking = None, list[str]()
    if test is not None:
        other = test.frame
        lacking = [name for name in names if name not in test.frame.columns]
    lines = _folded(_facts(spec, name, train.frame, other) for name in names)
    columns = _chosen(lines)
    where = layout(spec.tables.train)
    if train.how:
        where += f", facts from {train.how}"
    return TableFacts(
        layout=where,
        rows=spec.tables.rows_train,
        columns=columns,
        more=_further([line for line in lines if line not in columns]),
        only_train=few_names(lacking),
        examples=_examples(train.frame),
    )


def _further(hidden: Sequence[ColumnFacts]) -> str:
    """Numbers and names by kind: a program can only use a column whose name it knows."""
    counts, names = Counter[str](), defaultdict[str, list[str]](list)
    for facts in hidden:
        counts[facts.kind] += facts.count
        names[facts.kind].append(facts.name)
    kinds = []
    for kind in sorted(names):
        named = one_line(", ".join(names[kind]), _FURTHER // len(names))
        kinds.append(f"{counts[kind]} {kind} ({named})")
    return "; ".join(kinds)


def layout(table: TableFile) -> str:
    """Path and format, as a program must know them to read the table."""
    path = f"{table.path} (member {table.member})" if table.member else table.path
    text = f"{one_line(path, 80)}: {table.format}"
    if table.format == "parquet":
        return text
    if table.delimiter != ",":
        text += f", separator {table.delimiter!r}"
    if table.encoding not in ("utf-8", "ascii"):
        text += f", {table.encoding}"
    return text


def target_lines(spec: CompetitionSpec, train: pd.DataFrame) -> tuple[str, ...]:
    """How the answers are distributed: shares of classes, or quartiles."""
    names = [name for name in spec.answers.labels if name in train.columns]
    lines = [f"{one_line(name, 40)}: {_distribution(spec, train[name])}" for name in names[:_NAMED]]
    if len(names) > _NAMED:
        lines.append(f"and {len(names) - _NAMED} more answer columns")
    return tuple(lines)


def sample_lines(sample: pd.DataFrame) -> tuple[str, ...]:
    """Header and first rows, comma separated, wide ones cut."""
    rows = [list(map(str, sample.columns)), *sample.head(2).to_numpy(dtype=object).tolist()]
    return tuple(map(_cells, rows))


def few_names(names: Sequence[str]) -> tuple[str, ...]:
    shown = [one_line(name, 40) for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"and {len(names) - _NAMED} more")
    return tuple(shown)


def _ids(spec: CompetitionSpec) -> set[str]:
    """Columns that only name rows; an id that is a feature as well (a text key) stays a feature."""
    return {*spec.ids.columns, *spec.ids.sources} - {*spec.features.names}


def _facts(
    spec: CompetitionSpec, name: str, train: pd.DataFrame, test: pd.DataFrame | None
) -> ColumnFacts:
    theirs = None
    if test is not None and name in test.columns:
        theirs = test[name]
    return column_facts(name, train[name], theirs, text=name in spec.features.texts)


def _folded(found: Iterable[ColumnFacts]) -> list[ColumnFacts]:
    """Neighbours of one kind whose names differ in their last number only become one line, unless
    one drifts.
    """
    lines: list[ColumnFacts] = []
    for _, run in groupby(found, key=_likeness):
        each = list(run)
        lines += [_merged(each)] if len(each) >= _RUN else each
    return lines


def _likeness(facts: ColumnFacts) -> tuple[str, str, str]:
    numbered = _NUMBERED.fullmatch(facts.name)
    # No name that ends with a number has the NUL.
    name = numbered.group(1) if numbered else facts.name + "\0"
    return name, facts.kind, facts.drift


def _merged(run: list[ColumnFacts]) -> ColumnFacts:
    first, last = run[0], run[-1]
    most_missing = max(each.missing for each in run)
    most_distinct = max(each.distinct for each in run)
    return dataclasses.replace(
        first,
        name=f"{first.name} .. {last.name}",
        summary=f"the first: {first.summary}" if first.summary else "",
        missing=most_missing,
        distinct=most_distinct,
        count=len(run),
    )


def _chosen(lines: list[ColumnFacts]) -> tuple[ColumnFacts, ...]:
    """All lines, or those that tell most: drift, texts, runs, then the rest; in the order of the
    table.
    """
    order = sorted(
        range(len(lines)),
        key=lambda i: (not lines[i].drift, lines[i].kind != "text", -lines[i].count, i),
    )
    return tuple(lines[i] for i in sorted(order[:MAX_LINES]))


def _distribution(spec: CompetitionSpec, column: pd.Series) -> str:
    blank = column.isin(MISSING) if spec.value_kind == "real" else column == ""
    filled = column[~blank]
    empty = f"; empty in {int(blank.sum())} rows" if blank.any() else ""
    values = numbers(filled).dropna().to_numpy(dtype=float)
    distinct = int(filled.nunique())
    if len(values) == len(filled) and distinct > 20:
        low, first, middle, third, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        spread = f"{low:.5g} .. {high:.5g}, quartiles {first:.5g}, {middle:.5g}, {third:.5g}"
        return f"{spread}, mean {values.mean():.5g}, {distinct} distinct{empty}"
    rare = int(filled.value_counts().min()) if distinct else 0
    return f"{distinct} values: {shares(filled, 8)}; the rarest has {rare} rows{empty}"


def _examples(frame: pd.DataFrame) -> tuple[str, ...]:
    """A row, two of a narrow table, without their empty cells."""
    if not len(frame):
        return ()
    first = _example(frame.iloc[0])
    if len(frame.columns) > _NARROW:
        return (first,)
    return first, _example(frame.iloc[len(frame) // 3])


def _example(row: pd.Series) -> str:
    filled = row[row != ""]
    pairs = []
    for name, cell in filled.head(_EXAMPLE_COLUMNS).items():
        pairs.append(f"{one_line(name, 30)}={one_line(cell, _CELL)}")
    if len(filled) > _EXAMPLE_COLUMNS:
        pairs.append("...")
    return ", ".join(pairs)


def _cells(row: Sequence[object]) -> str:
    shown = [one_line(str(cell), _CELL) for cell in row[:_NAMED]]
    if len(row) > _NAMED:
        shown.append(f"... ({len(row)} columns)")
    return ",".join(shown)
