"""Train, test and sample tables of one view, and the answers that stay outside of it."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.records import SplitSpec, TableFile, ViewKind
from core.task.folder.big_tables import late_rows
from core.task.folder.cells import Integers, Mask, numbers, parse_times, text_of
from core.task.views.source import Source, commonest
from core.task.views.splits import Part
from core.task.views.train_rows import id_columns_in, key_of
from utils.tables import read_table, write_table

# By time errors of neighbours are alike: on half-hourly demand the difference of two programs has a
# standard error that is .3 of this one where each row counts alone, .8 to .9 with a block a day, and
# 1.1 to 1.2 with ten blocks (decision 0018).
TIME_BLOCKS = 20
_LISTS_IN = 50
_AS_JSON = {"nan": "NaN", "inf": "Infinity", "None": "null", "True": "true", "False": "false"}
_NO_NUMBER = re.compile(rf"\b(?:{'|'.join(_AS_JSON)})\b")


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Which rows a view shows. part: train rows; official: rows of the sample submission. fold: -1
    where none.
    """

    name: str
    kind: ViewKind
    fold: int
    part: Part
    official: Mask
    seed: int

    @property
    def held(self) -> Integers:
        """Indexes of the train rows that stand among the test rows, in file order."""
        return np.flatnonzero(self.part.held)

    def random(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(self.name.encode()), stream])


@dataclass(frozen=True, slots=True, eq=False)
class ViewTables:
    """train: None where it is copied as bytes (see write_big_train)."""

    train: pd.DataFrame | None
    test: pd.DataFrame | None
    sample: pd.DataFrame


def tables_of(
    source: Source, cut: Cut, split: SplitSpec, streamed: bool, shuffle: bool = True
) -> ViewTables:
    """Rows are shuffled by the view's seed, in time order for time splits; official rows are
    unchanged in content.

    streamed: the train table is copied as bytes. shuffle: off only to show in a test what the file
    order gives away.
    """
    train, test, sample = None, _test(source, cut), _sample(source, cut)
    if not shuffle:
        if not streamed:
            train = source.train[cut.part.train]
        return ViewTables(train, test, sample)
    if not streamed:
        train = source.train.iloc[_order(source.train, cut.part.train, cut, split, 0)]
    order = _order(sample, _all_of(sample), cut, split, 1)
    if test is not None:
        test_order = _order(test, _all_of(test), cut, split, 1)
        test = test.iloc[test_order]
        if source.rowwise:
            order = test_order
    return ViewTables(train, test, sample.iloc[order])


def _all_of(frame: pd.DataFrame) -> Mask:
    return np.ones(len(frame), dtype=bool)


def items_of(source: Source, table: TableFile, test: pd.DataFrame) -> pd.DataFrame:
    """The competition's own test table for the rows `test` of a view: the items of these, each
    once. Where it has no ids and held-out rows got new ones, these are not in it: items of train
    and test may have the same name.
    """
    path = source.root / table.path
    given = read_table(path, table.format, table.delimiter, table.encoding, table.member)
    if source.rows.renamed and not id_columns_in(source.spec, given):
        test = test[key_of(test, source.spec.ids.columns).isin(set(source.official)).to_numpy()]
    known = [name for name in given.columns if name in test.columns]
    items = test[known].drop_duplicates(ignore_index=True)
    columns: dict[Any, pd.Series] = {}
    for name, cells in items.reindex(columns=given.columns, fill_value="").items():
        columns[name] = _listed(like(cells, given[name]), given[name])
    return pd.DataFrame(columns)


def _listed(values: pd.Series, column: pd.Series) -> pd.Series:
    """Texts of lists as lists, where the official column has lists."""
    if not any(isinstance(cell, list | np.ndarray) for cell in column.head(_LISTS_IN)):
        return values
    return values.map(_list_of)


def _list_of(cell: Any) -> Any:
    """The list whose text this is, numbers that are none stay none; any other cell as it is."""
    if not isinstance(cell, str) or not cell.startswith("["):
        return cell
    with contextlib.suppress(ValueError, SyntaxError):
        return ast.literal_eval(cell)
    with contextlib.suppress(ValueError):
        return json.loads(_NO_NUMBER.sub(lambda found: _AS_JSON[found[0]], cell))
    return cell


