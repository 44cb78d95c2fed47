"""Blends kept predictions: folds of a program first, then programs. Runs in a worker process.

A member is (names of its predictions, one per view; weight). how: mean; rank (mean of ranks within
a view); vote (weighted, ties go to the member that was named first).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.blending import is_voted
from core.judging.compare import HeldTruth, Pair, mean_score
from core.judging.metrics import Metric
from core.judging.ranks import ranked
from core.judging.samples import Sample, official_sample
from core.judging.scorer import load_answers
from core.judging.statistic import Array
from core.judging.store import Prediction, Store
from core.judging.submission import check_bytes
from core.judging.values import class_numbers, is_text, is_words, to_cells
from core.records import CompetitionSpec
from utils.files import write_atomic

Members = Sequence[tuple[Sequence[str], float]]


def blend(stack: Sequence[Array], weights: Sequence[float], how: str) -> Array:
    """One array [rows, columns] of several predictions on the same rows. Weights need not sum to 1."""
    shares = np.asarray(weights, dtype=float) / np.sum(weights)
    if how == "vote":
        return _vote(np.stack(stack), shares)
    if how == "rank":
        stack = list(map(ranks, stack))
    return np.asarray(np.tensordot(shares, np.stack(stack), axes=1))


def ranks(values: Array) -> Array:
    """Column-wise ranks inside (0, 1), ties averaged."""
    return np.asarray((ranked(values) - 0.5) / max(len(values), 1))


def _vote(stack: Array, shares: Array) -> Array:
    """The cell value with the largest total weight; equal totals go to the earliest array that
    holds one of them.
    """
    support = np.zeros(stack.shape)
    for values, share in zip(stack, shares, strict=True):
        support += share * (stack == values)
    # Sums of the same weights in another order differ in the last bits.
    first = np.argmax(support.round(12), axis=0)
    return np.asarray(np.take_along_axis(stack, first[None], axis=0)[0])


def blended(
    spec: CompetitionSpec, stack: Sequence[Array], weights: Sequence[float], how: str
) -> Array:
    """`blend` in the way that the values allow: numbers do not vote, words always do, mean labels
    become classes.
    """
    if len(stack) == 1:
        return stack[0]
    if not is_voted(spec):
        return blend(stack, weights, "mean" if how == "vote" else how)
    if how == "vote" or is_text(spec) or is_words(spec):
        return blend(stack, weights, "vote")
    return _nearest(blend(stack, weights, how), spec)


# ---------------------------------------------------------------- held-out rows


def common_views(names: Sequence[Sequence[str]], store: Store) -> dict[str, list[Prediction]]:
    """For each view with answers that all lists cover, the prediction of each list (its first on
    that view).
    """
    if not names:
        return {}
    first, *others = (_by_view(each, store) for each in names)
    common: dict[str, list[Prediction]] = {}
    for view, prediction in first.items():
        if all(view in other for other in others):
            common[view] = [prediction, *(other[view] for other in others)]
    return common


def _by_view(names: Sequence[str], store: Store) -> dict[str, Prediction]:
    found: dict[str, Prediction] = {}
    for name in names:
        prediction = store.load(name)
        if prediction.answers is not None:
            found.setdefault(str(prediction.answers), prediction)
    return found


def held_rows(
    spec: CompetitionSpec, predictions: Sequence[Prediction], part: str
) -> tuple[HeldTruth, list[Array]]:
    """Truth of one part of a view, and what each prediction on that view says of it.

    Raises ValueError when a prediction was made for other held-out rows than the answers name.
    """
    path = predictions[0].answers
    assert path is not None
    answers = load_answers(path, spec)
    held, rows = answers.held(part)
    for prediction in predictions:
        if not np.array_equal(prediction.part[: len(answers.part)], answers.part):
            raise ValueError(
                f"a prediction on view {prediction.view} is for other rows than its answers"
            )
    return held, [prediction.values[rows] for prediction in predictions]


def pairs(
    spec: CompetitionSpec, challenger: Sequence[str], incumbent: Sequence[str], store: Store
) -> list[Pair]:
    """The holdout rows that two candidates have in common, view by view."""
    found = []
    for new, old in common_views([challenger, incumbent], store).values():
        held, values = held_rows(spec, [new, old], "holdout")
        if len(held.truth):
            found.append(Pair(held, *values))
    return found


def score_blend(
    spec: CompetitionSpec, members: Members, how: str, part: str, store: Store
) -> tuple[float | None, float | None]:
    """Mean over the common views of the blend's score, and its standard error; (None, None) without
    such rows.
    """
    weights = [weight for _, weight in members]
    parts = []
    names = [names for names, _ in members]
    for predictions in common_views(names, store).values():
        held, stack = held_rows(spec, predictions, part)
        if len(held.truth):
            parts.append((held, blended(spec, stack, weights, how)))
    return mean_score(Metric.of(spec), parts)


# ---------------------------------------------------------------- official rows


def official_values(
    spec: CompetitionSpec, members: Members, how: str, sample: Sample, store: Store
) -> Array:
    """The blend on the official test rows, in the order of the official sample.

    Each fold of a member carries an equal part of its weight. Raises ValueError when a row was not
    predicted.
    """
    stack, weights = [], []
    for names, weight in members:
        for name in names:
            stack.append(_official_rows(store.load(name), sample))
            weights.append(weight / len(names))
    return blended(spec, stack, weights, how)


def _official_rows(prediction: Prediction, sample: Sample) -> Array:
    rows = np.flatnonzero(prediction.part == "test")
    found, _ = sample.positions(prediction.ids[rows])
    if (found < 0).any() or len(np.unique(found)) != len(sample):
        raise ValueError(
            f"the prediction on view {prediction.view} does not cover the official test rows"
        )
    return np.asarray(prediction.values[rows][np.argsort(found)])


def _nearest(values: Array, spec: CompetitionSpec) -> Array:
    """The class nearest to each value, for mean labels."""
    if not spec.answers.classes:
        return np.round(values)
    classes = np.sort(class_numbers(spec.answers.classes))
    return np.asarray(classes[np.abs(values[..., None] - classes).argmin(axis=-1)])


def combine(
    spec: CompetitionSpec, members: Members, how: str, out_csv: Path, store: Store
) -> tuple[int, str]:
    """Writes the official submission of a blend; returns its rows and sha256.

    Row order, columns and id text are those of the official sample. Raises ValueError when the
    blend would not pass the submission check, OSError when the file cannot be written.
    """
    sample = official_sample(spec)
    values = official_values(spec, members, how, sample, store)
    data = csv_bytes(spec, values, sample)
    checked = check_bytes(data, sample, spec)
    if checked.reasons:
        raise ValueError("the blend is no valid submission: " + "; ".join(checked.reasons))
    write_atomic(out_csv, data)
    return len(sample), hashlib.sha256(data).hexdigest()


def csv_bytes(spec: CompetitionSpec, values: Array, sample: Sample) -> bytes:
    """A comma separated table as the benchmark's grader reads it, floats with all their digits."""
    cells = to_cells(values, spec)
    frame = sample.frame.assign(**{name: cells[name].array for name in spec.answers.targets})
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text.encode()
