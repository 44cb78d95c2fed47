"""The columns of held-out rows. They stand unmarked among the test rows of their view."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.judging.samples import Sample, load_sample, text_ids
from core.judging.scorer import load_answers
from core.judging.statistic import Array
from core.records import CompetitionSpec, TableFile, View
from utils.tables import as_numbers, read_table

MOST_COLUMNS = 60
MOST_BYTES = 200 << 20
FILE_SIZE = "size of the file (bytes)"
_MISSING = -1


def held_features(spec: CompetitionSpec, view: View) -> pd.DataFrame:
    """Of the holdout rows of a view, in the order of its answers: at most MOST_COLUMNS columns that a
    program may use, numbers as float, and the size of the row's file. They are the same for every
    program: read once, and not to be changed.

    No columns where the table is missing, too large to read or does not name its rows. Raises
    ValueError or OSError when it is broken.
    """
    table, answers = spec.tables.test, view.answers
    assert answers is not None
    stamps = [Path(answers).stat().st_mtime_ns]
    if table is not None and (path := Path(view.path) / table.path).is_file():
        stamps.append(path.stat().st_mtime_ns)
    return _held_features(spec, view, Path(answers), tuple(stamps))


@lru_cache(maxsize=8)
def _held_features(
    spec: CompetitionSpec, view: View, path_of_answers: Path, _stamps: tuple[int, ...]
) -> pd.DataFrame:
    answers = load_answers(path_of_answers, spec)
    ids = answers.ids[answers.held("holdout")[1]]
    sizes = _file_sizes(spec, view, ids)
    table = spec.tables.test
    if table is None or spec.files.pixels is not None:
        return sizes
    path = Path(view.path) / table.path
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return sizes
    every = _features(path, table, spec)
    sample = load_sample(Path(view.path), view.sample, spec.ids.columns)
    places = _places(sample, every, spec, ids)
    if places is None:
        return sizes
    names = _used(spec, list(every.columns))
    chosen = every[names].reset_index(drop=True).reindex(places).reset_index(drop=True)
    return pd.concat([as_numbers(chosen, table.decimal), sizes], axis=1)


def _features(path: Path, table: TableFile, spec: CompetitionSpec) -> pd.DataFrame:
    """Ids as text, and the columns that are looked at; read in the types that they look like, which
    is several times as fast as text.
    """
    if table.format != "csv" or table.member is not None:
        frame = read_table(path, table.format, table.delimiter, table.encoding, table.member)
        ids = _id_columns(spec, list(frame.columns))
        frame = frame[[*ids, *_used(spec, list(frame.columns))]]
        return frame.astype(dict.fromkeys(ids, str))
    options = {"sep": table.delimiter, "encoding": table.encoding, "decimal": table.decimal}
    header = pd.read_csv(path, nrows=0, **options).columns
    ids = _id_columns(spec, list(header))
    names = [*ids, *_used(spec, list(header))]
    dtypes = dict.fromkeys(ids, str)
    blanks = {name: [""] for name in names}
    return pd.read_csv(
        path,
        usecols=names,
        dtype=dtypes,
        keep_default_na=False,
        na_values=blanks,
        low_memory=False,
        **options,
    )


def _id_columns(spec: CompetitionSpec, columns: list[str]) -> list[str]:
    """What names a row in the table; [] where nothing does."""
    for names in (spec.ids.parts, spec.ids.sources, spec.ids.columns):
        if names and set(names) <= set(columns):
            return list(dict.fromkeys(names))
    return []


def _used(spec: CompetitionSpec, columns: list[str]) -> list[str]:
    """Features that are looked at: what orders or groups rows and texts first."""
    never = {*spec.ids.columns, *spec.ids.sources, *spec.ids.parts}
    never |= {*spec.answers.targets, *spec.answers.labels}
    features = spec.features
    first = [features.time, features.group, *features.texts]
    wanted = dict.fromkeys([*first, *features.names])
    return [name for name in wanted if name in columns and name not in never][:MOST_COLUMNS]


def _places(sample: Sample, table: pd.DataFrame, spec: CompetitionSpec, ids: Array) -> Array | None:
    """Row of the table for each id, -1 where it has none; None where most have none."""
    held, _ = sample.positions(ids)
    rows = np.full(len(sample) + 1, _MISSING)
    names = _id_columns(spec, list(table.columns))
    if names:
        found, _ = sample.positions(_ids_of(table, names, spec))
        rows[np.where(found < 0, len(sample), found)] = np.arange(len(table))
        rows[-1] = _MISSING
    elif len(table) == len(sample):
        rows[:-1] = np.arange(len(sample))
    places = np.where(held < 0, _MISSING, rows[held])
    if not len(places) or (places < 0).mean() > 0.5:
        return None
    return np.asarray(places)


def _ids_of(table: pd.DataFrame, names: list[str], spec: CompetitionSpec) -> Array:
    """Text [rows, id columns] as the sample spells it."""
    if tuple(names) != spec.ids.parts:
        return text_ids(table.fillna(dict.fromkeys(names, "")), names)
    joined = table[names[0]].astype(str)
    for name in names[1:]:
        joined = joined + spec.ids.joint + table[name].astype(str)
    return joined.to_numpy(dtype=str)[:, None]


def _file_sizes(spec: CompetitionSpec, view: View, ids: Array) -> pd.DataFrame:
    """One column, where each row has a file that its id names; else none."""
    place = spec.files.by_id
    if place is None or place.folders or place.column is not None or ids.shape[1] != 1:
        return pd.DataFrame(index=range(len(ids)))
    sizes = np.full(len(ids), np.nan)
    for folder in place.test_dirs:
        root = Path(view.path) / folder
        for row in np.flatnonzero(np.isnan(sizes)).tolist():
            sizes[row] = _size(root / f"{ids[row, 0]}{place.suffix}")
    if np.isnan(sizes).mean() > 0.5:
        return pd.DataFrame(index=range(len(ids)))
    return pd.DataFrame({FILE_SIZE: sizes})


def _size(path: Path) -> float:
    try:
        return float(path.stat().st_size)
    except (OSError, ValueError):
        return float("nan")
