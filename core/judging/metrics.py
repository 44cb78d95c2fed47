"""The metrics by name: one number from truth and predictions, and the row statistics that it is
made of.

Runs in a worker process. Truth and predictions are arrays [rows, columns] of the same shape and
kind: float, text for labels that are no numbers, objects (texts of any length) for lists, texts and
masks. Higher or lower is better as core.metric_names says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from core.judging import metrics_labels, metrics_masks, metrics_numbers, metrics_texts
from core.judging.ranking import RANKINGS
from core.judging.statistic import Array, Statistic
from core.judging.weighing import Weighing
from core.metric_names import BY_NAME, WORDS, family, predicts
from core.records import CompetitionSpec, ValueKind

ALIKE = Weighing()


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of BY_NAME as a competition uses it. one_hot: one column per class of a single
    label.

    kind: of the values, None for the usual one of the metric. exclusive: several columns are shares
    of one whole. parameters: a number per column, of a metric that has a parameter.
    """

    name: str
    maximize: bool
    one_hot: bool = False
    kind: ValueKind | None = None
    exclusive: bool = False
    parameters: tuple[float, ...] = ()

    @classmethod
    def of(cls, spec: CompetitionSpec) -> Metric:
        maximize = spec.metric.direction == "maximize"
        return cls(
            spec.metric.name,
            maximize,
            spec.answers.one_hot,
            predicts(spec),
            spec.answers.exclusive,
            spec.metric.parameters,
        )

    @property
    def predicts(self) -> ValueKind:
        return self.kind or BY_NAME[self.name].predicts


def score(metric: Metric, truth: Array, pred: Array, weighing: Weighing = ALIKE) -> float:
    """The metric's value; NaN where it is not defined on these rows (no rows, one class only, no
    spread).

    weighing: of the rows, for metrics that are not in RANKINGS.
    """
    if not len(truth):
        return float("nan")
    if metric.name in RANKINGS:
        return RANKINGS[metric.name].value(truth, pred)
    statistic = row_statistic(metric, truth, pred, weighing)
    return float(statistic.finish(statistic.means()))


def row_statistic(
    metric: Metric, truth: Array, pred: Array, weighing: Weighing = ALIKE
) -> Statistic:
    """The statistic of any metric that is not in RANKINGS."""
    return weighing.of(_plain(metric, truth, pred))


def _plain(metric: Metric, truth: Array, pred: Array) -> Statistic:
    kind = metric.predicts
    if kind in WORDS:
        return _of_words(metric, kind)(truth, pred)
    if kind == "label" and metric.one_hot:
        truth, pred = truth.argmax(axis=1)[:, None], pred.argmax(axis=1)[:, None]
    if metric.name in _OF_WHOLES and (metric.one_hot or metric.exclusive):
        return _OF_WHOLES[metric.name](truth, pred)
    parameter = BY_NAME[metric.name].parameter
    if parameter is not None:
        numbers = np.array(metric.parameters or [parameter.usual])
        return _PARAMETRIC[metric.name](numbers, truth, pred)
    return _STATISTICS[metric.name](truth, pred)


def _of_words(metric: Metric, kind: ValueKind) -> Callable[[Array, Array], Statistic]:
    name = family(metric.name)
    if name in _FAMILIES:
        return partial(_FAMILIES[name], BY_NAME[metric.name].at)
    return _WORDS[kind][name]


_STATISTICS = metrics_numbers.STATISTICS | metrics_labels.STATISTICS
# Where the columns are shares of one whole.
_OF_WHOLES = metrics_numbers.OF_WHOLES
# Functions of the parameter [columns], truth and predictions.
_PARAMETRIC = metrics_numbers.PARAMETRIC
# Functions of the number in the name, truth and predictions.
_FAMILIES = metrics_texts.FAMILIES
_WORDS = {
    "text": metrics_texts.STATISTICS,
    "list": metrics_texts.LISTS,
    "mask": metrics_masks.STATISTICS,
}
SCORED = frozenset(chain(_STATISTICS, _PARAMETRIC, *_WORDS.values(), RANKINGS, _FAMILIES))
