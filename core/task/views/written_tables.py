"""Whether the two tables that a generated split makes of a folder may be believed.

train.csv: a row per known answer, with the columns of the sample submission and features. test.csv:
a row per row of the sample, with the ids and the same features. Which rows are held out is not the
program's business.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, TableFile
from core.task.folder.cells import Floats, is_numeric
from core.task.folder.inventory import FoundFile, list_files
from core.task.folder.loading import load
from core.task.views.splits import MIN_ROWS
from utils.errors import SpecError

_TURNED_BYTES = 256 << 20
_SAME = 1e-6
# A feature that says the answer in more rows than this is the answer.
_TELLS = 0.99
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True, eq=False)
class TableFrames:
    """Cells as text."""

    train: pd.DataFrame
    test: pd.DataFrame


def faults(spec: CompetitionSpec, folders: Sequence[Path], group: str | None) -> list[str]:
    """Why the tables in the first folder may not be used; [] when they may.

    spec: of which only the sample is known. folders: what the program made; what one that was
    written apart made; what the program made of a folder whose rows stand in another order. group:
    a column of both tables, by which rows belong together.
    """
    assert spec.tables.sample is not None
    ids, targets = list(spec.ids.columns), list(spec.answers.targets)
    try:
        sample = load(Path(spec.data_dir), spec.tables.sample)
        first, second, turned = map(_read, folders)
        found = [*_columns(first, ids, targets, group), *_columns(second, ids, targets, None)]
        found += [*_columns(turned, ids, targets, group)]
    except (SpecError, ValueError) as error:
        return [str(error)]
    if found:
        return found
    return [
        *_ids(first, ids, sample),
        *_answers(first, targets, sample[targets]),
        *_telling(first, ids, targets),
        *_alike(first, second, ids, targets),
        *_order(first, turned),
    ]


def turn_rows(root: Path, target: Path) -> None:
    """A new folder like `root` whose tables and lists of records have their rows in the opposite
    order.

    Other files are links to the original ones.
    """
    left = _TURNED_BYTES
    for file in list_files(root):
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.size <= left and _turned(root, file, path):
            left -= file.size
        else:
            path.symlink_to((root / file.path).resolve())


# ---------------------------------------------------------------- invariants


def _columns(
    tables: TableFrames, ids: list[str], targets: list[str], group: str | None
) -> Iterator[str]:
    groups = [group] if group else []
    yield from _missing("train", tables.train, [*ids, *targets, *groups])
    yield from _missing("test", tables.test, [*ids, *groups])
    known = [column for column in targets if column in tables.test.columns]
    if known:
        yield f"test.csv has the answer column {known[0]!r}"


def _missing(name: str, table: pd.DataFrame, wanted: Sequence[str]) -> Iterator[str]:
    """The first of the wanted columns that the table lacks."""
    for column in wanted:
        if column not in table.columns:
            yield f"{name}.csv has no column {column!r}"
            return


def _ids(tables: TableFrames, ids: list[str], sample: pd.DataFrame) -> Iterator[str]:
    train, test, asked = _keys(tables.train, ids), _keys(tables.test, ids), _keys(sample, ids)
    if len(train) < MIN_ROWS:
        yield f"train.csv has {len(train)} rows"
    if train.duplicated().any():
        yield f"train.csv has {int(train.duplicated().sum())} ids more than once"
    if len(test) != len(asked) or set(test) != set(asked):
        yield "the ids of test.csv are not those of the sample submission, each once"
    leaked = int(train.isin(set(asked)).sum())
    if leaked:
        yield f"{leaked} rows of train.csv have ids of the sample submission, whose answers nobody knows"


def _answers(tables: TableFrames, targets: list[str], sample: pd.DataFrame) -> Iterator[str]:
    for name in targets:
        column = tables.train[name]
        if column.nunique() < 2:
            yield f"all answers in {name!r} are the same"
        elif is_numeric(sample[name]) and not is_numeric(column[column != ""]):
            yield f"the answers in {name!r} are no numbers, as in the sample submission"


def _telling(tables: TableFrames, ids: list[str], targets: list[str]) -> Iterator[str]:
    known = set(tables.train.columns) - set(ids)
    features = [name for name in tables.test.columns if name in known]
    for name in targets:
        answer = tables.train[name]
        by_chance = answer.value_counts(normalize=True).iloc[0]
        for feature in features:
            if _share_alike(tables.train[feature], answer) > max(_TELLS, by_chance):
                yield f"the feature {feature!r} is the answer {name!r}"


def _alike(
    first: TableFrames, second: TableFrames, ids: list[str], targets: list[str]
) -> Iterator[str]:
    """Two programs that were written apart know the same answers of the same rows."""
    one = first.train.set_axis(_keys(first.train, ids), axis=0)
    other = second.train.set_axis(_keys(second.train, ids), axis=0)
    if set(one.index) != set(other.index) or len(one) != len(other):
        apart = len(set(one.index) ^ set(other.index))
        yield f"two versions disagree on which rows have answers ({apart} ids are in one of them only)"
        return
    other = other.loc[one.index]
    for name in targets:
        share = _share_alike(one[name].reset_index(drop=True), other[name].reset_index(drop=True))
        if share < 1.0:
            yield f"two versions disagree on {name!r} in {1 - share:.1%} of the rows"


def _order(first: TableFrames, turned: TableFrames) -> Iterator[str]:
    for name in ("train", "test"):
        one, other = getattr(first, name), getattr(turned, name)
        if list(one.columns) != list(other.columns) or _rows(one) != _rows(other):
            yield f"{name}.csv depends on the order of rows in files, or on chance"


def _rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(map(tuple, table.to_numpy(dtype=object).tolist()))


def _share_alike(one: pd.Series, other: pd.Series) -> float:
    """Share of rows with the same text, or the same number."""
    same = one.str.strip() == other.str.strip()
    close = np.isclose(_floats(one), _floats(other), rtol=_SAME, atol=_SAME)
    return float((same.to_numpy() | close).mean())


def _floats(column: pd.Series) -> Floats:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)


def _keys(table: pd.DataFrame, ids: list[str]) -> pd.Series:
    return table[ids[0]].str.cat([table[name] for name in ids[1:]], sep=_SEPARATOR)


# ---------------------------------------------------------------- files


def _read(folder: Path) -> TableFrames:
    return TableFrames(_read_one(folder, "train.csv"), _read_one(folder, "test.csv"))


def _read_one(folder: Path, name: str) -> pd.DataFrame:
    table = load(folder, TableFile(name))
    if not table.columns.is_unique or not len(table):
        raise SpecError(f"{name} has no rows, or a column twice")
    return table


def _turned(root: Path, file: FoundFile, path: Path) -> bool:
    """True when the file has rows and was written with them turned."""
    if file.suffix not in (".csv", ".tsv", ".jsonl", ".ndjson"):
        return False
    try:
        with (
            (root / file.path).open(encoding="utf-8", newline="") as original,
            path.open("w", newline="") as copy,
        ):
            if file.suffix in (".jsonl", ".ndjson"):
                for line in reversed(original.readlines()):
                    if line.strip():
                        copy.write(line.rstrip("\r\n") + "\n")
                return True
            delimiter = "\t" if file.suffix == ".tsv" else ","
            header, *rows = csv.reader(original, delimiter=delimiter)
            csv.writer(copy, delimiter=delimiter).writerows([header, *reversed(rows)])
            return True
    except (ValueError, csv.Error):
        # What is no text, or has no header, stays as it is.
        path.unlink(missing_ok=True)
        return False
