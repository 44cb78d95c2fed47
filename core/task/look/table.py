"""The train table beside the test table, its answers and a few rows, in bounded space."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from core.records import CompetitionSpec, TableFile
from core.task.folder.times import Times
from core.task.look.columns import MISSING, Course, column_facts
from core.task.look.sample import SampledRows
from core.task.preview import ColumnFacts, TableFacts, rank_of
from utils.text import exact
from utils.untrusted import one_line

MAX_LINES = 60
_RUN = 4
_NAMED = 12
_NARROW = 8
_EXAMPLE_COLUMNS = 12
_NUMBERED = re.compile(r"(.*?)(?<!\d)\d+$")
_CELL = 40
_SAMPLE_LINE = 64
# Characters of the names of columns that have no line of their own.
_FURTHER = 500
# (most columns, values of a category that are shown).
_TOPS = ((12, 12), (25, 6), (10**9, 3))
_BITS = frozenset({"integer", "constant"})


def table_facts(
    spec: CompetitionSpec, train: SampledRows, test: SampledRows | None, time: str | None
) -> TableFacts:
    """The facts of spec.tables.train. test: rows of spec.tables.test, None where there is no test
    table. time: the column that orders the rows.
    """
    assert spec.tables.train is not None
    ids, labels = _ids(spec), {*spec.answers.labels, *spec.answers.targets}
    names = [name for name in train.frame.columns if name not in ids | labels]
    other, lacking = None, list[str]()
    if test is not None:
        other = test.frame
        lacking = [name for name in names if name not in test.frame.columns]
    show = _Shown(_course(train.frame, time), _top(len(names)))
    lines = _folded(_facts(spec, name, train.frame, other, show) for name in names)
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
        examples=_examples(spec, train.frame),
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


def sample_lines(sample: pd.DataFrame, room: int = _SAMPLE_LINE) -> tuple[str, ...]:
    """Header and first rows, comma separated, wide ones cut to `room` characters each."""
    rows = [list(map(str, sample.columns)), *sample.head(2).to_numpy(dtype=object).tolist()]
    return tuple(_cells(row, room) for row in rows)


def few_names(names: Sequence[str]) -> tuple[str, ...]:
    shown = [one_line(name, 40) for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"and {len(names) - _NAMED} more")
    return tuple(shown)


def _ids(spec: CompetitionSpec) -> set[str]:
    """Columns that only name rows; an id that is a feature as well (a text key) stays a feature."""
    return {*spec.ids.columns, *spec.ids.sources} - {*spec.features.names}


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What the line of a column needs beside its cells."""

    course: Course | None
    top: int


def _course(train: pd.DataFrame, time: str | None) -> Course | None:
    if time is None:
        return None
    cells = train[time].where(~train[time].isin(MISSING), "")
    return Course(time, Times.of(cells).values)


def _top(columns: int) -> int:
    """Values that a line shows: more where lines are few."""
    return next(top for most, top in _TOPS if columns <= most)


def _facts(
    spec: CompetitionSpec,
    name: str,
    train: pd.DataFrame,
    test: pd.DataFrame | None,
    show: _Shown,
) -> ColumnFacts:
    theirs = None
    # Whether groups are on both sides is said of them, and no drift.
    if test is not None and name in test.columns and name != spec.features.group:
        theirs = test[name]
    text = name in spec.features.texts
    facts = column_facts(name, train[name], theirs, text, show.course, show.top)
    if show.course is not None and name == show.course.name:
        return dataclasses.replace(facts, summary="orders the rows, see Time", drift="")
    return facts


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
    # A column of zeros among counts is one of them.
    whole = facts.kind in _BITS and facts.low is not None
    return name, "integer" if whole else facts.kind, facts.drift


def _merged(run: list[ColumnFacts]) -> ColumnFacts:
    first, last = run[0], run[-1]
    kinds = Counter(each.kind for each in run)
    most_missing = max(each.missing for each in run)
    most_distinct = max(each.distinct for each in run)
    return dataclasses.replace(
        first,
        name=f"{first.name} .. {last.name}",
        kind=kinds.most_common(1)[0][0],
        summary=_together(run, kinds["constant"]),
        missing=most_missing,
        distinct=most_distinct,
        count=len(run),
    )


def _together(run: list[ColumnFacts], constants: int) -> str:
    """The range of all of them, else what the first one holds."""
    lows = [each.low for each in run if each.low is not None]
    highs = [each.high for each in run if each.high is not None]
    if len(lows) < len(run):
        return f"the first: {run[0].summary}" if run[0].summary else ""
    line = f"all within {exact(min(lows))} .. {exact(max(highs))}"
    if 0 < constants < len(run):
        line += f", {constants} of them constant"
    return line


def _chosen(lines: list[ColumnFacts]) -> tuple[ColumnFacts, ...]:
    """All lines, or those that tell most; in the order of the table."""
    kinds = Counter(facts.kind for facts in lines)
    order = sorted(range(len(lines)), key=lambda i: (rank_of(lines[i], kinds), -lines[i].count, i))
    return tuple(lines[i] for i in sorted(order[:MAX_LINES]))


def _examples(spec: CompetitionSpec, frame: pd.DataFrame) -> tuple[str, ...]:
    """A row, two of a narrow table, without their empty cells; texts are shown by themselves."""
    texts = [name for name in spec.features.texts if name in frame.columns]
    frame = frame.drop(columns=texts)
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


def _cells(row: Sequence[object], room: int) -> str:
    """The first cells that there is room for, and how many there are."""
    shown, left = list[str](), room
    for cell in row:
        shown.append(one_line(str(cell), _CELL))
        left -= len(shown[-1]) + 1
        if left < 0 or len(shown) > _NAMED:
            shown[-1] = f"... ({len(row)} columns)"
            break
    return ",".join(shown)
