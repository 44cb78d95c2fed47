"""The competition's tables in memory, read once for all views of one call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, PixelRows, SplitSpec, TableFile
from core.task.folder.big_tables import big_csv, drawn
from core.task.folder.cells import Integers, is_numeric, text_of
from core.task.folder.inventory import FoundFile, list_files
from core.task.folder.pixel_rows import ids_of, item_of, pixels_of
from core.task.views.splits import Rows
from core.task.views.train_rows import (
    TrainRows,
    can_stratify,
    cells_as_text,
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
    """A competition in memory. Nobody changes its tables."""

    # The competition.
    spec: CompetitionSpec
    # As in the file; of a table that is too large to hold, drawn rows.
    train: pd.DataFrame
    # As in the file, None without one.
    test: pd.DataFrame | None
    # As in the file, or made of the test table where the competition has none.
    sample: pd.DataFrame
    # Where the sample stands in every view.
    sample_file: TableFile
    # Ids, answers and further facts of each row of `train`.
    rows: TrainRows
    # Key of each row of the sample, its image where rows are pixels.
    official: pd.Series
    # Key of each row of the test table, None where it has no ids.
    test_keys: pd.Series | None
    # Text that a held-out row shows in each column of the sample but its ids.
    fill: dict[str, str]
    # All files of the folder.
    files: tuple[FoundFile, ...]
    # The train table where it is too large to hold.
    big: BigCsv | None = None
    # Which records of it `train` has.
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
        if self.spec.files.pixels is None:
            return 1
        return max(1, len(self.sample) // max(self.official.nunique(), 1))

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
        if group is None or group not in self.train.columns:
            return []
        files = self.spec.files.by_id
        if files is None or files.column in (None, group):
            return [group]
        if files.column not in self.train.columns:
            return [group]
        # A file that rows of several groups name is no part of one.
        groups_per_file = self.train.groupby(files.column)[group].nunique()
        return [group, files.column] if groups_per_file.max() == 1 else [group]

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
        return self._held_pixels(spec.files.pixels, shown.iloc[:, 0], held)

    def _held_pixels(self, pixels: PixelRows, names: pd.Series, held: Integers) -> HeldRows:
        """A row per pixel of these images. names: what each stands under in a view."""
        # Empty ones first, so that no image at all gives no rows.
        ids, truth = [np.array([], dtype=object)], [np.zeros(0)]
        sizes: list[int] = []
        for name, path in zip(names, self.rows.labels.iloc[held, 0], strict=True):
            image = pixels_of(self.root / path, pixels.scale)
            ids.append(ids_of(name, (image.shape[0], image.shape[1]), pixels))
            truth.append(image.ravel())
            sizes.append(image.size)
        column = self.spec.ids.columns[0]
        return HeldRows(
            pd.DataFrame({column: np.concatenate(ids)}, dtype=object),
            np.concatenate(truth)[:, None],
            np.repeat(np.arange(len(held)), sizes),
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
    big, numbers = big_csv(root, spec.tables.train), None
    if big is None:
        train = _read(spec, spec.tables.train)
    else:
        train, numbers = _drawn(spec, big)
    for name in spec.answers.labels:
        if name not in train.columns:
            raise SpecError(f"the train table has no column {name!r}")
    test = _read_if_any(spec, spec.tables.test)
    sample = _read_if_any(spec, spec.tables.sample)
    ids = _official_ids(spec, sample, test)
    rows = describe(spec, train, ids, neutral_ids)
    fill = _fill(spec, sample, rows.labels)
    if sample is None:
        sample = ids.assign(**{name: fill[name] for name in spec.answers.targets})
    return Source(
        spec=spec,
        train=train,
        test=test,
        sample=sample,
        sample_file=spec.tables.sample or SYNTHETIC_SAMPLE,
        rows=rows,
        official=key_of(ids, spec.ids.columns),
        test_keys=_test_keys(spec, test),
        fill=fill,
        files=list_files(root),
        big=big,
        numbers=numbers,
    )


def _test_keys(spec: CompetitionSpec, test: pd.DataFrame | None) -> pd.Series | None:
    if test is None:
        return None
    ids = own_ids(spec, test)
    return None if ids is None else key_of(ids, spec.ids.columns)


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


def _read_if_any(spec: CompetitionSpec, table: TableFile | None) -> pd.DataFrame | None:
    return None if table is None else _read(spec, table)


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
        ids = cells_as_text(sample, spec.ids.columns, spec.ids.columns)
        if spec.files.pixels is None:
            return ids
        return ids.apply(item_of, pixels=spec.files.pixels)
    if test is None:
        raise SpecError("neither a sample submission nor a test table says which rows to answer")
    own = own_ids(spec, test)
    if own is not None:
        return own[list(spec.ids.columns)]
    count = pd.Series(range(len(test))).astype(str).astype(object)
    return pd.DataFrame(dict.fromkeys(spec.ids.columns, count))


def _fill(
    spec: CompetitionSpec, sample: pd.DataFrame | None, labels: pd.DataFrame
) -> dict[str, str]:
    """The commonest value of each column of the sample, else a prior of the labels for its targets."""
    if sample is not None and len(sample):
        # Columns that are carried through are no targets, and may not be empty.
        columns = [name for name in sample.columns if name not in spec.ids.columns]
        return {name: commonest(text_of(sample[name])) for name in columns}
    if spec.answers.one_hot:
        return dict.fromkeys(spec.answers.targets, f"{1 / len(spec.answers.targets):.6g}")
    pairs = zip(spec.answers.targets, spec.answers.labels, strict=False)
    return {target: _prior(spec, labels[label]) for target, label in pairs}


def _prior(spec: CompetitionSpec, labels: pd.Series) -> str:
    if spec.value_kind == "probability":
        return "0.5"
    filled = labels[labels != ""]
    if spec.value_kind == "real" and is_numeric(filled):
        return f"{pd.to_numeric(filled).mean():.6g}"
    return commonest(filled)


def commonest(column: pd.Series) -> str:
    counts = column.value_counts()
    return str(counts.index[0]) if len(counts) else ""
