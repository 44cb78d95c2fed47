"""Writes the submission that is there before anything is trained."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.metric_names import BY_NAME, QUANTILE, WORDS, Constant
from core.records import CompetitionSpec, TableFile
from core.task.folder.archives import ArchiveError, is_archive, listed, unpack
from core.task.folder.cells import is_numeric, numbers
from core.task.folder.inventory import list_files
from core.task.folder.loading import load
from core.task.folder.sniff import find_tables
from core.task.metric.answers import has_own_answers
from core.task.recognise.roles import find_sample
from utils.errors import SpecError
from utils.files import copy_atomic
from utils.tables import with_point, write_table

# Words of a ranking of which all count.
_RANKED_WORDS = 20
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def write_baseline(data_dir: Path, spec: CompetitionSpec | None, out_csv: Path) -> dict[str, Any]:
    """Replaces `out_csv` and returns {"source": "sample" or "prior", "rows": n}.

    With a spec: the ids of the sample (else of the test table) and one constant per target, from
    the train labels. Without, when train cannot be used, or where the sample answers each row by
    itself: the sample submission as it is. Raises SpecError when there is neither, DataError when
    the folder is missing or empty, OSError when `out_csv` cannot be written.
    """
    if spec is None:
        return _write_any_sample(data_dir, out_csv)
    try:
        frame = _prior_submission(data_dir, spec)
    except SpecError:
        if spec.tables.sample is None:
            raise
        return _write_sample(data_dir, spec.tables.sample, out_csv)
    delimiter = ","
    if spec.tables.sample is not None:
        delimiter = spec.tables.sample.delimiter
    _write_frame(frame, out_csv, delimiter)
    return {"source": "prior", "rows": len(frame)}


def _named_sample(data_dir: Path) -> TableFile | None:
    """The sample by its name alone; other tables are not even opened, they may be what is broken."""
    files = [
        file for file in list_files(data_dir) if "ubmission" in file.name or file.suffix == ".zip"
    ]
    found = find_sample(data_dir, find_tables(data_dir, files))
    if found is None:
        return None
    return found.table


def _write_any_sample(data_dir: Path, out_csv: Path) -> dict[str, Any]:
    """The sample as it lies in the folder, or in an archive that is named for it."""
    table = _named_sample(data_dir)
    if table is not None:
        return _write_sample(data_dir, table, out_csv)
    for file in list_files(data_dir):
        if is_archive(file) and "ubmission" in file.name:
            with tempfile.TemporaryDirectory() as folder, contextlib.suppress(ArchiveError):
                unpack(data_dir, listed(data_dir, file.path), Path(folder))
                if (table := _named_sample(Path(folder))) is not None:
                    return _write_sample(Path(folder), table, out_csv)
    raise SpecError("no sample submission to start from")


def _write_sample(data_dir: Path, table: TableFile, out_csv: Path) -> dict[str, Any]:
    frame = load(data_dir, table)
    if len(frame) == 0 or len(frame.columns) < 2:
        raise SpecError(f"{table.path} is no submission: it has no rows or no targets")
    if table.member is None and table.path.lower().endswith((".csv", ".tsv")):
        copy_atomic(data_dir / table.path, out_csv)
    else:
        _write_frame(frame, out_csv, table.delimiter)
    return {"source": "sample", "rows": len(frame)}


def _write_frame(frame: pd.DataFrame, out_csv: Path, delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "submission.csv"
        write_table(frame, whole, delimiter=delimiter)
        copy_atomic(whole, out_csv)


def _prior_submission(data_dir: Path, spec: CompetitionSpec) -> pd.DataFrame:
    """Raises SpecError where the sample as it is serves better, or alone."""
    if spec.tables.train is None:
        raise SpecError("no train table to take a prior from")
    frame = _official_rows(data_dir, spec)
    if spec.tables.sample is not None:
        shown = frame[list(spec.answers.targets)]
        if has_own_answers(spec.value_kind, shown):
            raise SpecError("the sample answers each row by itself")
    names = list(spec.answers.labels)
    labels = load(data_dir, spec.tables.train, names)
    labels = labels[names].apply(with_point, decimal=spec.tables.train.decimal)
    for name, value in zip(spec.answers.targets, _constants(labels, spec), strict=True):
        if str(value).startswith("[") and is_numeric(frame[name]):
            raise SpecError("a list answers several rows of the sample, which shows numbers")
        frame[name] = value
    return frame


def _official_rows(data_dir: Path, spec: CompetitionSpec) -> pd.DataFrame:
    """The sample's rows and columns in their order; without a sample the test ids, targets to be
    filled.
    """
    if spec.tables.sample is not None:
        return load(data_dir, spec.tables.sample)
    assert spec.tables.test is not None
    return load(data_dir, spec.tables.test, list(spec.ids.columns))[list(spec.ids.columns)].copy()


def _constants(labels: pd.DataFrame, spec: CompetitionSpec) -> list[object]:
    """One value per target that scores best without looking at a feature."""
    if spec.answers.one_hot:
        return _shares(labels[spec.answers.labels[0]], spec)
    if spec.answers.exclusive:
        return _mean_shares(labels, spec)
    constants = []
    for place, name in enumerate(spec.answers.labels):
        filled = labels[name][labels[name] != ""]
        if len(filled) == 0:
            raise SpecError("a label column is empty")
        constants.append(_constant(filled, spec, place))
    return constants


def _shares(column: pd.Series, spec: CompetitionSpec) -> list[object]:
    """Share of each class, summing to 1; for label metrics 1 for the most frequent class and 0 for
    the others.
    """
    counts = column.value_counts().reindex(spec.answers.classes, fill_value=0).to_numpy(dtype=float)
    if counts.sum() == 0:
        raise SpecError("no train row has one of the classes")
    if spec.value_kind == "label":
        return list(np.eye(len(counts), dtype=int)[counts.argmax()])
    return list(counts / counts.sum())


def _mean_shares(labels: pd.DataFrame, spec: CompetitionSpec) -> list[object]:
    """Mean over rows of what each column has of its row: summing to 1, also where the answers count
    votes.
    """
    cells = labels[list(spec.answers.labels)].apply(numbers).to_numpy(dtype=float)
    totals = cells.sum(axis=1, keepdims=True)
    filled = totals[:, 0] > 0
    if not filled.any():
        raise SpecError("no train row has shares")
    return list((cells[filled] / totals[filled]).mean(axis=0))


def _constant(column: pd.Series, spec: CompetitionSpec, place: int) -> object:
    """place: of the column among the targets."""
    if spec.value_kind in WORDS:
        return _common_words(column, spec)
    if spec.value_kind == "label":
        return column.mode().iloc[0]
    values = numbers(column).to_numpy(dtype=float)
    if spec.value_kind == "probability" and (
        spec.answers.positive is not None or np.isnan(values).any()
    ):
        return float((column == (spec.answers.positive or spec.answers.classes[-1])).mean())
    if np.isnan(values).any():
        raise SpecError("the labels are not numbers")
    metric = BY_NAME[spec.metric.name]
    if metric.constant == "quantile":
        return float(np.quantile(values, _quantile(spec, place)))
    return _NUMBERS[metric.constant](values)


def _quantile(spec: CompetitionSpec, place: int) -> float:
    """Of a target; the usual one where the specification says none."""
    if not spec.metric.parameters:
        return QUANTILE.usual
    return spec.metric.parameters[place]


def _mean(values: Numbers) -> float:
    return float(values.mean())


def _median(values: Numbers) -> float:
    return float(np.median(values))


def _log_mean(values: Numbers) -> float:
    """The number of which the logarithm is nearest to those of the values."""
    return float(np.expm1(np.log1p(np.maximum(values, 0)).mean()))


def _relative_mean(values: Numbers) -> float:
    """The number of which the squared errors as shares of the values are least."""
    values = values[values != 0]
    if not len(values):
        return 0.0
    return float((1 / values).sum() / (1 / values**2).sum())


_NUMBERS: Mapping[Constant, Callable[[Numbers], float]] = {
    "mean": _mean,
    "median": _median,
    "log_mean": _log_mean,
    "relative_mean": _relative_mean,
}


def _common_words(column: pd.Series, spec: CompetitionSpec) -> str:
    """The commonest words for a ranking, else the commonest cell. Raises SpecError where only the
    sample can answer.
    """
    metric = BY_NAME[spec.metric.name]
    if metric.needs.lists == "rankings" and spec.value_kind == "list":
        most = metric.at or _RANKED_WORDS
        return " ".join(column.str.split().explode().value_counts().index[:most])
    if spec.value_kind == "mask" or metric.needs.lists == "orders":
        raise SpecError("an answer is about its own row")
    return str(column.mode().iloc[0])
