"""Tables by class and by target: where each of them stands, and what is taken for what."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.judging.residuals.guards import LEAST_ROWS, clipped, rounded
from core.judging.residuals.held import HeldErrors
from core.judging.statistic import Array
from core.metric_names import BY_NAME, predicts
from core.records import CompetitionSpec, ErrorGroup, ErrorTable
from utils.untrusted import one_line

MOST_CLASSES = 8
MOST_CONFUSIONS = 6
# Share of a class below which a confusion is none.
LEAST_CONFUSED = 0.02
_NAME_LETTERS = 40


def target_table(spec: CompetitionSpec, held: HeldErrors) -> Iterator[ErrorTable]:
    """The worst of several targets; none where they are classes of one answer."""
    count = held.costs.shape[1]
    targets = spec.answers.targets
    if count < 2 or count != len(targets) or spec.answers.one_hot:
        return
    costs = held.costs
    errors = [float(held.finish(_mean(held, costs[:, [column]]))) for column in range(count)]
    groups = []
    for column in np.argsort([-error for error in errors], kind="stable")[:MOST_CLASSES].tolist():
        bias = None
        if held.residuals is not None and held.residuals.shape[1] == count:
            bias = rounded(float(_mean(held, held.residuals[:, column])))
        name = one_line(targets[column], _NAME_LETTERS)
        groups.append(ErrorGroup(name, len(held), rounded(errors[column]), bias))
    yield ErrorTable(f"by target, the worst first ({held.unit})", tuple(groups))


def _mean(held: HeldErrors, values: Array) -> Array:
    return np.asarray(np.average(values, axis=0, weights=held.weights))


def class_tables(spec: CompetitionSpec, held: HeldErrors) -> Iterator[ErrorTable]:
    """By the true class, and the commonest confusions; none where answers are no classes."""
    found = _codes(spec, held)
    if found is None:
        return
    names, true, said = found
    yield from _by_class(names, true, held)
    confused = list(_confusions(names, true, said))
    if confused:
        title = "confusions: share of a class's rows that were taken for another"
        yield ErrorTable(title, tuple(confused))


def _codes(spec: CompetitionSpec, held: HeldErrors) -> tuple[list[str], Array, Array] | None:
    """Names of the classes, and the true and the predicted class of each row."""
    truth, pred = held.truth, held.pred
    if spec.answers.one_hot:
        return list(spec.answers.targets), truth.argmax(axis=1), pred.argmax(axis=1)
    if truth.shape[1] != 1:
        return None
    if predicts(spec) == "label":
        every = np.concatenate([truth[:, 0], pred[:, 0]])
        labels, codes = np.unique(every, return_inverse=True)
        return list(map(_spelled, labels.tolist())), codes[: len(truth)], codes[len(truth) :]
    # Where only the order counts, both classes cost the same and no limit parts them.
    ordered = BY_NAME[spec.metric.name].by_ranks
    if predicts(spec) == "probability" and not ordered and set(np.unique(truth)) == {0.0, 1.0}:
        pair = ["answer 0", "answer 1"]
        return pair, truth[:, 0].astype(int), (pred[:, 0] >= 0.5).astype(int)
    return None


def _spelled(name: object) -> str:
    if isinstance(name, float):
        return f"{name:g}"
    return str(name)


def _by_class(names: list[str], true: Array, held: HeldErrors) -> Iterator[ErrorTable]:
    """The classes that make most of the error."""
    costs = clipped(held.costs)
    counts = np.bincount(true, minlength=len(names))
    large = np.flatnonzero(counts >= LEAST_ROWS)
    if len(large) < 2:
        return
    totals = np.bincount(true, weights=costs.mean(axis=1), minlength=len(names))
    groups = []
    for code in large[np.argsort(-totals[large], kind="stable")][:MOST_CLASSES].tolist():
        rows = true == code
        weights = held.weights[rows]
        if not weights.any():
            continue
        error = float(held.finish(np.average(costs[rows], axis=0, weights=weights)))
        name = one_line(names[code], _NAME_LETTERS)
        groups.append(ErrorGroup(name, int(counts[code]), rounded(error)))
    title = f"by true class, those that make most of the error first ({held.unit})"
    yield ErrorTable(title, tuple(groups))


def _confusions(names: list[str], true: Array, said: Array) -> Iterator[ErrorGroup]:
    """Pairs of classes that have LEAST_ROWS rows each, one by answer and one by prediction: a
    program that says a class of few rows learns nothing of them.
    """
    size = len(names)
    pairs = np.bincount(true * size + said, minlength=size * size).reshape(size, size)
    known, spoken = pairs.sum(axis=1), pairs.sum(axis=0)
    np.fill_diagonal(pairs, 0)
    pairs[known < LEAST_ROWS] = 0
    pairs[:, spoken < LEAST_ROWS] = 0
    for place in np.argsort(-pairs, axis=None, kind="stable")[:MOST_CONFUSIONS].tolist():
        first, second = divmod(place, size)
        share = pairs[first, second] / max(known[first], 1)
        if share >= LEAST_CONFUSED:
            name = f"{one_line(names[first], _NAME_LETTERS)} taken for {one_line(names[second], _NAME_LETTERS)}"
            yield ErrorGroup(name, int(known[first]), rounded(float(share), 2))
