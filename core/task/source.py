"""The competition's tables in memory, read once for all views of one call. Runs in a worker process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.records import CompetitionSpec, SplitSpec, TableFile
from core.task.rows import TrainRows, can_stratify, describe, id_columns_in, is_numeric, key_of, split_rows, text_of
from core.task.splits import Rows
from utils.errors import SpecError
from utils.tables import read_table

SYNTHETIC_SAMPLE = TableFile("sample_submission.csv")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """train, test, sample: as in the files. sample_file: where the sample stands in every view.

    official: key of each row of the sample. test_keys: key of each row of the test table, None where it has no ids.
    fill: text that a held-out row shows in each target column of the sample.
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

    @property
    def root(self) -> Path:
        return Path(self.spec.data_dir).resolve()

    @property
    def rowwise(self) -> bool:
        """Row i of the test table is row i of the sample."""
        if self.test is None or len(self.test) != len(self.sample):
            return False
        return self.test_keys is None or bool((self.test_keys.array == self.official.array).all())

    def splittable(self, split: SplitSpec) -> Rows:
        return split_rows(self.spec, self.rows, self.train, split.kind, split.group_column, split.time_column)

    @property
    def stratifiable(self) -> bool:
        return can_stratify(self.spec, self.rows)


def load(spec: CompetitionSpec, neutral_ids: bool = True) -> Source:
    """Raises SpecError when there is no train table to hold rows out of, or no test rows to answer."""
    if spec.train is None:
        raise SpecError("no train table: there is nothing to hold out")
    train = _read(spec, spec.train)
    missing = [name for name in spec.label_columns if name not in train.columns]
    if missing:
        raise SpecError(f"the train table has no column {missing[0]!r}")
    test = _read(spec, spec.test) if spec.test is not None else None
    given = _read(spec, spec.sample) if spec.sample is not None else None
    ids = _official_ids(spec, given, test)
    rows = describe(spec, train, ids, neutral_ids)
    fill = _fill(spec, given, rows.labels)
    sample = given if given is not None else ids.assign(**{name: fill[name] for name in spec.target_columns})
    in_test = id_columns_in(spec, test) if test is not None else ()
    test_keys = key_of(test, in_test) if test is not None and in_test else None
    official = key_of(ids, spec.id_columns)
    return Source(spec, train, test, sample, spec.sample or SYNTHETIC_SAMPLE, rows, official, test_keys, fill)


def with_notes(split: SplitSpec, *notes: str) -> SplitSpec:
    """The split whose why says these notes after the plan itself; naming them again changes nothing."""
    plan = split.why.split("; ", 1)[0]
    return replace(split, why="; ".join([plan, *notes]))


def _read(spec: CompetitionSpec, table: TableFile) -> pd.DataFrame:
    path = Path(spec.data_dir) / table.path
    try:
        return read_table(path, table.format, table.delimiter, table.encoding, table.member)
    except (ValueError, OSError, EOFError) as error:
        raise SpecError(f"{table.path} cannot be read as a table: {' '.join(str(error).split())[:200]}") from error


def _official_ids(spec: CompetitionSpec, sample: pd.DataFrame | None, test: pd.DataFrame | None) -> pd.DataFrame:
    if sample is not None:
        return _renamed(spec, sample, spec.id_columns)
    if test is not None and id_columns_in(spec, test):
        return _renamed(spec, test, id_columns_in(spec, test))
    if test is None:
        raise SpecError("neither a sample submission nor a test table says which rows to answer")
    count = pd.Series(range(len(test))).astype(str).astype(object)
    return pd.DataFrame({name: count for name in spec.id_columns})


def _renamed(spec: CompetitionSpec, table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Id cells as text, under the names that the sample uses."""
    pairs = zip(spec.id_columns, columns, strict=True)
    return pd.DataFrame({shown: text_of(table[name]).array for shown, name in pairs}, dtype=object)


def _fill(spec: CompetitionSpec, sample: pd.DataFrame | None, labels: pd.DataFrame) -> dict[str, str]:
    """The commonest value of each target column of the sample, else a prior of the labels."""
    if sample is not None and len(sample):
        return {name: _commonest(text_of(sample[name])) for name in spec.target_columns}
    if spec.one_hot:
        return {name: f"{1 / len(spec.target_columns):.6g}" for name in spec.target_columns}
    pairs = zip(spec.target_columns, spec.label_columns, strict=False)
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