def write_all(folder: Path, tables: Iterable[tuple[TableFile, pd.DataFrame]]) -> None:
    """Writes each table where and how the competition has it; several may be members of one
    archive.
    """
    for table, frame in tables:
        path = folder / table.path
        options = {"delimiter": table.delimiter, "encoding": table.encoding, "member": table.member}
        if table.member is None or not path.exists():
            write_table(frame, path, table.format, **options)  # type: ignore[arg-type]
        else:
            _add_member(path, table, frame)


def write_big_train(source: Source, cut: Cut, split: SplitSpec, folder: Path) -> int:
    """The train table of a view where it is too large to hold: the file without the rows that the
    view hides, in its own order. By time, everything since the first hidden row is hidden. Returns
    how many rows are left.
    """
    assert source.big is not None
    assert source.numbers is not None
    assert source.spec.tables.train is not None
    hidden = source.numbers[~cut.part.train]
    if split.kind == "time" and split.time_column and len(hidden):
        times = parse_times(text_of(source.train[split.time_column]).reset_index(drop=True))
        hidden = np.union1d(
            hidden, late_rows(source.big, split.time_column, float(times[~cut.part.train].min()))
        )
    path = folder / source.spec.tables.train.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        source.big.copy_without(hidden, file)
    return source.big.count - len(hidden)


def write_answers(source: Source, cut: Cut, split: SplitSpec, path: Path) -> int:
    """An npz file without pickles, in the order of the train file, one entry per held-out row (or
    pixel):

    ids: text [n, id columns] as shown in the view. truth: text or float [n, target columns] in the
    shape of the sample submission (one-hot where that is). part: "holdout" or "locked". group: the
    group or time block to resample by, "" where rows are independent. weight (float), level (text):
    how rows count in the score, where they do not count alike (MetricSpec). Returns how many rows
    are holdout.
    """
    held = cut.held
    rows = source.held_rows(held)
    arrays = {
        "ids": _text(rows.ids),
        "truth": rows.truth,
        "part": np.where(cut.part.locked[held], "locked", "holdout")[rows.item],
        "group": _groups(source, cut, split)[rows.item],
    }
    for name, values in _weighing(source, held).items():
        arrays[name] = values[rows.item]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    path.chmod(0o600)
    return int((arrays["part"] == "holdout").sum())


def blank_in(official: pd.DataFrame) -> list[str]:
    """Columns in which no official row has a value: filled ones among held-out rows would tell them
    apart.
    """
    if not len(official):
        return []
    # Most columns show a value at once; a look at each as a column is slow where there are
    # thousands.
    first = official.head(50).to_numpy(dtype=object)
    blank = []
    for k, name in enumerate(official.columns):
        unsure = not any(map(_shows, first[:, k]))
        if unsure and bool((text_of(official.iloc[:, k]) == "").all()):
            blank.append(name)
    return blank


def _shows(cell: Any) -> bool:
    """A text or number that is surely there."""
    if isinstance(cell, str):
        return bool(cell)
    return isinstance(cell, int | float) and cell == cell


def like(values: pd.Series, column: pd.Series) -> pd.Series:
    """`values` in the type of an official column where they fit it without loss."""
    if pd.api.types.is_string_dtype(column) or values.dtype == column.dtype:
        return values
    try:
        return values.where(values != "").astype(column.dtype)
    except (ValueError, TypeError):
        return values


def _test(source: Source, cut: Cut) -> pd.DataFrame | None:
    if source.test is None:
        return None
    official = source.test[_shown_test(source, cut)]
    return _joined(official, _features(source, source.test, cut.held))


def _shown_test(source: Source, cut: Cut) -> Mask:
    assert source.test is not None
    if cut.official.all():
        return _all_of(source.test)
    if source.test_keys is not None:
        return source.test_keys.isin(set(source.official[cut.official])).to_numpy()
    if len(cut.official) == len(source.test):
        return cut.official
    return _all_of(source.test)


