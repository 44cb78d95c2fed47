"""The competition's tables in memory, read once for all views of one call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, SplitSpec, TableFile
from core.task.folder.big_tables import big_csv, drawn
from core.task.folder.cells import Integers, is_numeric, text_of
from core.task.folder.inventory import FoundFile, list_files
from core.task.recognise.pixel_rows import ids_of, item_of, pixels_of
from core.task.views.splits import Rows
from core.task.views.train_rows import (
    TrainRows,
    can_stratify,
    describe,
    key_of,
    own_ids,
    split_rows,
    truth_of,
)
from utils.big_csv import BigCsv, Numbers
from utils.errors import SpecError
from utils.tables import read_table

_LOOKED_AT = 500
SYNTHETIC_SAMPLE = TableFile("sample_submission.csv")


@dataclass(frozen=True, slots=True, eq=False)
class HeldRows:
    """Rows of a sample submission. ids: its id columns; truth: [rows, target columns]; item: which
    of the held-out train rows each one is of.
    """

    ids: pd.DataFrame
    truth: np.ndarray[Any, Any]
    item: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """train, test, sample: as in the files. sample_file: where the sample stands in every view.

    official: key of each row of the sample, its image where rows are pixels. test_keys: key of each
    row of the test table, None where it has no ids. fill: text that a held-out row shows in each
    column of the sample but its ids. files: all files of the folder. big: the train table where it
    is too large to hold: `train` has drawn rows of it then, and `numbers` says which.
    """

    spec: CompetitionSpec
    train: pd.DataFrame
    test: pd.DataFrame | None
    sample: pd.DataFrame
    sample_file: TableFile
    rows: TrainRows
    official: pd.Series
    test_keys: pd.Series | None
    fill: dict[str, str]
    files: tuple[FoundFile, ...]
    big: BigCsv | None = None
    numbers: Numbers | None = None

    @property
    def root(self) -> Path:
        return Path(self.spec.data_dir).resolve()

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folder, and the competition's own where that is another one."""
        original = self.spec.original_dir
        return (self.root, Path(original).resolve()) if original else (self.root,)

    @property
    def rowwise(self) -> bool:
        """Row i of the test table is row i of the sample."""
        if self.test is None or len(self.test) != len(self.sample):
            return False
        return self.test_keys is None or bool((self.test_keys.array == self.official.array).all())

    @property
    def rows_train(self) -> int:
        """Rows of the train table."""
        return len(self.train) if self.big is None else self.big.count

    @property
    def rows_per_item(self) -> int:
        """Rows of a submission that a train row is worth: more than one where it is an image."""
        return (
            1
            if self.spec.files.pixels is None
            else max(1, len(self.sample) // max(self.official.nunique(), 1))
        )

    def official_cells(self, column: str) -> list[str]:
        """Cells of a column of the test table, in the order of the sample; [] where they are not
        known.
        """
        if self.test is None or column not in self.test.columns:
            return []
        cells = text_of(self.test[column]).reset_index(drop=True)
        if self.rowwise:
            return cells.tolist()
        if self.test_keys is None:
            return []
        by_key = pd.Series(cells.array, index=pd.Index(self.test_keys))
        return by_key[~by_key.index.duplicated()].reindex(self.official).fillna("").tolist()

    def things(self, group: str | None) -> list[str]:
        """Columns of train that name what several rows are about and are held out together: the
        group's, and the one that names files.
        """
        named = self.spec.files.by_id.column if self.spec.files.by_id is not None else None
        if group is None or group not in self.train.columns:
            return []
        if named in (None, group) or named not in self.train.columns:
            return [group]
        whole = self.train.groupby(named)[group].nunique().max() == 1
        return [group, named] if whole else [group]

    def are_in_ids(self, column: str) -> bool:
        """The ids are made of the column's cells and more."""
        step = max(1, len(self.train) // _LOOKED_AT)
        pairs = zip(text_of(self.train[column][::step]), self.rows.ids[::step], strict=True)
        return all(cell and cell != each and cell in each for cell, each in pairs)

    def held_rows(self, held: Integers) -> HeldRows:
        """The rows of the sample that these train rows are worth."""
        spec = self.spec
        shown = self.rows.shown[list(spec.ids.columns)].iloc[held].reset_index(drop=True)
        if spec.files.pixels is None:
            return HeldRows(shown, truth_of(spec, self.rows.labels, held), np.arange(len(held)))
        paths = self.rows.labels.iloc[held, 0].tolist()
        images = [pixels_of(self.root / path, spec.files.pixels.scale) for path in paths]
        named = zip(shown.iloc[:, 0], images, strict=True)
        ids = [
            ids_of(item, (image.shape[0], image.shape[1]), spec.files.pixels)
            for item, image in named
        ]
        none = np.array([], dtype=object)
        frame = pd.DataFrame({spec.ids.columns[0]: np.concatenate([none, *ids])}, dtype=object)
        truth = np.concatenate([np.zeros(0), *(image.ravel() for image in images)])[:, None]
        return HeldRows(
            frame, truth, np.repeat(np.arange(len(held)), [image.size for image in images])
        )

    def splittable(self, split: SplitSpec) -> Rows:
        return split_rows(
            self.spec, self.rows, self.train, split.kind, split.group_column, split.time_column
        )

    @property
    def stratifiable(self) -> bool:
        return can_stratify(self.spec, self.rows)


def load(spec: CompetitionSpec, neutral_ids: bool = True) -> Source:
    """Raises SpecError when there is no train table to hold rows out of, or no test rows to answer."""
    if spec.tables.train is None:
        raise SpecError("no train table: there is nothing to hold out")
    root = Path(spec.data_dir).resolve()
    big = big_csv(root, spec.tables.train)
    train, numbers = (
        _drawn(spec, big) if big is not None else (_read(spec, spec.tables.train), None)
    )
    missing = [name for name in spec.answers.labels if name not in train.columns]
    if missing:
        raise SpecError(f"the train table has no column {missing[0]!r}")
    test = _read(spec, spec.tables.test) if spec.tables.test is not None else None
    given = _read(spec, spec.tables.sample) if spec.tables.sample is not None else None
    ids = _official_ids(spec, given, test)
    rows = describe(spec, train, ids, neutral_ids)
    fill = _fill(spec, given, rows.labels)
    sample = (
        given
        if given is not None
        else ids.assign(**{name: fill[name] for name in spec.answers.targets})
    )
    in_test = own_ids(spec, test) if test is not None else None
    test_keys = key_of(in_test, spec.ids.columns) if in_test is not None else None
    official = key_of(ids, spec.ids.columns)
    where = spec.tables.sample or SYNTHETIC_SAMPLE
    files = list_files(root)
    return Source(
        spec, train, test, sample, where, rows, official, test_keys, fill, files, big, numbers
    )


def _drawn(spec: CompetitionSpec, big: BigCsv) -> tuple[pd.DataFrame, Numbers]:
    try:
        return drawn(big, spec.features.group)
    except (ValueError, OSError, EOFError) as error:
        raise SpecError(
            f"{big.path.name} cannot be read as a table: {' '.join(str(error).split())[:200]}"
        ) from error


def with_notes(split: SplitSpec, *notes: str) -> SplitSpec:
    """The split whose why says these notes after the plan itself; naming them again changes
    nothing.
    """
    plan = split.why.split("; ", 1)[0]
    return replace(split, why="; ".join([plan, *notes]))


def _read(spec: CompetitionSpec, table: TableFile) -> pd.DataFrame:
    path = Path(spec.data_dir) / table.path
    try:
        return read_table(path, table.format, table.delimiter, table.encoding, table.member)
    except (ValueError, OSError, EOFError) as error:
        raise SpecError(
            f"{table.path} cannot be read as a table: {' '.join(str(error).split())[:200]}"
        ) from error


def _official_ids(
    spec: CompetitionSpec, sample: pd.DataFrame | None, test: pd.DataFrame | None
) -> pd.DataFrame:
    if sample is not None:
        ids = _renamed(spec, sample, spec.ids.columns)
        return ids if spec.files.pixels is None else ids.apply(item_of, pixels=spec.files.pixels)
    given = own_ids(spec, test) if test is not None else None
    if given is not None:
        return given[list(spec.ids.columns)]
    if test is None:
        raise SpecError("neither a sample submission nor a test table says which rows to answer")
    count = pd.Series(range(len(test))).astype(str).astype(object)
    return pd.DataFrame({name: count for name in spec.ids.columns})


def _renamed(spec: CompetitionSpec, table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Id cells as text, under the names that the sample uses."""
    pairs = zip(spec.ids.columns, columns, strict=True)
    return pd.DataFrame({shown: text_of(table[name]).array for shown, name in pairs}, dtype=object)


def _fill(
    spec: CompetitionSpec, sample: pd.DataFrame | None, labels: pd.DataFrame
) -> dict[str, str]:
    """The commonest value of each column of the sample, else a prior of the labels for its targets."""
    if sample is not None and len(sample):
        # Columns that are carried through are no targets, and may not be empty.
        return {
            name: _commonest(text_of(sample[name]))
            for name in sample.columns
            if name not in spec.ids.columns
        }
    if spec.answers.one_hot:
        return {name: f"{1 / len(spec.answers.targets):.6g}" for name in spec.answers.targets}
    pairs = zip(spec.answers.targets, spec.answers.labels, strict=False)
    return {target: _prior(spec, labels[label]) for target, label in pairs}


def _prior(spec: CompetitionSpec, labels: pd.Series) -> str:
    if spec.value_kind == "probability":
        return "0.5"
    filled = labels[labels != ""]
    if spec.value_kind == "real" and is_numeric(filled):
        return f"{pd.to_numeric(filled).mean():.6g}"
    return _commonest(filled)


def _commonest(column: pd.Series) -> str:
    counts = column.value_counts()
    return str(counts.index[0]) if len(counts) else ""
