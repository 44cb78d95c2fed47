"""What is said of all held-out rows together: bias against spread, and where the weight of the errors
lies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.judging.residuals.guards import DIGITS, LEAST_ROWS
from core.judging.residuals.held import HeldErrors
from core.judging.statistic import Array
from core.metric_names import WORDS, predicts
from core.records import CompetitionSpec

# Share of the rows that are called the worst.
WORST = 0.01
# They are named where they make so many times their share of the error.
HEAVY = 5
# What is smaller than this is no news.
_SLOPE_NEWS, _DRIFT = 0.03, 0.05
_SURE = 2.0


def summary(spec: CompetitionSpec, held: HeldErrors) -> Iterator[str]:
    """A statement each, the most general first."""
    error = shown(held.error(np.arange(len(held))))
    drawn = ""
    if len(held) < held.known:
        drawn = f", drawn from {held.known}"
    yield f"{held.unit} {error} over {len(held)} held-out rows{drawn}"
    kind = predicts(spec)
    if kind in WORDS:
        yield from _of_words(held)
    elif kind == "probability":
        yield from _of_probabilities(spec, held)
    elif held.residuals is not None:
        yield from _of_numbers(held)
    yield from _worst_rows(held)


def shown(value: float) -> str:
    """A figure as it stands in a sentence."""
    return f"{value:.{DIGITS}g}"


def _of_numbers(held: HeldErrors) -> Iterator[str]:
    """Per column where there are several; of the one column more."""
    assert held.residuals is not None
    if held.residuals.shape[1] > 1:
        return
    residuals, scale = held.residuals[:, 0], _in(held)
    mean, square = float(residuals.mean()), float((residuals**2).mean())
    if square > 0:
        yield (
            f"mean of prediction - answer {shown(mean)}{scale}: bias makes {mean**2 / square:.1%} of "
            "the squared error, spread the rest"
        )
        yield from _bias_by_fold(held, mean**2 / square)
    yield from _slope(held)


def _bias_by_fold(held: HeldErrors, of_all: float) -> Iterator[str]:
    """Levels that are off by another amount in each fold, where they add up to something: their mean
    hides it.
    """
    assert held.residuals is not None
    if len(held.folds) < 2:
        return
    residuals = held.residuals[:, 0]
    means, lost = list[str](), 0.0
    for number in range(len(held.folds)):
        own = residuals[held.fold == number]
        means.append(f"{own.mean():+.{DIGITS}g}")
        lost += len(own) * float(own.mean()) ** 2
    share = lost / float((residuals**2).sum())
    if share > max(_DRIFT, 2 * of_all):
        yield f"the level is off by {', '.join(means)} in the folds: {share:.0%} of the squared error"


def _in(held: HeldErrors) -> str:
    if held.scale:
        return f" in {held.scale}"
    return ""


def _slope(held: HeldErrors) -> Iterator[str]:
    """Whether predictions lie too far apart or too close together, where that is sure."""
    found = _answers_on_predictions(held)
    if found is None:
        return
    slope, error = found
    if not np.isfinite(slope):
        yield "the prediction is the same everywhere"
    elif not _is_one(slope, error):
        how = "too close together" if slope > 1 else "too far apart"
        yield (
            f"where a prediction is higher by 1 the answer is higher by {shown(slope)} on average: "
            f"predictions lie {how}"
        )


def right_on_average(held: HeldErrors) -> bool:
    """Answers go up by as much as predictions do, as far as that is sure."""
    found = _answers_on_predictions(held)
    return found is not None and _is_one(*found)


def _is_one(slope: float, error: float) -> bool:
    return abs(slope - 1.0) <= max(_SLOPE_NEWS, _SURE * error)


def _answers_on_predictions(held: HeldErrors) -> tuple[float, float] | None:
    """Slope of the regression and its standard error, NaN where the prediction is the same everywhere;
    None where answers are no single number in their own unit.
    """
    if held.scale or held.residuals is None or held.residuals.shape[1] > 1:
        return None
    pred, residuals = held.pred[:, 0], held.residuals[:, 0]
    centred = pred.astype(float) - pred.astype(float).mean()
    whole = float((centred**2).sum())
    if not whole > 0:
        return np.nan, np.nan
    # The answer is the prediction less the residual.
    slope = 1.0 - float((centred * residuals).sum()) / whole
    left = residuals - residuals.mean() - (1.0 - slope) * centred
    error = float(np.sqrt((centred**2 * left**2).sum())) / whole
    return slope, error


def _of_probabilities(spec: CompetitionSpec, held: HeldErrors) -> Iterator[str]:
    truth, pred = held.truth, held.pred
    if spec.answers.one_hot or spec.answers.exclusive:
        sure = pred.max(axis=1)
        right = truth.argmax(axis=1) == pred.argmax(axis=1)
        yield (
            f"the likeliest class has probability {shown(float(sure.mean()))} on average and is right "
            f"in {shown(float(right.mean()))} of the rows"
        )
    elif truth.shape[1] == 1:
        yield f"mean prediction {shown(float(pred.mean()))}, mean answer {shown(float(truth.mean()))}"


def _of_words(held: HeldErrors) -> Iterator[str]:
    perfect = (held.per_row <= 0).mean()
    yield f"{perfect:.1%} of the rows are right without any fault"
    said, true = _lengths(held.pred), _lengths(held.truth)
    yield (
        f"a prediction has {shown(float(said.mean()))} words on average, an answer "
        f"{shown(float(true.mean()))}; {(said == 0).mean():.1%} and {(true == 0).mean():.1%} are empty"
    )


def _lengths(cells: Array) -> Array:
    """Words of each row, all columns together."""
    counts = [len(str(cell).split()) for cell in cells.ravel().tolist()]
    return np.array(counts).reshape(cells.shape).sum(axis=1)


def _worst_rows(held: HeldErrors) -> Iterator[str]:
    costs = np.sort(held.per_row * held.weights)[::-1]
    most = max(LEAST_ROWS, int(WORST * len(costs)))
    # Of right and wrong answers none is the worst.
    if not costs.sum() > 0 or len(np.unique(costs)) < 3:
        return
    share = costs[:most].sum() / costs.sum()
    if share > HEAVY * most / len(costs):
        yield f"the worst {most} rows make {share:.0%} of the whole error"
