"""Whether a program is right on far more rows of some folds than its other folds explain: what one fold
lets programs learn from is held out in another, and could have been written into the program. Runs
in a worker process.

Folds differ honestly, and so do programs. So a fold is compared with each other fold of the same
program, and that comparison with the one that earlier programs (rivals) have on the same rows: a fold
that is easy for them is easy. Beyond that a program may be ALLOWED times as right as its other fold
says. What is counted:
- Where answers are real numbers: rows that are met exactly, or so nearly as errors of this spread
  hardly ever are. Only answers that hardly any other row has: zeros and other common values are met
  by chance, and a row that a rival meets too is no secret.
- Else: wrong answers, class by class; rows of one group or block count as one. Probabilities are
  taken at the limit, or the class, that suits them best.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from core.judging.blend import common_views, held_rows
from core.judging.compare import HeldTruth
from core.judging.resample import clusters
from core.judging.statistic import Array
from core.judging.store import Store
from core.metric_names import WORDS, predicts
from core.records import CompetitionSpec, Suspicion

# That an honest program looks so by chance, over all pairs of its folds.
LEAST_P = 1e-6
# How many times as right as its other fold says a program may be in a fold, beyond what rivals show.
ALLOWED = 3.0
# Standard errors by which a rate of the other fold may be off.
SURE = 3.0
# Share of the rows that a value has at most to be no common one.
RARE = 0.001
# Of the error that nine of ten rows have at most: what is nearer counts as met.
NEAR = 0.001
_USUAL = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """The held-out rows of one view. own: predictions of the program in question, rivals: of earlier
    ones; all like held.truth, [rows, columns].
    """

    view: str
    held: HeldTruth
    own: Array
    rivals: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """Of one program in one fold, by class: how many rows there are, and how many are wrong, [classes]
    each; a row of a group of n counts 1 / n.
    """

    rows: Array
    wrong: Array

    def expected_in(self, other: Faults) -> float:
        """Wrong rows of another fold if its classes were as hard as here."""
        rates = np.divide(self.wrong, self.rows, out=np.zeros(len(self.rows)), where=self.rows > 0)
        return float(other.rows @ rates)


@dataclass(frozen=True, slots=True)
class _Finding:
    """p: at most, for one pair of folds."""

    view: str
    why: str
    p: float


def suspicion(
    spec: CompetitionSpec, names: Sequence[str], rivals: Sequence[Sequence[str]], store: Store
) -> Suspicion | None:
    """names: of the program's predictions; rivals: of those of earlier programs. None where nothing is
    odd, and where nothing can be compared: one fold, or no rival. Raises OSError when a prediction is
    gone.
    """
    folds = []
    for predictions in common_views([names, *rivals], store).values():
        held, (own, *others) = held_rows(spec, predictions, "holdout")
        if len(held.truth):
            folds.append(Fold(predictions[0].view, held, own, tuple(others)))
    if not rivals:
        return None
    return judged(spec, folds)


def judged(spec: CompetitionSpec, folds: Sequence[Fold]) -> Suspicion | None:
    """The same for folds that are read. At least one fold is never among the odd ones."""
    if len(folds) < 2:
        return None
    findings = list(_findings(spec, folds))
    pairs = len(folds) * (len(folds) - 1)
    odd = [finding for finding in findings if finding.p * pairs < LEAST_P]
    if not odd:
        return None
    views = tuple(sorted({finding.view for finding in odd}))
    worst = min(odd, key=lambda finding: finding.p)
    return Suspicion(views, worst.why, worst.p * pairs)


def _findings(spec: CompetitionSpec, folds: Sequence[Fold]) -> Iterator[_Finding]:
    if predicts(spec) == "real":
        return _hits(folds)
    return _few_faults(spec, folds)


def at_least(count: float, expected: float) -> float:
    """Bound of Chernoff on the probability that a Poisson count reaches `count`; 1 where it is no more
    than expected.
    """
    return _tail(count, expected) if count > expected else 1.0


def at_most(count: float, expected: float) -> float:
    """The same for a count that is as small."""
    return _tail(count, expected) if count < expected else 1.0


def _tail(count: float, expected: float) -> float:
    if expected <= 0:
        return 0.0
    exponent = expected - count
    if count > 0:
        exponent += count * math.log(count / expected)
    return math.exp(-exponent)


# ---------------------------------------------------------------- real numbers


def _hits(folds: Sequence[Fold]) -> Iterator[_Finding]:
    rare = _rare([fold.held.truth for fold in folds])
    rows = [int(each.any(axis=1).sum()) for each in rare]
    met = [_met(fold, each) for fold, each in zip(folds, rare, strict=True)]
    for here, there in permutations(range(len(folds)), 2):
        if not rows[here] or not rows[there]:
            continue
        rate = (met[there] + SURE * math.sqrt(met[there]) + SURE) / rows[there]
        expected = ALLOWED * rate * rows[here]
        view = folds[here].view
        why = (
            f"it meets {met[here]} of {rows[here]} rare answers of {view} exactly, where "
            f"{folds[there].view} explains {expected:.0f} at most"
        )
        yield _Finding(view, why, at_least(met[here], expected))


def _rare(truths: Sequence[Array]) -> list[Array]:
    """Which answers hardly any other row of all folds has, [rows, columns] for each fold."""
    every = np.concatenate(truths).astype(float)
    most = max(1, int(RARE * len(every)))
    rare = np.zeros(every.shape, dtype=bool)
    for column in range(every.shape[1]):
        _, codes, counts = np.unique(every[:, column], return_inverse=True, return_counts=True)
        rare[:, column] = counts[codes.ravel()] <= most
    return np.split(rare, np.cumsum([len(truth) for truth in truths])[:-1])


def _met(fold: Fold, rare: Array) -> int:
    """Rows whose rare answers the program meets, and no rival."""
    known = np.zeros(len(rare), dtype=bool)
    for rival in fold.rivals:
        known |= _meets(fold.held.truth, rival, rare)
    return int((_meets(fold.held.truth, fold.own, rare) & ~known).sum())


def _meets(truth: Array, pred: Array, rare: Array) -> Array:
    """Rows with a rare answer whose every rare answer is met."""
    off = np.abs(pred.astype(float) - truth.astype(float))
    near = np.ones(off.shape, dtype=bool)
    for column in np.flatnonzero(rare.any(axis=0)).tolist():
        usual = np.quantile(off[rare[:, column], column], _USUAL)
        near[:, column] = off[:, column] <= NEAR * usual
    return np.asarray(rare.any(axis=1) & (near | ~rare).all(axis=1))


# ---------------------------------------------------------------- classes, texts, probabilities


def _few_faults(spec: CompetitionSpec, folds: Sequence[Fold]) -> Iterator[_Finding]:
    kinds = _kinds(spec, [fold.held.truth for fold in folds])
    size = 1 + max(int(kind.max()) for kind in kinds)
    own, rivals = [], []
    for fold, kind in zip(folds, kinds, strict=True):
        own.append(_faults(spec, fold, fold.own, kind, size))
        rivals.append([_faults(spec, fold, rival, kind, size) for rival in fold.rivals])
    for here, there in permutations(range(len(folds)), 2):
        easy = min(map(_ease, rivals[here], rivals[there]), default=1.0)
        wrong = float(own[there].wrong.sum())
        sure = max(0.0, 1.0 - SURE / math.sqrt(wrong + 1.0))
        expected = own[there].expected_in(own[here]) * sure * easy / ALLOWED
        count = math.ceil(own[here].wrong.sum())
        view = folds[here].view
        why = (
            f"{count} wrong answers in {view}, where {folds[there].view} and earlier programs "
            f"explain {expected:.0f} at least"
        )
        yield _Finding(view, why, at_most(count, expected))


def _ease(fold: Faults, other: Faults) -> float:
    """How much easier one fold is than another says, 1 for not at all; small counts say little."""
    return min(1.0, (float(fold.wrong.sum()) + SURE) / (other.expected_in(fold) + SURE))


def _kinds(spec: CompetitionSpec, truths: Sequence[Array]) -> list[Array]:
    """Numbers of classes, [rows] for each fold; all 0 where answers are not one class."""
    every = np.concatenate(truths)
    codes = np.zeros(len(every), dtype=int)
    if _is_one_class(spec):
        codes = every.argmax(axis=1)
    elif every.shape[1] == 1 and predicts(spec) not in WORDS:
        codes = np.unique(every[:, 0], return_inverse=True)[1].ravel()
    return np.split(codes, np.cumsum([len(truth) for truth in truths])[:-1])


def _faults(spec: CompetitionSpec, fold: Fold, pred: Array, kind: Array, size: int) -> Faults:
    """kind: [rows], below `size`."""
    cluster = clusters(fold.held.groups, len(kind))
    weight = 1.0 / np.bincount(cluster)[cluster]
    wrong = weight * _wrong(spec, fold.held.truth, pred)
    return Faults(np.bincount(kind, weight, size), np.bincount(kind, wrong, size))


def _wrong(spec: CompetitionSpec, truth: Array, pred: Array) -> Array:
    """[rows], true where the answer is not as it should be."""
    if _is_one_class(spec):
        return np.asarray(truth.argmax(axis=1) != pred.argmax(axis=1))
    if predicts(spec) != "probability":
        return np.asarray((truth != pred).any(axis=1))
    wrong = np.zeros(len(truth), dtype=bool)
    for column in range(truth.shape[1]):
        wrong |= _beyond_best_limit(truth[:, column] > 0.5, pred[:, column].astype(float))
    return wrong


def _is_one_class(spec: CompetitionSpec) -> bool:
    """A column for each class, of which one is right."""
    answers = spec.answers
    return bool(answers.one_hot or answers.exclusive) and predicts(spec) not in WORDS


def _beyond_best_limit(truth: Array, pred: Array) -> Array:
    """Rows on the wrong side of the limit that leaves fewest there. truth: [rows] bool."""
    order = np.argsort(pred, kind="stable")
    ranked, values = truth[order], pred[order]
    below = np.concatenate([[0], np.cumsum(ranked)])
    above = (~ranked).sum() - np.concatenate([[0], np.cumsum(~ranked)])
    places = np.flatnonzero(np.concatenate([[True], values[1:] > values[:-1], [True]]))
    place = places[np.argmin((below + above)[places])]
    said = np.zeros(len(truth), dtype=bool)
    said[order[place:]] = True
    return said != truth
