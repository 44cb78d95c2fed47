"""The held-out rows of all views that a program predicted, with what each one costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.judging.blend import common_views, held_rows
from core.judging.metrics import Metric
from core.judging.residuals.costs import RowErrors, row_errors
from core.judging.residuals.features import held_features
from core.judging.residuals.guards import drawn
from core.judging.scorer import load_answers
from core.judging.statistic import Array
from core.judging.store import Prediction, Store
from core.records import CompetitionSpec, View


@dataclass(frozen=True, slots=True, eq=False)
class HeldErrors:
    """Of one program. Every array has a row per held-out row; features has no columns where none
    are known.
    """

    # What rows cost, [rows, parts].
    costs: Array
    # The error of any rows from the means of their costs.
    finish: Callable[[Array], Array]
    # What such an error is.
    unit: str
    # Prediction minus answer [rows, columns] in `scale`, None where answers are no numbers.
    residuals: Array | None
    # "" for the answer's own unit.
    scale: str
    # Answers as metrics take them, [rows, columns].
    truth: Array
    # Predictions in the same way.
    pred: Array
    # Number of the row's view, from 0.
    fold: Array
    # Names of the views.
    folds: tuple[str, ...]
    # Group or time block, "" where rows are independent.
    group: Array
    # How much a row counts.
    weights: Array
    # Value of the column over which the metric is a mean, None without one.
    levels: Array | None
    # Held-out rows of which these are drawn, themselves where none is left out.
    known: int
    # What a prediction may be made of.
    features: pd.DataFrame

    def __len__(self) -> int:
        return len(self.costs)

    @property
    def per_row(self) -> Array:
        """What each row costs, one number: [rows]."""
        return np.asarray(self.costs.mean(axis=1))

    def error(self, rows: Array) -> float:
        """Of the rows of a mask or of numbers."""
        means = np.average(self.costs[rows], axis=0, weights=self.weights[rows])
        return float(self.finish(means))


def held_errors(
    spec: CompetitionSpec, names: Sequence[str], views: Sequence[View], store: Store
) -> HeldErrors | None:
    """names: of the program's predictions. views: those that they may be of. None without held-out
    rows. Raises OSError when a prediction is gone.
    """
    by_name = {view.name: view for view in views}
    parts = []
    for (prediction,) in common_views([names], store).values():
        if prediction.view in by_name:
            part = _of_view(spec, prediction, by_name[prediction.view])
            if len(part):
                parts.append(part)
    if not parts:
        return None
    return _some(_together(parts), names)


def _of_view(spec: CompetitionSpec, prediction: Prediction, view: View) -> HeldErrors:
    assert prediction.answers is not None
    held, (pred,) = held_rows(spec, [prediction], "holdout")
    answers = load_answers(prediction.answers, spec)
    rows = np.flatnonzero(answers.part == "holdout")
    weights, levels = held.weighing.weights, held.weighing.levels
    if weights is None or not weights.any():
        weights = np.ones(len(rows))
    found: RowErrors = row_errors(Metric.of(spec), held.truth, pred)
    groups = held.groups
    if groups is None:
        groups = np.full(len(rows), "")
    return HeldErrors(
        costs=found.costs,
        finish=found.finish,
        unit=found.unit,
        residuals=found.residuals,
        scale=found.scale,
        truth=held.truth,
        pred=pred,
        fold=np.zeros(len(rows), dtype=int),
        folds=(f"fold {view.fold}",),
        group=groups,
        weights=weights.astype(float),
        levels=levels,
        known=len(rows),
        features=held_features(spec, view),
    )


def _together(parts: Sequence[HeldErrors]) -> HeldErrors:
    def joined(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    residuals, levels = None, None
    if first.residuals is not None:
        residuals = joined("residuals")
    if first.levels is not None:
        levels = joined("levels")
    names = [part.folds[0] for part in parts]
    frames = [part.features for part in parts]
    return HeldErrors(
        costs=joined("costs"),
        finish=first.finish,
        unit=first.unit,
        residuals=residuals,
        scale=first.scale,
        truth=joined("truth"),
        pred=joined("pred"),
        fold=np.repeat(np.arange(len(parts)), list(map(len, parts))),
        folds=tuple(names),
        group=joined("group"),
        weights=joined("weights"),
        levels=levels,
        known=sum(map(len, parts)),
        features=pd.concat(frames, ignore_index=True),
    )


def _some(every: HeldErrors, names: Sequence[str]) -> HeldErrors:
    """The rows that a report may rest on (see guards)."""
    rows = drawn(names, len(every))
    residuals, levels = every.residuals, every.levels
    if residuals is not None:
        residuals = residuals[rows]
    if levels is not None:
        levels = levels[rows]
    return HeldErrors(
        costs=every.costs[rows],
        finish=every.finish,
        unit=every.unit,
        residuals=residuals,
        scale=every.scale,
        truth=every.truth[rows],
        pred=every.pred[rows],
        fold=every.fold[rows],
        folds=every.folds,
        group=every.group[rows],
        weights=every.weights[rows],
        levels=levels,
        known=len(every),
        features=every.features.iloc[rows].reset_index(drop=True),
    )
