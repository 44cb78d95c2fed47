"""Pairs of answers and submissions on which a generated score is tried, and those of real
predictions.

Runs in a worker process. Files are csv, id columns first, then the target columns as the sample
submission has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.judging.blend import Members, blended, common_views, held_rows
from core.judging.resample import clusters
from core.judging.samples import official_sample
from core.judging.scorer import load_answers
from core.judging.statistic import Array
from core.judging.store import Store
from core.judging.values import is_text, is_words, to_cells, to_floats, truth_values
from core.metric_names import VOTING, predicts
from core.records import CompetitionSpec
from utils.tables import read_table

ROWS = 300
NOISE = (0.1, 0.3, 0.6, 0.9)
SHUFFLES = 3
SINGLES = 6
_SEED = 31

JsonCase = dict[str, Any]


def trial_cases(spec: CompetitionSpec, folder: Path) -> list[JsonCase]:
    """Cases of known quality from train labels, drawn at random: {"name", "answers", "submission"},
    paths as text.

    names: perfect, noise0.. (rising), shuffled0.., constant, single0.. (one wrong row),
    perfect_turned and noise1_turned (submission in another order), both_turned (both in another
    order), sample (the sample's own cells). Raises ValueError or OSError when the train table
    cannot be read.
    """
    rng = np.random.default_rng(_SEED)
    truth = _truth(spec, rng)
    submissions: dict[str, Array] = {"perfect": truth}
    for i, share in enumerate(NOISE):
        submissions[f"noise{i}"] = _noisy(truth, share, spec, rng)
    for i in range(SHUFFLES):
        submissions[f"shuffled{i}"] = truth[rng.permutation(len(truth))]
    submissions |= {"constant": _constant(truth, spec), "sample": _sample_values(truth, spec)}
    for i, row in enumerate(_spread(len(truth))):
        submissions[f"single{i}"] = _one_wrong(truth, row, rng)
    order = rng.permutation(len(truth))
    writer = _Writer(spec, folder)
    same, noisy = np.arange(len(truth)), submissions["noise1"]
    return [
        *(writer.case(name, truth, values, same, same) for name, values in submissions.items()),
        writer.case("perfect_turned", truth, truth, same, order),
        writer.case("noise1_turned", truth, noisy, same, order),
        writer.case("both_turned", truth, noisy, order, order[::-1]),
    ]


def kept_cases(
    spec: CompetitionSpec, members: Members, how: str, part: str, store: Store, folder: Path
) -> list[JsonCase]:
    """A blend's held-out rows beside their answers, one case per common view: {"view", "answers",
    "submission", "units"}. units: number of each row's group or block.
    """
    names = [names for names, _ in members]
    weights = [weight for _, weight in members]
    cases: list[JsonCase] = []
    for view, predictions in common_views(names, store).items():
        held, stack = held_rows(spec, predictions, part)
        if not len(held.truth):
            continue
        _, rows = load_answers(Path(view), spec).held(part)
        writer = _Writer(spec, folder, load_answers(Path(view), spec).ids[rows])
        same = np.arange(len(held.truth))
        case = writer.case(
            f"view{len(cases)}", held.truth, blended(spec, stack, weights, how), same, same
        )
        cases.append(
            {**case, "view": view, "units": clusters(held.groups, len(held.truth)).tolist()}
        )
    return cases


class _Writer:
    """Writes arrays as the files of a case."""

    def __init__(self, spec: CompetitionSpec, folder: Path, ids: Array | None = None) -> None:
        """ids: text [rows, id columns]; None for made-up ones."""
        self._spec, self._folder, self._ids = spec, folder, ids
        folder.mkdir(parents=True, exist_ok=True)

    def case(self, name: str, truth: Array, pred: Array, first: Array, second: Array) -> JsonCase:
        """first, second: order of the answers' and of the submission's rows."""
        answers = self._write(f"{name}.answers.csv", truth, first)
        submission = self._write(f"{name}.submission.csv", pred, second)
        return {"name": name, "answers": answers, "submission": submission}

    def _write(self, name: str, values: Array, order: Array) -> str:
        """The file's path."""
        path = self._folder / name
        frame = pd.concat([self._id_frame(len(values)), to_cells(values, self._spec)], axis=1)
        frame.iloc[order].to_csv(path, index=False, lineterminator="\n")
        return str(path)

    def _id_frame(self, rows: int) -> pd.DataFrame:
        columns = list(self._spec.ids.columns) or ["id"]
        ids = self._ids
        if ids is None:
            names = [f"r{i * 7919 % 100003:05d}" for i in range(rows)]
            ids = np.array(names)[:, None].repeat(len(columns), axis=1)
        return pd.DataFrame(ids, columns=columns)


def _truth(spec: CompetitionSpec, rng: np.random.Generator) -> Array:
    """At most ROWS labelled train rows in the shape of the sample submission."""
    if spec.tables.train is None:
        raise ValueError("there is no train table")
    table = spec.tables.train
    path = Path(spec.data_dir) / table.path
    frame = read_table(path, table.format, table.delimiter, table.encoding, table.member)
    labels = frame[list(spec.answers.labels)].astype(str)
    if predicts(spec) != "mask":
        labels = labels[~(labels == "").any(axis=1)]
    labels = labels.iloc[rng.permutation(len(labels))[:ROWS]]
    if spec.answers.one_hot:
        classes = np.array(spec.answers.classes, dtype=str)
        return (labels.to_numpy(dtype=str) == classes).astype(float)
    return truth_values(labels.to_numpy(dtype=str), spec)


def _noisy(truth: Array, share: float, spec: CompetitionSpec, rng: np.random.Generator) -> Array:
    """Numbers moved towards another row's by `share` at most; words and labels of a share of the
    rows exchanged.
    """
    other = truth[rng.permutation(len(truth))]
    if _labels(spec):
        swapped = rng.random(len(truth)) < share
        return np.where(swapped[:, None], other, truth)
    weight = share * rng.random((len(truth), 1))
    mixed = (1 - weight) * truth + weight * other
    if predicts(spec) == "probability":
        return 0.98 * mixed + 0.02 * truth.mean(axis=0)
    return mixed


def _constant(truth: Array, spec: CompetitionSpec) -> Array:
    if _labels(spec):
        names, counts = np.unique(truth[:, 0], return_counts=True)
        row = truth[np.flatnonzero(truth[:, 0] == names[counts.argmax()])[0]]
    else:
        row = truth.mean(axis=0)
    return np.repeat(row[None], len(truth), axis=0)


def _sample_values(truth: Array, spec: CompetitionSpec) -> Array:
    """The first cells of the sample submission, again and again."""
    cells = (
        official_sample(spec).frame[list(spec.answers.targets)].to_numpy(dtype=object).astype(str)
    )
    rows = cells[np.arange(len(truth)) % len(cells)]
    if is_text(spec) or is_words(spec):
        return rows.astype(truth.dtype if truth.dtype == object else str)
    return np.nan_to_num(to_floats(rows))


def _one_wrong(truth: Array, row: int, rng: np.random.Generator) -> Array:
    """Another row's answer in one row."""
    differs = np.flatnonzero((truth != truth[row]).any(axis=1))
    changed = truth.copy()
    if len(differs):
        changed[row] = truth[rng.choice(differs)]
    return changed


def _spread(rows: int) -> Sequence[int]:
    """Rows from the first to the last."""
    return sorted(set(map(round, np.linspace(0, rows - 1, SINGLES).tolist())))


def _labels(spec: CompetitionSpec) -> bool:
    return predicts(spec) in VOTING