def _features(source: Source, test: pd.DataFrame, held: Integers) -> pd.DataFrame:
    """The test columns for the held-out rows: never an answer, and empty where every official row
    is.
    """
    spec = source.spec
    id_names = dict(zip(id_columns_in(spec, test), spec.ids.columns, strict=False))
    id_names |= dict(zip(spec.ids.parts, spec.ids.parts, strict=True))
    answers = {*spec.answers.labels, *spec.answers.targets}
    apart = {*id_names, *answers, *blank_in(test)}
    # One block: a copy per column is slow where there are thousands. Rows first: the columns of all
    # rows are large.
    shared = [name for name in test.columns if name in source.train.columns and name not in apart]
    block = source.train.iloc[held][shared].reset_index(drop=True)
    types = zip(shared, block.dtypes, test.dtypes[shared], strict=True)
    alike = block[[name for name, ours, theirs in types if ours == theirs]]

    others: dict[str, pd.Series] = {}
    for name in test.columns:
        if name in alike.columns:
            continue
        if name in id_names:
            values = source.rows.shown[id_names[name]].iloc[held].reset_index(drop=True)
        elif name in answers:
            values = _same(commonest(text_of(test[name])), len(held))
        elif name in block.columns:
            values = block[name]
        else:
            values = _same("", len(held))
        others[name] = like(values, test[name])
    every = pd.concat([alike, pd.DataFrame(others, index=range(len(held)))], axis=1)
    return every[list(test.columns)]


def _same(cell: str, rows: int) -> pd.Series:
    return pd.Series([cell] * rows, dtype=object)


def _sample(source: Source, cut: Cut) -> pd.DataFrame:
    sample, rows = source.sample, source.held_rows(cut.held)
    columns: dict[str, pd.Series] = {}
    for name in sample.columns:
        if name in rows.ids.columns:
            values = rows.ids[name]
        else:
            values = _same(source.fill.get(name, ""), len(rows.ids))
        columns[name] = like(values, sample[name])
    return _joined(sample[cut.official], pd.DataFrame(columns, index=range(len(rows.ids))))


def _joined(official: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    if not len(held):
        return official
    return pd.concat([official, held[list(official.columns)]], ignore_index=True)


def _order(frame: pd.DataFrame, shown: Mask, cut: Cut, split: SplitSpec, stream: int) -> Integers:
    """A random order of the shown rows; by time first where the split and the table have one."""
    index = np.flatnonzero(shown)
    tie = cut.random(stream).random(len(index))
    if split.kind == "time" and split.time_column in frame.columns:
        times = parse_times(text_of(frame[split.time_column]).reset_index(drop=True))
        return index[np.lexsort((tie, times[index]))]
    return index[np.argsort(tie)]


def _groups(source: Source, cut: Cut, split: SplitSpec) -> np.ndarray[Any, Any]:
    held = cut.held
    if split.kind == "group" and split.group_column:
        return text_of(source.train[split.group_column]).iloc[held].to_numpy(dtype=str)
    if source.spec.files.pixels is not None:
        return source.rows.ids.iloc[held].to_numpy(dtype=str)
    if split.kind == "time" and split.time_column:
        times = parse_times(text_of(source.train[split.time_column]).reset_index(drop=True))[held]
        rank = np.searchsorted(np.sort(times), times, side="left")
        blocks = rank * TIME_BLOCKS // max(len(held), 1)
        return np.array([f"{cut.name}:{block:02d}" for block in blocks], dtype=str)
    return np.full(len(held), "", dtype="<U1")


def _weighing(source: Source, held: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    metric, found = source.spec.metric, {}
    if metric.weight_column is not None:
        found["weight"] = (
            numbers(text_of(source.train[metric.weight_column])).iloc[held].to_numpy(dtype=float)
        )
    if metric.mean_over is not None:
        found["level"] = text_of(source.train[metric.mean_over]).iloc[held].to_numpy(dtype=str)
    return found


def _text(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    return frame.to_numpy(dtype=str).reshape(len(frame), len(frame.columns))


def _add_member(path: Path, table: TableFile, frame: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        single = Path(folder) / "one.zip"
        write_table(frame, single, table.format, table.delimiter, table.encoding, table.member)
        with (
            zipfile.ZipFile(single) as one,
            zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        ):
            for info in one.infolist():
                archive.writestr(
                    zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0)), one.read(info)
                )
