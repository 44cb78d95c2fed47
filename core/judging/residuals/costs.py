"""What each held-out row costs, and by how much its prediction is off.

A row's cost is its part of the metric where the metric is a mean (or a root of a mean) of such parts;
else the nearest quantity that is one, which `unit` names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.judging import metrics_labels, metrics_numbers
from core.judging.metrics import Metric, row_statistic
from core.judging.ranking import RANKINGS
from core.judging.ranks import ranked
from core.judging.statistic import Array, Statistic, averaged, rooted
from core.metric_names import BY_NAME, WORDS


@dataclass(frozen=True, slots=True, eq=False)
class RowErrors:
    """Of one program on the rows of one view, smaller is better.

    costs: [rows, parts]. finish: the error of any rows from the means of their costs [..., parts].
    unit: what such an error is. residuals: prediction minus answer [rows, columns], in `scale`; None
    where answers are no numbers.
    """

    costs: Array
    finish: Callable[[Array], Array]
    unit: str
    residuals: Array | None = None
    # In what the residuals are: "" for the answer's own unit.
    scale: str = ""


def row_errors(metric: Metric, truth: Array, pred: Array) -> RowErrors:
    """truth, pred: [rows, columns] as metrics take them."""
    statistic, unit = _statistic(metric, truth, pred)
    residuals, scale = _residuals(metric, truth, pred)
    return RowErrors(np.asarray(statistic.rows), statistic.finish, unit, residuals, scale)


def error_signal(metric: Metric, truth: Array, pred: Array) -> Array:
    """By what errors of two programs are compared: residuals where answers are numbers, else costs;
    [rows, parts].
    """
    residuals = _residuals(metric, truth, pred)[0]
    if residuals is not None:
        return residuals
    return np.asarray(_statistic(metric, truth, pred)[0].rows)


# ---------------------------------------------------------------- costs


def _statistic(metric: Metric, truth: Array, pred: Array) -> tuple[Statistic, str]:
    """A mean, or a root of a mean, whose value is smaller where the program is better; its name."""
    known = BY_NAME[metric.name]
    if metric.name not in RANKINGS and not known.by_ranks:
        own = row_statistic(metric, truth, pred)
        if own.slope is not None and metric.maximize:
            return averaged(1.0 - own.rows), f"1 - {metric.name}"
        if own.slope is not None:
            return own, metric.name
    if metric.predicts == "real":
        return _of_numbers(metric, truth, pred)
    if metric.predicts == "probability":
        return _of_probabilities(known.by_ranks, truth, pred)
    return _of_labels(metric, truth, pred)


def _of_numbers(metric: Metric, truth: Array, pred: Array) -> tuple[Statistic, str]:
    if BY_NAME[metric.name].by_ranks:
        return rooted((_places(pred) - _places(truth)) ** 2), "rms difference of ranks (0 to 1)"
    if metric.name == "log_mae":
        return metrics_numbers.mae(truth, pred), "mae"
    if metric.name == "rmspe":
        return metrics_numbers.mape(truth, np.where(truth == 0, 0.0, pred)), "mape"
    return metrics_numbers.rmse(truth, pred), "rmse"


def _of_probabilities(by_ranks: bool, truth: Array, pred: Array) -> tuple[Statistic, str]:
    if not by_ranks:
        return metrics_numbers.mse(truth, pred), "squared error of the probability"
    return averaged(_ranked_wrongly(truth, pred)), "share of wrongly ordered pairs"


def _ranked_wrongly(truth: Array, pred: Array) -> Array:
    """Share of the other class that stands on the wrong side of each row, ties counted half; [rows,
    columns]. The mean over either class is 1 - AUC.
    """
    wrong = np.zeros(truth.shape)
    for column in range(truth.shape[1]):
        positive = truth[:, column] > truth[:, column].mean()
        values = pred[:, column]
        up, down = np.sort(values[positive]), np.sort(values[~positive])
        if len(up) and len(down):
            wrong[positive, column] = 1.0 - _below(down, values[positive])
            wrong[~positive, column] = _below(up, values[~positive])
    return wrong


def _below(ordered: Array, values: Array) -> Array:
    """Share of `ordered` that lies below each value, ties counted half."""
    sides = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(sides / (2 * len(ordered)))


def _of_labels(metric: Metric, truth: Array, pred: Array) -> tuple[Statistic, str]:
    if BY_NAME[metric.name].needs.numeric_labels:
        return metrics_numbers.mae(truth.astype(float), pred.astype(float)), "mean distance"
    if metric.one_hot and metric.predicts not in WORDS:
        truth, pred = _chosen(truth), _chosen(pred)
    return metrics_labels.error_rate(truth, pred), "share of wrong answers"


def _chosen(values: Array) -> Array:
    return np.asarray(values.argmax(axis=1)[:, None])


# ---------------------------------------------------------------- residuals


def _residuals(metric: Metric, truth: Array, pred: Array) -> tuple[Array | None, str]:
    """Prediction minus answer, and in what."""
    known = BY_NAME[metric.name]
    if metric.predicts == "probability":
        return pred - truth, ""
    if metric.predicts == "label" and known.needs.numeric_labels and not metric.one_hot:
        return pred.astype(float) - truth.astype(float), ""
    if metric.predicts != "real":
        return None, ""
    if known.by_ranks:
        return _places(pred) - _places(truth), "rank"
    if metric.name == "rmsle":
        return np.log1p(pred) - np.log1p(truth), "log(1 + y)"
    return pred - truth, ""


def _places(values: Array) -> Array:
    """Column-wise ranks inside (0, 1), ties averaged."""
    return np.asarray((ranked(values) - 0.5) / max(len(values), 1))
